"""Language models that are an architecture of the `transformers` library, with their weights renamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sugata.nn import LanguageModel, LanguageModelConfig
from sugata.nn.positions import sinusoidal

ATTENTION_MIXERS = frozenset({"transformer", "flash_attention", "grouped_query_attention"})
GPT2_POSITIONS = 4096  # rows of the table that stands for our sinusoidal encoding of any length
ANY_LENGTH = 1_048_576  # RoPE has no last position

Weights = dict[str, Tensor]


def stock_class(config: LanguageModelConfig) -> str | None:
    """The name of the `transformers` class that computes what this configuration does, or None.

    - `LlamaForCausalLM`: softmax attention everywhere, rope, rmsnorm, swiglu.
    - `GPT2LMHeadModel`: softmax attention everywhere with all heads, absolute positions, layernorm, gelu.
    - `Mamba2ForCausalLM`: Mamba everywhere, rmsnorm, no feed-forward networks.

    All layers must be of one shape. RWKV-4 of `transformers` normalizes the embedding once more and is none.
    """
    mixers = {layer.mixer for layer in config.layers}
    widths = {layer.ffn_dim for layer in config.layers}
    choices = (config.normalization, config.activation, config.position)
    if len(widths) != 1 or config.output_dim is not None:
        return None
    if mixers == {"mamba"} and widths == {0} and config.normalization == "rmsnorm":
        return "Mamba2ForCausalLM"
    heads = {config.heads_of(layer) for layer in config.layers}
    if not mixers <= ATTENTION_MIXERS or widths == {0} or len(heads) > 1:
        return None
    if choices == ("rmsnorm", "swiglu", "rope") and config.hidden_dim % min(heads)[0] == 0:
        return "LlamaForCausalLM"  # which wants that of the number of heads, whatever their width
    if choices == ("layernorm", "gelu", "absolute") and heads == {(config.num_heads, config.num_heads)}:
        return "GPT2LMHeadModel"
    return None


def stock_model(model: LanguageModel, name: str) -> Any:
    """The model as the class `name`, which `stock_class` gave.

    A tied head of ours scales the embedding; the library's classes do not, so the two become two matrices.
    """
    import transformers

    config, weights = _MAKERS[name](model)
    made = getattr(transformers, name)(config)
    made.load_state_dict(weights, assign=True, strict=True)
    return made.eval()


def _llama(model: LanguageModel) -> tuple[Any, Weights]:
    from transformers import LlamaConfig

    ours = model.config
    heads, groups = ours.heads_of(ours.layers[0])
    config = LlamaConfig(
        vocab_size=ours.vocabulary_size,
        hidden_size=ours.hidden_dim,
        intermediate_size=ours.layers[0].ffn_dim,
        num_hidden_layers=len(ours.layers),
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=ours.head_dim,
        rms_norm_eps=ours.norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": ours.rope_theta},
        max_position_embeddings=ANY_LENGTH,
        tie_word_embeddings=False,
    )
    source = _weights(model)
    weights = {
        "model.embed_tokens.weight": source["embedding.weight"],
        "model.norm.weight": source["norm.weight"],
        "lm_head.weight": source["head.weight"],
    }
    rows = [heads * ours.head_dim, groups * ours.head_dim, groups * ours.head_dim]
    for layer in range(len(ours.layers)):
        to, of = f"model.layers.{layer}", f"layers.{layer}"
        weights[f"{to}.input_layernorm.weight"] = source[f"{of}.mixer_norm.weight"]
        weights[f"{to}.post_attention_layernorm.weight"] = source[f"{of}.ffn_norm.weight"]
        for part, rows_of_part in zip("qkv", source[f"{of}.mixer.qkv.weight"].split(rows), strict=True):
            weights[f"{to}.self_attn.{part}_proj.weight"] = rows_of_part.contiguous()
        weights[f"{to}.self_attn.o_proj.weight"] = source[f"{of}.mixer.output.weight"]
        gate, up = source[f"{of}.ffn.up.weight"].chunk(2)
        weights[f"{to}.mlp.gate_proj.weight"] = gate.contiguous()
        weights[f"{to}.mlp.up_proj.weight"] = up.contiguous()
        weights[f"{to}.mlp.down_proj.weight"] = source[f"{of}.ffn.down.weight"]
    return config, weights


def _gpt2(model: LanguageModel) -> tuple[Any, Weights]:
    from transformers import GPT2Config

    ours = model.config
    config = GPT2Config(
        vocab_size=ours.vocabulary_size,
        n_positions=GPT2_POSITIONS,
        n_embd=ours.hidden_dim,
        n_layer=len(ours.layers),
        n_head=ours.num_heads,
        n_inner=ours.layers[0].ffn_dim,
        activation_function="gelu",
        layer_norm_epsilon=ours.norm_eps,
        tie_word_embeddings=False,
    )
    source = _weights(model)
    weights = {
        "transformer.wte.weight": source["embedding.weight"],
        "transformer.wpe.weight": sinusoidal(torch.arange(GPT2_POSITIONS), ours.hidden_dim),
        "lm_head.weight": source["head.weight"],
    }
    for part in ("weight", "bias"):
        weights[f"transformer.ln_f.{part}"] = source[f"norm.{part}"]
    for layer in range(len(ours.layers)):
        to, of = f"transformer.h.{layer}", f"layers.{layer}"
        for part in ("weight", "bias"):
            weights[f"{to}.ln_1.{part}"] = source[f"{of}.mixer_norm.{part}"]
            weights[f"{to}.ln_2.{part}"] = source[f"{of}.ffn_norm.{part}"]
        for name, part in (
            ("attn.c_attn", "mixer.qkv"),
            ("attn.c_proj", "mixer.output"),
            ("mlp.c_fc", "ffn.up"),
            ("mlp.c_proj", "ffn.down"),
        ):
            matrix = source[f"{of}.{part}.weight"].T.contiguous()
            weights[f"{to}.{name}.weight"] = matrix
            weights[f"{to}.{name}.bias"] = torch.zeros(matrix.shape[1])
    return config, weights


def _mamba2(model: LanguageModel) -> tuple[Any, Weights]:
    from transformers import Mamba2Config

    ours = model.config
    source = _weights(model)
    heads = len(source["layers.0.mixer.A_log"])
    config = Mamba2Config(
        vocab_size=ours.vocabulary_size,
        hidden_size=ours.hidden_dim,
        num_hidden_layers=len(ours.layers),
        num_heads=heads,
        head_dim=ours.expand * ours.hidden_dim // heads,
        expand=ours.expand,
        state_size=ours.state_dim,
        conv_kernel=ours.conv_kernel,
        n_groups=1,
        layer_norm_epsilon=ours.norm_eps,
        tie_word_embeddings=False,
    )
    weights = {
        "backbone.embeddings.weight": source["embedding.weight"],
        "backbone.norm_f.weight": source["norm.weight"],
        "lm_head.weight": source["head.weight"],
    }
    for layer in range(len(ours.layers)):
        to, of = f"backbone.layers.{layer}", f"layers.{layer}"
        weights[f"{to}.norm.weight"] = source[f"{of}.mixer_norm.weight"]
        for name in ("in_proj.weight", "out_proj.weight", "norm.weight", "dt_bias", "A_log", "D"):
            weights[f"{to}.mixer.{name}"] = source[f"{of}.mixer.{name}"]
        for part in ("weight", "bias"):
            weights[f"{to}.mixer.conv1d.{part}"] = source[f"{of}.mixer.conv.{part}"]
    return config, weights


_MAKERS: dict[str, Callable[[LanguageModel], tuple[Any, Weights]]] = {
    "LlamaForCausalLM": _llama,
    "GPT2LMHeadModel": _gpt2,
    "Mamba2ForCausalLM": _mamba2,
}


def _weights(model: LanguageModel) -> Weights:
    """All weights, with the embedding as it is added, and apart from a head that is tied to it."""
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    weights["embedding.weight"] *= model.embedding_scale
    return weights
