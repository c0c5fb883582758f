"""A recurrent controller on shared weights: phases, rewards, and what it learns."""

import numpy as np
import pytest
import torch

from sugata.errors import RecipeError
from sugata.oneshot import Enas, SupernetSettings
from sugata.tasks.image.task import ACCURACY

from .toy import Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow


class Classes(ToyTask):
    """Which sign the toy's value has."""

    metrics = (ACCURACY,)
    primary = ACCURACY


def test_the_controller_comes_to_sample_the_right_operations() -> None:
    settings = SupernetSettings(steps=100, batch_size=64, learning_rate=0.05, checks=5)
    search, context, task = Enas(settings, candidates=20), Quiet(), ToyTask()
    search.fit(ToySupernet(), task, context)
    best = {"first": "tanh", "second": "tanh"}
    assert dict(search.derive(1)[0]) == best
    drawn = [dict(search._draw(np.random.default_rng(seed))) for seed in range(50)]
    assert drawn.count(best) > 10  # one of 16 that were equally likely
    assert search.rewards[-1][1] > search.rewards[0][1]
    assert set(task.splits) == {"train", "validation"}
    assert len(search.rewards) == len(context.reported) == 5


def test_weights_stay_while_the_controller_learns_and_the_other_way_round() -> None:
    class Watching(Enas):
        def _segment(self, segment: int) -> list[float]:
            before = str(self.policy.state())
            losses = self._train(self._amount() * (segment + 1) / self._segments())
            assert str(self.policy.state()) == before
            weights = [weight.clone() for weight in self.weights]
            self._teach()
            assert all(torch.equal(a, b) for a, b in zip(weights, self.weights, strict=True))
            assert str(self.policy.state()) != before
            return losses

    search = Watching(SupernetSettings(steps=4, batch_size=4, checks=2))
    search.fit(ToySupernet(), ToyTask(), Quiet())
    assert search.steps == 4


def test_random_ones_join_where_a_decided_controller_samples_too_few() -> None:
    search = Enas(SupernetSettings(steps=2, batch_size=4, checks=1), candidates=30)
    search.fit(ToySupernet(), ToyTask(), Quiet())
    search.policy.sample = lambda rng: {"first": "tanh", "second": "tanh"}  # type: ignore[method-assign]
    assert len({tuple(one.items()) for one in search.derive(3)}) == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"controller_steps": 0}, r"supernet\.controller_steps is 0"),
        ({"samples": 0}, r"supernet\.samples is 0"),
        ({"baseline": 1.0}, r"^supernet\.hidden 64, rate 0\.01, entropy 0\.02, baseline 1\.0: give"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Enas(**wrong)
