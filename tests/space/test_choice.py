"""Choices refuse what makes no sense."""

import pytest

from sugata.errors import InvalidArchitecture
from sugata.space import Choice


def test_the_default_is_the_first_option() -> None:
    assert Choice("depth", (4, 2)).default == 4
    assert Choice("depth", (4, 2), default=2).default == 2
    assert Choice("tied", (True, False), default=False).default is False


@pytest.mark.parametrize("options", [(1, 2, 1), (1, True), (2, 2.0)])
def test_options_that_are_equal_are_refused(options: tuple) -> None:
    with pytest.raises(InvalidArchitecture, match="'depth' lists an option twice"):
        Choice("depth", options)


def test_no_options_and_foreign_defaults_are_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="'depth' has no options"):
        Choice("depth", ())
    with pytest.raises(InvalidArchitecture, match="default 3 is no option"):
        Choice("depth", (1, 2), default=3)


def test_the_option_that_equals_a_value_is_found() -> None:
    choice = Choice("x", (1, 2.5, "a", False))
    assert [choice.option(value) for value in (1.0, 2.5, "a", False)] == [1, 2.5, "a", False]
    assert isinstance(choice.option(1.0), int)
    assert [choice.option(value) for value in (True, 0, "b", [1], None)] == [None] * 5
