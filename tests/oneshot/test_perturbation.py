"""Selection by leaving out: what raises the loss most is kept, within the limits."""

import pytest
import torch

from sugata.errors import RecipeError
from sugata.oneshot import Perturbation, SupernetSettings

from .toy import Quiet, ToySupernet, ToyTask

QUICK = SupernetSettings(steps=20, batch_size=8, learning_rate=0.05, checks=4)
COSTS = {"first": torch.tensor([-9.0, 3.0, 1.0, 2.0]), "second": torch.tensor([-9.0, 1.0, 4.0, 2.5])}


class KnownTask(ToyTask):
    """The loss is the mean cost of the options, so that what each of them is worth is known."""

    def loss(self, model, batch) -> torch.Tensor:
        shares = {name: torch.as_tensor(one) for name, one in model.selection.items()}
        return 0.0 * model.head.weight.sum() + sum((shares[name] * COSTS[name]).sum() for name in COSTS)


def fitted(feasible=lambda architecture: None, seed: int = 1, **options) -> Perturbation:
    search = Perturbation(QUICK, tuning=2, held=2, **options)
    search.fit(ToySupernet(), KnownTask(), Quiet(seed=seed), feasible)
    return search


@pytest.mark.parametrize("seed", [0, 1])  # either order of the two decisions
def test_what_is_kept_raises_the_loss_most_when_it_is_left_out(seed: int) -> None:
    search = fitted(seed=seed)
    assert dict(search.derive(1)[0]) == {"first": "tanh", "second": "skip_connect"}
    # Evenly mixed: (3 + 1 + 2) / 3 = 2. Without the second: (3 + 2) / 2, a rise of 0.5.
    assert search.worth["first"][1:].tolist() == pytest.approx([-0.5, 0.5, 0.0], abs=1e-5)
    assert [dict(one)["second"] for one in search.derive(3)].count("none") == 0


def test_zeros_take_part_where_they_may() -> None:
    assert dict(fitted(zeros=True).derive(1)[0]) == {"first": "none", "second": "none"}


def test_a_collapse_is_reported() -> None:
    details = fitted().details()
    assert details["warning"] is None
    assert [one["skips"] for one in details["checks"]] == [0.5]  # type: ignore[attr-defined]


def test_the_halves_are_disjoint_and_each_part_is_reported() -> None:
    task, context = ToyTask(), Quiet()
    Perturbation(QUICK, tuning=0, held=1).fit(ToySupernet(), task, context)
    assert set(task.splits) == {"train", "validation"}
    assert len(context.reported) == 4


def test_the_same_seed_finds_the_same_worth() -> None:
    found = []
    for _ in range(2):
        search = Perturbation(QUICK, tuning=2, held=2)
        search.fit(ToySupernet(), ToyTask(), Quiet(seed=3))
        found.append(torch.cat(list(search.worth.values())))
    assert torch.equal(*found)


def test_nothing_derived_breaks_a_limit() -> None:
    search = fitted(lambda architecture: "no tanh" if architecture["first"] == "tanh" else None)
    assert dict(search.derive(1)[0]) == {"first": "linear", "second": "skip_connect"}
    assert all(one["first"] != "tanh" for one in search.derive(3))


@pytest.mark.parametrize("wrong", [{"tuning": -1}, {"held": 0}])
def test_settings_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(RecipeError, match=r"supernet\.tuning is"):
        Perturbation(**wrong)
