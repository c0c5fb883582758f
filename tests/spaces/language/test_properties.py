"""What holds of every network in the language spaces: causality, and equality of the two forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.nn import LanguageModel
from sugata.spaces.language import HybridLanguageSpace, LanguageSpace
from sugata.spaces.language.presets import MIXERS

SMALL = {"hidden_dim": [64, 96], "vocab_size": [512], "num_layers": [2, 3]}
SPACES = [LanguageSpace("tiny", SMALL), HybridLanguageSpace(SMALL)]
# Longer than two chunks of every mixer that works in chunks would be slow step by step; past one is enough.
LENGTH = 70
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def model_of(made: LanguageSpace, architecture) -> LanguageModel:
    model = LanguageModel(made.config(architecture)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # A fresh head is nearly zero and fresh norms are all alike: neither would show a difference.
            if name.startswith("head") or "norm" in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def tokens_of(rng: np.random.Generator, length: int = LENGTH) -> torch.Tensor:
    return torch.from_numpy(rng.integers(512, size=(2, length)))


@torch.no_grad()
def assert_causal(model: LanguageModel, rng: np.random.Generator) -> None:
    tokens = tokens_of(rng)
    changed = tokens.clone()
    at = int(rng.integers(LENGTH))
    changed[:, at] = (changed[:, at] + 1 + int(rng.integers(511))) % 512
    before, after = model(tokens), model(changed)
    assert before.shape == (2, LENGTH, 512)
    torch.testing.assert_close(after[:, :at], before[:, :at], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(after[:, at], before[:, at], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def assert_steps_equal_parallel(model: LanguageModel, rng: np.random.Generator) -> None:
    tokens = tokens_of(rng)
    state = model.initial_state(2)
    outputs = []
    for at in range(LENGTH):
        logits, state = model.step(tokens[:, at], state)
        outputs.append(logits)
    torch.testing.assert_close(torch.stack(outputs, dim=1), model(tokens), **TOLERANCE)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), made=st.sampled_from(SPACES))
@settings(max_examples=60, deadline=None)
def test_a_token_never_changes_an_output_before_it(seed, made):
    rng = np.random.default_rng(seed)
    assert_causal(model_of(made, made.sample(rng)), rng)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), made=st.sampled_from(SPACES))
@settings(max_examples=25, deadline=None)
def test_steps_give_what_the_parallel_form_gives(seed, made):
    rng = np.random.default_rng(seed)
    assert_steps_equal_parallel(model_of(made, made.sample(rng)), rng)


@pytest.mark.parametrize("normalization", ["layernorm", "rmsnorm", "groupnorm"])
@pytest.mark.parametrize("position", ["absolute", "rope", "alibi"])
@pytest.mark.parametrize("mixer", [*MIXERS, "hybrid"])
def test_every_type_position_and_norm_is_causal(mixer, position, normalization):
    made = LanguageSpace("tiny", {**SMALL, "num_layers": [2]})
    rng = np.random.default_rng(7)
    values = {choice.name: choice.default for choice in made.choices}
    values |= {"architecture": mixer, "position": position, "normalization": normalization}
    assert_causal(model_of(made, made.architecture(values)), rng)


@pytest.mark.parametrize("mixer", [*MIXERS, "hybrid"])
def test_every_type_learns(mixer):
    """A few steps on one sequence lower its loss: gradients reach the weights."""
    made = LanguageSpace("tiny", {**SMALL, "num_layers": [2]})
    values = {choice.name: choice.default for choice in made.choices} | {"architecture": mixer}
    model = LanguageModel(made.config(made.architecture(values)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    tokens = tokens_of(np.random.default_rng(0), 33)
    losses = []
    for _ in range(15):
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters())
