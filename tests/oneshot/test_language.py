"""The language spaces as elastic supernets."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot import LanguageSupernet, SinglePath, SupernetSettings
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling

from .language_toy import Repeating, hybrid_space, plain_space, signature, supernet, tiny_space
from .toy import Quiet

pytestmark = pytest.mark.slow
SPACES = {"tiny": tiny_space, "hybrid": hybrid_space}
_MADE: dict[str, LanguageSupernet] = {}
every_space = pytest.mark.parametrize("name", SPACES)
TOKENS = torch.randint(16, (2, 40), generator=torch.Generator().manual_seed(0))


def made(name: str) -> LanguageSupernet:
    """Made once; with norms and decays that differ from channel to channel."""
    if name not in _MADE:
        _MADE[name] = supernet(SPACES[name]())
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in _MADE[name].parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return _MADE[name]


@every_space
@settings(max_examples=20)
@given(seed=st.integers(0, 100_000), training=st.booleans())
def test_an_extracted_model_computes_the_active_path(name: str, seed: int, training: bool) -> None:
    shared = made(name).train(training)
    architecture = shared.space.sample(np.random.default_rng(seed))
    shared.activate(architecture)
    model = shared.extract(architecture).train(training)
    with torch.no_grad():
        expected = model(TOKENS)
        torch.testing.assert_close(shared(TOKENS), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(shared.head(shared.features(TOKENS)), expected, rtol=1e-5, atol=1e-5)
    assert not {id(p) for p in model.parameters()} & {id(p) for p in shared.parameters()}
    assert model.config == shared.space.config(architecture)


@every_space
@settings(max_examples=8)
@given(seed=st.integers(0, 100_000))
def test_gradients_reach_the_slices_and_nothing_else(name: str, seed: int) -> None:
    """The gradient of a shared tensor has the norm that the extracted parameters' have, scaled."""
    shared = made(name).train()
    shared.zero_grad()
    architecture = shared.space.sample(np.random.default_rng(seed))
    shared.activate(architecture)
    shared(TOKENS).square().mean().backward()
    model = shared.extract(architecture).train()
    model(TOKENS).square().mean().backward()
    plan = shared._plan(shared.config)
    sources = {id(one.source) for one in plan.slices.values()}
    for parameter in shared.parameters():
        assert (parameter.grad is not None) == (id(parameter) in sources)
    for key, parameter in model.named_parameters():
        one = plan.slices[key]
        assert one.source.grad is not None
        found = float(one.source.grad.norm())
        assert found == pytest.approx(float(parameter.grad.norm()) * one.scale, rel=1e-3, abs=1e-7)


def test_a_slice_of_fresh_weights_has_the_variance_that_it_would_have_alone() -> None:
    space = LanguageSpace("tiny", {"vocab_size": [300], "hidden_dim": [64, 256]})
    shared = LanguageSupernet(space, signature(300))
    rng = np.random.default_rng(0)
    narrow = {"hidden_dim": 64, "num_layers": 6, "ffn_multiplier": 2}
    for _ in range(12):
        values = {choice.name: choice.default or choice.options[0] for choice in space.choices}
        architecture = space.architecture(values | dict(space.sample(rng)) | narrow)
        alone = dict(space.build(architecture, signature(300)).named_parameters())
        for name, parameter in shared.extract(architecture).named_parameters():
            if parameter.ndim == 2 and parameter.numel() > 3000:
                expected = float(alone[name].detach().std())
                assert float(parameter.detach().std()) == pytest.approx(expected, rel=0.1), name


def test_explicit_and_fused_attention_share_their_weights() -> None:
    shared = made("tiny")
    values = {choice.name: choice.default for choice in shared.space.choices}
    first, second = (
        shared.extract(values | {"architecture": kind}).state_dict()
        for kind in ("transformer", "flash_attention")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_it_can_be_sent_to_a_worker() -> None:
    shared = supernet(plain_space()).eval()
    again = pickle.loads(pickle.dumps(shared))
    assert torch.equal(shared(TOKENS), again(TOKENS))


def test_scores_are_those_of_the_compressed_network(code_task: CodeLanguageModelling) -> None:
    space = tiny_space(300, hidden_dim=[32, 64])
    shared = LanguageSupernet(space, code_task.signature({"vocab_size": 300}))
    values = {choice.name: choice.default for choice in space.choices} | {"hidden_dim": 64}
    evaluator = shared.evaluator(code_task, limit=2000)
    scores = {
        ratio: evaluator.score(space.architecture(values | {"pruning_ratio": ratio}))["bits_per_byte"]
        for ratio in (0.0, 0.4)
    }
    shared.activate(values)  # trained, and not yet compressed
    whole = code_task.evaluate(shared, values, limit=2000)["bits_per_byte"]
    assert scores[0.0] == pytest.approx(whole, rel=1e-3)
    assert abs(scores[0.4] - whole) > 10 * abs(scores[0.0] - whole)


def test_the_fused_loss_is_that_of_the_extracted_model(code_task: CodeLanguageModelling) -> None:
    space = tiny_space(300)
    shared = LanguageSupernet(space, code_task.signature({"vocab_size": 300})).train()
    for seed in range(4):
        architecture = space.sample(np.random.default_rng(seed))
        batches = code_task.batches(architecture, batch_size=2, generator=np.random.default_rng(0))
        batch = next(batches)
        shared.activate(architecture)
        model = shared.extract(architecture).train()
        loss, expected = code_task.loss(shared, batch), code_task.loss(model, batch)
        torch.testing.assert_close(loss, expected)
        loss.backward()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: supernet(LanguageSpace("tiny")), "vocab_size has the options 2048, 4096, 8192; a supernet"),
        (lambda: LanguageSupernet(tiny_space(16), signature(32)), "vocab_size is 16, the task has 32 tokens"),
        (lambda: made("tiny").activate({"architecture": "rwkv"}), "choice 'hidden_dim' is missing"),
    ],
)
def test_what_cannot_be_shared_is_one_line(make, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        make()


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_paths_that_the_space_does_not_combine_are_left_out(sampling) -> None:
    shared, seen = made("tiny"), []
    method = SinglePath(SupernetSettings(steps=4, batch_size=2), sampling=sampling)
    activate = shared.activate
    shared.activate = lambda architecture: (seen.append(architecture), activate(architecture))  # type: ignore[method-assign]
    try:
        method.fit(shared, Repeating(), Quiet())
    finally:
        del shared.activate
    assert len(seen) >= 4
    assert len({one["hidden_dim"] for one in seen}) > 1


def test_options_are_taken_by_position_and_not_mixed() -> None:
    shared = made("hybrid")
    architecture = shared.space.sample(np.random.default_rng(3))
    path = shared.path(architecture)
    shared.mix({name: options.index(path[name]) for name, options in shared.decisions.items()})
    assert shared.config == shared.space.config(architecture)
    weights = {name: torch.ones(len(options)) for name, options in shared.decisions.items()}
    with pytest.raises(RecipeError, match="LanguageSupernet computes one architecture at a time"):
        shared.mix(weights)
