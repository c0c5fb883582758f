"""MnasNet's reward on shared weights."""

from types import SimpleNamespace

import pytest
import torch

from sugata.objectives import MnasNetReward
from sugata.oneshot import Reward, batch_quality
from sugata.tasks import Batch, Task
from sugata.tasks.image.task import ACCURACY
from sugata.trial import Metric


class Half:
    """A table that says 5 ms of everything."""

    def estimate(self, architecture) -> float:
        return 5.0


def test_without_a_table_the_reward_is_the_quality() -> None:
    assert Reward()(0.7, {}) == 0.7


@pytest.mark.parametrize("target", [2.5, 5.0, 10.0])
def test_it_is_the_reward_that_a_search_without_weight_sharing_has(target: float) -> None:
    reward = Reward(Half(), target, -0.07)  # type: ignore[arg-type]
    alone = MnasNetReward(target=target)({"accuracy": 0.6, "latency_ms": 5.0})
    assert reward(0.6, {}) == pytest.approx(alone)
    assert (reward(0.6, {}) < 0.6) == (target < 5.0)


def test_quality_is_the_accuracy_of_a_batch_or_falls_with_the_loss() -> None:
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    batch = Batch(logits, torch.tensor([0, 1, 1, 1]))
    task: Task = SimpleNamespace(primary=ACCURACY)  # type: ignore[assignment]
    assert batch_quality(lambda x: x, task, batch) == 0.75  # type: ignore[arg-type]
    task = SimpleNamespace(  # type: ignore[assignment]
        primary=Metric("loss"), loss=lambda model, batch: torch.tensor(2.0, dtype=torch.bfloat16)
    )
    assert batch_quality(lambda x: x, task, batch) == pytest.approx(0.1353, abs=1e-4)  # type: ignore[arg-type]
