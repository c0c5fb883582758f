"""Options of a class, read from its constructor and its docstring."""

import pytest

from sugata.options import load, options_of


class Base:
    """What others extend.

    Args:
        given: no option.
        speed: how fast;
            in metres a second.
        name: of it.

    Raises:
        ValueError: never.
    """

    def __init__(self, given: int, *, speed: float = 1.5, name: str | None = None) -> None:
        """Nothing."""


class Extended(Base):
    """One of these.

    Args:
        count: how many.
        more: as :class:`Base`.
    """

    def __init__(self, given: int, *, count: int = 3, **more: float) -> None:
        """Nothing."""


def test_options_have_types_defaults_and_a_line_each() -> None:
    found = options_of(Base, {"self", "given"})
    assert list(found) == ["speed", "name"]
    assert found["speed"].type is float
    assert found["speed"].default == 1.5
    assert found["speed"].description == "how fast; in metres a second"
    assert found["name"].type == str | None


def test_more_arguments_are_those_of_the_class_before() -> None:
    found = options_of(Extended, {"self", "given"})
    assert list(found) == ["count", "speed", "name"]
    assert found["name"].description == "of it"
    assert "more" not in found


def test_a_path_names_what_is_loaded() -> None:
    assert load("sugata.options:load") is load
    with pytest.raises(AttributeError):
        load("sugata.options:nothing")
