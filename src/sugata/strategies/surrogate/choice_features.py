"""Features of an architecture's choices, the same rule for every space."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sugata.space import Choice, SearchSpace
from sugata.trial import Value


def position_weights(space: SearchSpace, length: int) -> NDArray[np.float32]:
    """What a difference in each place of the encoding counts, ``(length,)``.

    Two categories that differ, in two places of their one-hot code, and the two ends of an ordered choice
    are one apart. A space with an encoding of its own gets one half everywhere.
    """
    weights: list[float] = []
    for choice in space.choices:
        weights += [1.0] if choice.ordered else [0.5] * len(choice.options)
    if len(weights) != length:
        weights = [0.5] * length
    return np.asarray(weights, dtype=np.float32)


def repeated(space: SearchSpace) -> tuple[tuple[Choice, ...], ...]:
    """Choices that have the same options, such as those of every layer; only where there are several."""
    alike: dict[tuple[Value, ...], list[Choice]] = {}
    for choice in space.choices:
        alike.setdefault(choice.options, []).append(choice)
    return tuple(tuple(choices) for choices in alike.values() if len(choices) > 1)


def choice_scalars(
    architecture: Mapping[str, Value], space: SearchSpace, alike: tuple[tuple[Choice, ...], ...]
) -> list[float]:
    """How often each option of ``alike`` choices is taken; where an ordered choice stands, -1 for nowhere."""
    values: list[float] = []
    for choices in alike:
        taken = Counter(architecture.get(choice.name) for choice in choices)
        values += [taken[option] for option in choices[0].options]
        if choices[0].ordered:
            values.append(sum(_place(choice, architecture) for choice in choices))
    return values + [_place(choice, architecture) for choice in space.choices if choice.ordered]


def _place(choice: Choice, architecture: Mapping[str, Value]) -> float:
    if choice.name not in architecture:
        return -1.0
    return choice.options.index(architecture[choice.name]) / max(1, len(choice.options) - 1)
