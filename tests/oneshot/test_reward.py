"""MnasNet's reward on shared weights."""

from types import SimpleNamespace

import pytest
import torch

from sugata.errors import RecipeError
from sugata.objectives import MnasNetReward
from sugata.oneshot import Asng, Enas, ProxylessReinforce, Reward, SupernetSettings, batch_quality
from sugata.tasks import Batch, Task
from sugata.tasks.image.task import ACCURACY
from sugata.trial import Metric

from .toy import Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow


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


class Slow:
    """A table in which one option makes a network slow."""

    def estimate(self, architecture) -> float:
        return 1000.0 if architecture["second"] == "tanh" else 1.0

    def expected(self, probabilities) -> torch.Tensor:
        return torch.tensor(1.0)


@pytest.mark.parametrize(
    "make",
    [
        Asng,  # whose reward is that of ENAS too
        lambda settings, **more: ProxylessReinforce(settings, logit_rate=0.05, **more),
    ],
)
def test_what_is_slow_is_left_although_it_is_better(make, monkeypatch) -> None:
    for module in ("reward", "binary_paths"):
        read = f"sugata.oneshot.{module}.read_table"
        monkeypatch.setattr(read, lambda table, *_: Slow() if table else None)
    settings = SupernetSettings(steps=150, batch_size=16, learning_rate=0.05, checks=5)
    more = {"latency_table": "t.json", "latency_target": 1.0, "latency_exponent": -0.5}
    for given, found in (({}, True), (more, False)):
        method = make(settings, **given)
        method.fit(ToySupernet(), ToyTask(), Quiet(seed=1))
        drawn = method.policy.favourite() if hasattr(method, "policy") else method.derive(1)[0]
        assert (drawn["second"] == "tanh") == found


@pytest.mark.parametrize("method", [Enas, Asng, ProxylessReinforce])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"latency_table": "t.json"}, "supernet.latency_target is 0; give milliseconds"),
        ({"latency_target": 3.0}, "there is no supernet.latency_table; measure one"),
        ({"latency_exponent": 0.5}, "supernet.latency_exponent is 0.5"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(method, given, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        method(**given)
    assert message in str(error.value)
