"""Whole models against those of the `transformers` library, with copied weights."""

import pytest
import torch
from torch import Tensor, nn

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.nn.positions import sinusoidal

transformers = pytest.importorskip("transformers")

VOCABULARY, DIM, HEADS, DEPTH, LENGTH = 31, 32, 4, 2, 75


def randomized(model: nn.Module) -> dict[str, Tensor]:
    """Weights of `model` after filling every parameter at random, so that none is one or zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval().state_dict()


def assert_same_logits(ours: LanguageModel, theirs: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy `weights` (all of ours, by our names) and compare logits."""
    ours.load_state_dict(weights)
    tokens = torch.randint(VOCABULARY, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(tokens), theirs(tokens).logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mixer", ["transformer", "flash_attention"])
def test_gpt2(mixer: str) -> None:
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=LENGTH,
            n_embd=DIM,
            n_layer=DEPTH,
            n_head=HEADS,
            activation_function="gelu",
            tie_word_embeddings=False,
        )
    )
    randomized(theirs)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if name.endswith("bias") and "ln_" not in name:
                parameter.zero_()
        theirs.transformer.wpe.weight.copy_(sinusoidal(torch.arange(LENGTH), DIM))
    source = theirs.state_dict()
    ours = LanguageModel(LanguageModelConfig(VOCABULARY, DIM, HEADS, (LayerConfig(mixer, 4 * DIM),) * DEPTH))
    weights = {"embedding.weight": source["transformer.wte.weight"], "head.weight": source["lm_head.weight"]}
    for i in range(DEPTH):
        theirs_i, ours_i = f"transformer.h.{i}", f"layers.{i}"
        for part in ("weight", "bias"):
            weights[f"{ours_i}.mixer_norm.{part}"] = source[f"{theirs_i}.ln_1.{part}"]
            weights[f"{ours_i}.ffn_norm.{part}"] = source[f"{theirs_i}.ln_2.{part}"]
            weights[f"norm.{part}"] = source[f"transformer.ln_f.{part}"]
        weights[f"{ours_i}.mixer.qkv.weight"] = source[f"{theirs_i}.attn.c_attn.weight"].T
        weights[f"{ours_i}.mixer.output.weight"] = source[f"{theirs_i}.attn.c_proj.weight"].T
        weights[f"{ours_i}.ffn.up.weight"] = source[f"{theirs_i}.mlp.c_fc.weight"].T
        weights[f"{ours_i}.ffn.down.weight"] = source[f"{theirs_i}.mlp.c_proj.weight"].T
    assert_same_logits(ours, theirs, weights)


@pytest.mark.parametrize(("mixer", "key_value_heads"), [("transformer", 4), ("grouped_query_attention", 2)])
def test_llama(mixer: str, key_value_heads: int) -> None:
    theirs = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=DIM,
            intermediate_size=80,
            num_hidden_layers=DEPTH,
            num_attention_heads=HEADS,
            num_key_value_heads=key_value_heads,
            rms_norm_eps=1e-5,
        )
    )
    source = randomized(theirs)
    ours = LanguageModel(
        LanguageModelConfig(
            VOCABULARY,
            DIM,
            HEADS,
            (LayerConfig(mixer, 80),) * DEPTH,
            normalization="rmsnorm",
            activation="swiglu",
            position="rope",
            num_key_value_heads=key_value_heads,
        )
    )
    weights = {
        "embedding.weight": source["model.embed_tokens.weight"],
        "norm.weight": source["model.norm.weight"],
        "head.weight": source["lm_head.weight"],
    }
    for i in range(DEPTH):
        layer = {name: source[f"model.layers.{i}.{name}.weight"] for name in LLAMA_PARTS}
        ours_i = f"layers.{i}"
        weights[f"{ours_i}.mixer_norm.weight"] = layer["input_layernorm"]
        weights[f"{ours_i}.ffn_norm.weight"] = layer["post_attention_layernorm"]
        weights[f"{ours_i}.mixer.qkv.weight"] = torch.cat([layer[f"self_attn.{p}_proj"] for p in "qkv"])
        weights[f"{ours_i}.mixer.output.weight"] = layer["self_attn.o_proj"]
        weights[f"{ours_i}.ffn.up.weight"] = torch.cat((layer["mlp.gate_proj"], layer["mlp.up_proj"]))
        weights[f"{ours_i}.ffn.down.weight"] = layer["mlp.down_proj"]
    assert_same_logits(ours, theirs, weights)


LLAMA_PARTS = (
    "input_layernorm",
    "post_attention_layernorm",
    *(f"self_attn.{p}_proj" for p in "qkvo"),
    *(f"mlp.{p}_proj" for p in ("gate", "up", "down")),
)


def test_mamba2() -> None:
    theirs = transformers.Mamba2ForCausalLM(
        transformers.Mamba2Config(
            vocab_size=VOCABULARY,
            hidden_size=DIM,
            num_hidden_layers=DEPTH,
            num_heads=4,
            head_dim=16,
            state_size=8,
            n_groups=1,
            chunk_size=16,
            layer_norm_epsilon=1e-5,
        )
    )
    source = randomized(theirs)
    ours = LanguageModel(
        LanguageModelConfig(
            VOCABULARY,
            DIM,
            HEADS,
            (LayerConfig("mamba", 0),) * DEPTH,
            normalization="rmsnorm",
            state_dim=8,
            mamba_head_dim=16,
        )
    )
    weights = {
        "embedding.weight": source["backbone.embeddings.weight"],
        "norm.weight": source["backbone.norm_f.weight"],
        "head.weight": source["lm_head.weight"],
    }
    for i in range(DEPTH):
        theirs_i, ours_i = f"backbone.layers.{i}", f"layers.{i}"
        weights[f"{ours_i}.mixer_norm.weight"] = source[f"{theirs_i}.norm.weight"]
        for name in ("in_proj.weight", "out_proj.weight", "norm.weight", "dt_bias", "A_log", "D"):
            weights[f"{ours_i}.mixer.{name}"] = source[f"{theirs_i}.mixer.{name}"]
        for part in ("weight", "bias"):
            weights[f"{ours_i}.mixer.conv.{part}"] = source[f"{theirs_i}.mixer.conv1d.{part}"]
    assert_same_logits(ours, theirs, weights)


def test_rwkv() -> None:
    theirs = transformers.RwkvForCausalLM(
        transformers.RwkvConfig(
            vocab_size=VOCABULARY,
            hidden_size=DIM,
            num_hidden_layers=DEPTH,
            intermediate_size=96,
            tie_word_embeddings=False,
            rescale_every=0,
        )
    )
    source = randomized(theirs)
    ours = LanguageModel(LanguageModelConfig(VOCABULARY, DIM, HEADS, (LayerConfig("rwkv", 96),) * DEPTH))
    # Their first block normalizes the embedding once more, token by token: that goes into the table.
    first = theirs.rwkv.blocks[0].pre_ln
    weights = {
        "embedding.weight": first(source["rwkv.embeddings.weight"]).detach(),
        "head.weight": source["head.weight"],
    }
    for i in range(DEPTH):
        theirs_i, ours_i = f"rwkv.blocks.{i}", f"layers.{i}"
        for part in ("weight", "bias"):
            weights[f"{ours_i}.mixer_norm.{part}"] = source[f"{theirs_i}.ln1.{part}"]
            weights[f"{ours_i}.ffn_norm.{part}"] = source[f"{theirs_i}.ln2.{part}"]
            weights[f"norm.{part}"] = source[f"rwkv.ln_out.{part}"]
        for name in ("time_decay", "time_first", "time_mix_key", "time_mix_value", "time_mix_receptance"):
            weights[f"{ours_i}.mixer.{name}"] = source[f"{theirs_i}.attention.{name}"].flatten()
        for name in ("key", "value", "receptance", "output"):
            weights[f"{ours_i}.mixer.{name}.weight"] = source[f"{theirs_i}.attention.{name}.weight"]
        for name in ("time_mix_key", "time_mix_receptance"):
            weights[f"{ours_i}.ffn.{name}"] = source[f"{theirs_i}.feed_forward.{name}"].flatten()
        for ours_name, name in (("up", "key"), ("down", "value"), ("receptance", "receptance")):
            weights[f"{ours_i}.ffn.{ours_name}.weight"] = source[f"{theirs_i}.feed_forward.{name}.weight"]
    assert_same_logits(ours, theirs, weights)
