"""The space made of a plain dictionary."""

import json

import pytest

from sugata.errors import InvalidArchitecture
from sugata.space import DictionarySpace


def test_sorted_numbers_are_ordered_and_all_else_is_not() -> None:
    space = DictionarySpace(
        {
            "up": [1, 2, 4],
            "down": [0.5, 0.1],
            "mixed": [2, 1, 3],
            "text": ["a", "b"],
            "flag": [False, True],
            "one": [3],
        }
    )
    assert {choice.name for choice in space.choices if choice.ordered} == {"up", "down"}
    assert space.size() == space.valid() == space.distinct() == 3 * 2 * 3 * 2 * 2


def test_its_parameters_make_it_again() -> None:
    space = DictionarySpace({"depth": (1, 2), "kind": ["a"]})
    again = DictionarySpace(**json.loads(json.dumps(space.parameters)))
    assert list(again.enumerate()) == list(space.enumerate())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no choices"),
        ({"depth": []}, "'depth' has no options"),
        ({"depth": "abc"}, "'depth' is 'abc'; give a list"),
        ({"depth": 3}, "'depth' is 3; give a list"),
        ({"depth": [None]}, "'depth' has option None"),
        ({"depth": [[1]]}, r"'depth' has option \[1\]"),
        ({"depth": [1, 1]}, "'depth' lists an option twice"),
        ({"rate": [float("nan")]}, "'rate' has option nan; use finite"),
        ({"rate": [1.0, float("inf")]}, "'rate' has option inf; use finite"),
    ],
)
def test_what_is_no_space_is_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message) as caught:
        DictionarySpace(options)
    assert "\n" not in str(caught.value)
