"""Grid search."""

from collections.abc import Iterator

import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace, ListedSpace, SearchSpace
from sugata.strategies.grid import GridSearch
from sugata.trial import Metric

from .contract import ConditionalSpace, MergingSpace

OBJECTIVES = Objectives((Metric("loss"),))
SPACE = DictionarySpace({"depth": [1, 2, 3, 4, 5], "kind": ["b", "c", "a"]})


def proposed(strategy: GridSearch) -> Iterator[dict[str, object]]:
    while (proposal := strategy.ask()) is not None:
        yield dict(proposal.architecture)


@pytest.mark.parametrize("space", [SPACE, ConditionalSpace()])
def test_the_space_is_walked_in_its_order(space: SearchSpace) -> None:
    assert list(proposed(GridSearch(space, OBJECTIVES))) == [dict(a) for a in space.enumerate()]


def test_of_architectures_that_are_executed_the_same_the_first_is_proposed() -> None:
    kinds = {architecture["inert"] for architecture in proposed(GridSearch(MergingSpace(), OBJECTIVES))}
    assert kinds == {"a"}


def test_given_architectures_come_first_and_once() -> None:
    start = {"depth": 3, "kind": "a"}
    found = list(proposed(GridSearch(SPACE, OBJECTIVES, starts=[start])))
    assert found[0] == start
    assert found.count(start) == 1
    assert len(found) == 15


def test_a_huge_space_is_begun_at_once() -> None:
    space = DictionarySpace({f"c{i}": list(range(10)) for i in range(40)})
    grid = GridSearch(space, OBJECTIVES)
    first = [grid.ask() for _ in range(3)]
    assert [proposal.architecture["c39"] for proposal in first if proposal is not None] == [0, 1, 2]


def test_a_coarser_grid_has_some_options_of_ordered_choices_and_all_of_others() -> None:
    found = list(proposed(GridSearch(SPACE, OBJECTIVES, steps=3)))
    assert {architecture["depth"] for architecture in found} == {1, 3, 5}
    assert {architecture["kind"] for architecture in found} == {"a", "b", "c"}
    assert len(found) == 9


def test_a_coarser_grid_respects_constraints_conditions_and_lists() -> None:
    space = ConditionalSpace()
    coarse = list(proposed(GridSearch(space, OBJECTIVES, steps=2)))
    expected = [
        dict(architecture)
        for architecture in space.enumerate()
        if architecture["depth"] in (1, 4)
        and architecture["width"] in (8, 32)
        and architecture.get("heads", 1) in (1, 3)
    ]
    assert coarse == expected
    listed = ListedSpace(SPACE, [{"depth": depth, "kind": "a"} for depth in (2, 3, 5)])
    found = proposed(GridSearch(listed, OBJECTIVES, steps=3))
    assert [architecture["depth"] for architecture in found] == [3, 5]


def test_fewer_than_two_steps_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"strategy.steps is 1; give a whole number of at least 2"):
        GridSearch(SPACE, OBJECTIVES, steps=1)
