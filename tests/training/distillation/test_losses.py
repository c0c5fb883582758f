"""The formulas, against torch's, transformers' model and a loop over tokens."""

import math

import pytest
import torch
import torch.nn.functional as F

from sugata.training.distillation import (
    attention_weights,
    hidden_states,
    soft_targets,
    stored_soft_targets,
)
from sugata.training.distillation.losses import layer_pairs


def logits(seed: int) -> torch.Tensor:
    return 3 * torch.randn(2, 5, 11, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_soft_targets_are_the_divergence_times_the_squared_temperature(temperature: float) -> None:
    student, teacher = logits(0), logits(1)
    total = 0.0
    for ours, theirs in zip(student.flatten(0, 1), teacher.flatten(0, 1), strict=True):
        p, q = ((x / temperature).softmax(0).double() for x in (theirs, ours))
        total += sum(float(a) * math.log(float(a) / float(b)) for a, b in zip(p, q, strict=True))
    expected = temperature**2 * total / 10
    assert soft_targets(student, teacher, temperature).item() == pytest.approx(expected, rel=1e-5)
    by_torch = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=teacher / temperature),
        torch.distributions.Categorical(logits=student / temperature),
    )
    assert soft_targets(student, teacher, temperature).item() == pytest.approx(
        temperature**2 * by_torch.mean().item(), rel=1e-5
    )
    assert soft_targets(teacher, teacher, temperature).item() == pytest.approx(0.0, abs=1e-6)


def test_the_gradient_at_a_high_temperature_matches_logits() -> None:
    """Hinton et al. 2015, equation 4: (z - v) / N for centred logits, in our mean over tokens."""
    student = (logits(0) - logits(0).mean(-1, keepdim=True)).requires_grad_()
    teacher = logits(1) - logits(1).mean(-1, keepdim=True)
    (gradient,) = torch.autograd.grad(soft_targets(student, teacher, 1000.0), student)
    torch.testing.assert_close(gradient, (student - teacher).detach() / 11 / 10, rtol=0.02, atol=1e-4)


def test_all_stored_logits_are_soft_targets_and_few_are_those_among_few() -> None:
    student, teacher = logits(0), logits(1)
    values, indices = teacher.sort(-1, descending=True)
    full = stored_soft_targets(student, indices, values - 7.0, 2.0)  # a constant changes nothing
    torch.testing.assert_close(full, soft_targets(student, teacher, 2.0))
    few = stored_soft_targets(student, indices[..., :3], values[..., :3], 2.0)
    elsewhere = student.scatter(-1, indices[..., 3:], -50.0)  # of no account: the cross-entropy has them
    torch.testing.assert_close(
        few, soft_targets(elsewhere, teacher.scatter(-1, indices[..., 3:], -50.0), 2.0)
    )


def test_states_are_compared_with_standardized_ones_and_attention_by_rows() -> None:
    student, teacher = logits(0), 100 * logits(1) + 5
    standardized = (teacher - teacher.mean(-1, keepdim=True)) / teacher.std(-1, keepdim=True, correction=0)
    torch.testing.assert_close(hidden_states(student, teacher), F.mse_loss(student, standardized))
    first, second = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    assert attention_weights(first, second).item() == pytest.approx((1.0 + 0.5) / 2)


def test_layers_are_paired_at_the_same_depth() -> None:
    assert layer_pairs(2, 4) == [(0, 1), (1, 3)]
    assert layer_pairs(3, 3) == [(0, 0), (1, 1), (2, 2)]
    assert layer_pairs(4, 2) == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert layer_pairs(2, 0) == []
