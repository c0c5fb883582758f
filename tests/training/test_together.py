"""The training loop over several processes."""

from types import ModuleType

import pytest
import torch

from sugata.training import TrainingSettings, train
from sugata.training.together import train_together
from sugata.trial import Fidelity


@pytest.mark.slow
def test_two_processes_train_as_one_with_the_same_whole_batch(toy: ModuleType) -> None:
    settings = TrainingSettings(batch_size=8, length=16, accumulation=2, evaluations=2)
    budget, reported = Fidelity(amount=10, unit="steps"), []

    def report(step: float, value: float) -> bool:
        reported.append(step)
        return True

    alone, together = toy.small_model(), toy.small_model()
    together.load_state_dict(alone.state_dict())
    expected = train(alone, toy.Counting(), {}, settings, budget=budget, seed=3)
    result = train_together(
        together, toy.Counting(), {}, settings, budget=budget, seed=3, devices=2, report=report
    )
    assert reported == [5, 10]
    assert result.steps == expected.steps == 10
    for found, right in ((result.validation, expected.validation), (result.curve, expected.curve)):
        assert [tokens for tokens, _ in found] == [tokens for tokens, _ in right]
        assert [value for _, value in found] == pytest.approx([value for _, value in right], abs=1e-3)
    for one, other in zip(alone.parameters(), together.parameters(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
