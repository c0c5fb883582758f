"""The language model over the whole space: its two forms, causality, initialization, configuration."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sugata.errors import InvalidArchitecture
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig
from sugata.nn.config import ACTIVATIONS, MIXER_NAMES, NORMALIZATIONS, POSITIONS

VOCABULARY = 13


@st.composite
def configs(draw: st.DrawFn) -> LanguageModelConfig:
    """Small models of all kinds, mixed layers included."""
    heads = draw(st.sampled_from([1, 2, 3, 4, 6]))
    layer = st.builds(LayerConfig, st.sampled_from(MIXER_NAMES), st.sampled_from([0, 5, 16]))
    return LanguageModelConfig(
        vocabulary_size=VOCABULARY,
        hidden_dim=heads * draw(st.sampled_from([4, 6, 8])),
        num_heads=heads,
        layers=tuple(draw(st.lists(layer, min_size=1, max_size=3))),
        normalization=draw(st.sampled_from(NORMALIZATIONS)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        position=draw(st.sampled_from(POSITIONS)),
        tie_embeddings=draw(st.booleans()),
        state_dim=draw(st.sampled_from([1, 4])),
        mamba_head_dim=draw(st.sampled_from([2, 64])),
        conv_kernel=draw(st.sampled_from([1, 4])),
    )


def random_model(config: LanguageModelConfig) -> LanguageModel:
    """A model with larger random weights than the initial ones, so that every path counts."""
    model = LanguageModel(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def some_tokens(batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


def model_of(mixer: str, **fields: str | bool) -> LanguageModelConfig:
    layers = (LayerConfig(mixer, 32),) * 2
    return LanguageModelConfig(VOCABULARY, 16, 4, layers, **fields)  # type: ignore[arg-type]


def test_the_names_of_mixers_agree() -> None:
    assert tuple(MIXERS) == MIXER_NAMES


@settings(max_examples=60, deadline=None)
@given(configs(), st.integers(1, 80))
@torch.no_grad()
def test_step_form_equals_parallel_form(config: LanguageModelConfig, length: int) -> None:
    model = random_model(config)
    tokens = some_tokens(2, length)
    parallel = model(tokens)
    state = model.initial_state(2)
    assert len(state) == len(model.state_names) == len(set(model.state_names))
    for t in range(length):
        logits, state = model.step(tokens[:, t], state)
        torch.testing.assert_close(logits, parallel[:, t], atol=1e-4, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(configs(), st.lists(st.integers(1, 40), min_size=1, max_size=4))
@torch.no_grad()
def test_blocks_from_a_state_equal_the_parallel_form(config: LanguageModelConfig, blocks: list[int]) -> None:
    model = random_model(config)
    tokens = some_tokens(2, sum(blocks))
    parallel = model(tokens)
    state, logits = model.initial_state(2), []
    for block in torch.split(tokens, blocks, dim=1):
        of_block, state = model.extend(block, state)
        logits.append(of_block)
    torch.testing.assert_close(torch.cat(logits, dim=1), parallel, atol=1e-4, rtol=1e-4)
    one_more = some_tokens(2, 1)[:, 0]
    stepped, _ = model.step(one_more, state)
    extended, _ = model.extend(one_more[:, None], state)
    torch.testing.assert_close(extended[:, 0], stepped, atol=1e-4, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(configs(), st.integers(2, 140), st.data())
@torch.no_grad()
def test_no_output_depends_on_later_tokens_or_other_sequences(
    config: LanguageModelConfig, length: int, data: st.DataObject
) -> None:
    model = random_model(config)
    tokens = some_tokens(2, length)
    changed = tokens.clone()
    time = data.draw(st.integers(0, length - 1))
    changed[0, time] = (changed[0, time] + 1) % VOCABULARY
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[0, :time], after[0, :time], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(before[1], after[1], atol=1e-6, rtol=1e-6)
    assert not torch.equal(before[0, time], after[0, time])


@settings(max_examples=30, deadline=None)
@given(configs())
def test_gradients_reach_every_parameter(config: LanguageModelConfig) -> None:
    model = random_model(config).train()
    tokens = some_tokens(3, 12)
    logits = model(tokens)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.roll(-1, 1).flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@settings(max_examples=50, deadline=None)
@given(configs())
def test_configuration_goes_through_json(config: LanguageModelConfig) -> None:
    assert LanguageModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_meta_device_counts_the_parameters_of_the_gpt2_like_baseline() -> None:
    config = LanguageModelConfig(50_000, 384, 6, (LayerConfig("transformer", 1536),) * 6)
    model = LanguageModel(config, device="meta")
    assert sum(p.numel() for p in model.parameters()) == 49_026_816
    assert all(p.is_meta for p in model.parameters())


def test_tied_head_is_the_embedding() -> None:
    model = LanguageModel(model_of("transformer", tie_embeddings=True))
    assert model.head.weight is model.embedding.weight
    meta = LanguageModel(model_of("transformer", tie_embeddings=True), device="meta")
    assert sum(p.numel() for p in meta.parameters()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("mixer", MIXERS)
def test_initialization_depends_on_the_generator_alone(mixer: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = LanguageModel(model_of(mixer))
    assert torch.equal(before, torch.get_rng_state())
    second = random_model(model_of(mixer))
    second.initialize(torch.Generator().manual_seed(0))
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b), name
    second.initialize(torch.Generator().manual_seed(5))
    assert not torch.equal(first.head.weight, second.head.weight)


def test_initialization_scales_with_width_as_mup_says() -> None:
    def stds(dim: int) -> dict[str, float]:
        config = LanguageModelConfig(4000, dim, 4, (LayerConfig("transformer", 4 * dim),) * 2)
        return {name: p.std().item() for name, p in LanguageModel(config).named_parameters() if p.dim() > 1}

    narrow, wide = stds(64), stds(256)
    for name, std in narrow.items():
        expected = {"embedding.weight": 1.0, "head.weight": 4.0}.get(name, 2.0)
        assert std / wide[name] == pytest.approx(expected, rel=0.05), name
    assert narrow["layers.0.ffn.down.weight"] == pytest.approx((4 * 64) ** -0.5 / 2, rel=0.05)


@pytest.mark.parametrize("tied", [False, True])
def test_tokens_enter_with_unit_variance_and_first_logits_are_moderate(tied: bool) -> None:
    config = LanguageModelConfig(4000, 64, 4, (), tie_embeddings=tied)
    model = LanguageModel(config)
    tokens = torch.arange(4000)[None]
    assert (model.embedding(tokens) * model.embedding_scale).std().item() == pytest.approx(1.0, rel=0.05)
    off_diagonal = model(tokens)[0].fill_diagonal_(0.0)
    assert off_diagonal.std().item() < 1.1


@pytest.mark.parametrize("mixer", MIXERS)
def test_checkpointed_activations_give_the_same_gradients(mixer: str) -> None:
    model = random_model(model_of(mixer)).train()
    tokens = some_tokens(2, 20)
    gradients = []
    for checkpointed in (False, True):
        model.checkpoint_activations = checkpointed
        model.zero_grad()
        model(tokens).logsumexp(-1).sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize("mixer", MIXERS)
def test_bf16_autocast_trains(mixer: str) -> None:
    model = LanguageModel(model_of(mixer, position="rope", normalization="rmsnorm", activation="swiglu"))
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(some_tokens(2, 70)).float().logsumexp(-1).mean()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_forms_of_attention_have_the_same_weights_and_outputs() -> None:
    explicit, fused = (
        random_model(model_of(name, position="alibi")) for name in ("transformer", "flash_attention")
    )
    fused.load_state_dict(explicit.state_dict())
    tokens = some_tokens(2, 40)
    torch.testing.assert_close(explicit(tokens), fused(tokens), atol=1e-5, rtol=1e-5)


def test_position_is_inert_in_models_ordered_by_recurrence() -> None:
    tokens = some_tokens(1, 20)
    absolute, rope = (LanguageModel(model_of("mamba", position=p)) for p in ("absolute", "rope"))
    assert torch.equal(absolute(tokens), rope(tokens))
    assert "position" not in absolute.state_names
    assert "position" in LanguageModel(model_of("transformer")).state_names


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"layers": (LayerConfig("transformer", 8),), "num_heads": 5}, "num_heads 5"),
        ({"layers": (LayerConfig("transformer", 8),), "num_heads": 16, "position": "rope"}, "rope"),
        ({"normalization": "batchnorm"}, "batchnorm"),
        ({"activation": "relu"}, "relu"),
        ({"position": "learned"}, "learned"),
        ({"hidden_dim": 0}, "hidden_dim"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, object], named: str) -> None:
    values = {"vocabulary_size": 9, "hidden_dim": 16, "num_heads": 4, "layers": (LayerConfig("mamba", 8),)}
    with pytest.raises(InvalidArchitecture, match=named):
        LanguageModelConfig(**(values | fields))  # type: ignore[arg-type]


def test_unknown_and_missing_fields_are_named() -> None:
    values = model_of("mamba").to_dict()
    with pytest.raises(InvalidArchitecture, match="flavour"):
        LanguageModelConfig.from_dict(values | {"flavour": 1})
    del values["hidden_dim"]
    with pytest.raises(InvalidArchitecture, match="hidden_dim"):
        LanguageModelConfig.from_dict(values)
    with pytest.raises(InvalidArchitecture, match="perceptron"):
        LayerConfig("perceptron", 8)
