"""Architectures of one space in the terms of another."""

from collections.abc import Mapping

from sugata.errors import InvalidArchitecture
from sugata.space.architecture import Architecture
from sugata.space.search_space import SearchSpace
from sugata.trial import Value


def translated(values: Mapping[str, Value], space: SearchSpace) -> Architecture:
    """The nearest architecture of another space.

    Choices of the same name keep their values where those are options; what the space has besides, or does
    not offer, is at its default; what it does not have is dropped.

    Raises:
        InvalidArchitecture: no value is kept, or the space does not allow what comes out.
    """
    kept: dict[str, Value] = {}
    filled: dict[str, Value] = {}
    for choice in space.choices:
        option = choice.option(values[choice.name]) if choice.name in values else None
        if option is not None:
            kept[choice.name] = option
        elif choice.default is not None:
            filled[choice.name] = choice.default
    if not kept:
        raise InvalidArchitecture(f"space {space.name} has none of the values {dict(values)}")
    return space.architecture({**filled, **kept})
