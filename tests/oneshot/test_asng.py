"""A categorical distribution that is learned together with the weights."""

import pytest

from sugata.errors import RecipeError
from sugata.oneshot import Asng, DartsSupernet, SupernetSettings
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace

from .toy import Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow
QUICK = SupernetSettings(steps=300, batch_size=32, learning_rate=0.05, checks=10)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_right_operations_become_the_most_probable(seed: int) -> None:
    search, context, task = Asng(QUICK), Quiet(seed=seed), ToyTask()
    search.fit(ToySupernet(), task, context)
    assert dict(search.derive(1)[0]) == {"first": "tanh", "second": "tanh"}
    assert search.entropies[-1][1] < 0.9
    assert set(task.splits) == {"train", "validation"}
    assert len(search.entropies) == len(context.reported) == 10


def test_what_is_derived_is_ranked_by_probability() -> None:
    search = Asng(SupernetSettings(steps=5, batch_size=4, checks=1))
    search.fit(ToySupernet(), ToyTask(), Quiet())
    found, given = search.derive(16), search.probabilities()
    options = search.supernet.decisions

    def probability(architecture) -> float:
        return float(given["first"][options["first"].index(architecture["first"])]) * float(
            given["second"][options["second"].index(architecture["second"])]
        )

    assert [probability(one) for one in found] == sorted(map(probability, found), reverse=True)


def test_choices_of_the_space_are_decided_where_the_supernet_decides_about_edges() -> None:
    supernet = DartsSupernet(DartsSpace(channels=4, cells=3), image_signature(3, 8, 8, 4))
    search = Asng(SupernetSettings(steps=1))
    search.supernet, search.feasible = supernet, lambda architecture: None
    search._begin(None)  # type: ignore[arg-type]
    first = search.derive(2)
    assert len({supernet.key(one) for one in first}) == 2
    assert search.probabilities().keys() == {choice.name for choice in supernet.space.choices}


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"supernet\.samples is 1; give at least 2"):
        Asng(samples=1)
