"""Some architectures of a space, as a space of their own."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import InvalidArchitecture
from sugata.space.architecture import Architecture
from sugata.space.part import PartOfSpace
from sugata.space.search_space import SearchSpace
from sugata.trial import Value

_TRIES = 10  # draws of the other space, in the hope that one is listed
_NEAR = 8


class ListedSpace(PartOfSpace):
    """Only the listed architectures of another space: what a table with gaps knows, for example.

    Everything else (keys, encodings, graphs, networks) is the other space's. Mutants, children and neighbours
    are those of the other space as far as they are listed; where few are, the nearest listed ones take their
    place, by the number of choices that differ.

    Args:
        base: the space that they belong to.
        architectures: the listed ones; repeats are dropped.

    Raises:
        InvalidArchitecture: nothing is listed, or something that ``base`` does not contain.
    """

    def __init__(self, base: SearchSpace, architectures: Iterable[Mapping[str, Value]]) -> None:
        super().__init__(base)
        self._listed = tuple(dict.fromkeys(base.architecture(values) for values in architectures))
        self._known = frozenset(self._listed)
        if not self._listed:
            raise InvalidArchitecture(f"space {base.name}: no architecture is listed; list at least one")

    def valid(self) -> int:
        """How many are listed."""
        return len(self._listed)

    def distinct(self) -> int:
        """How many of the listed are different networks, by deployment key."""
        return len({self.deployment_key(architecture) for architecture in self._listed})

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Make an architecture from values.

        Raises:
            InvalidArchitecture: not in the other space, or not listed.
        """
        made = self.base.architecture(values)
        if made not in self._known:
            raise InvalidArchitecture(
                f"{dict(made)} is not one of the {len(self._listed)} listed architectures of {self.name};"
                " choose among those"
            )
        return made

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw one of the listed, each equally likely."""
        return self._listed[int(rng.integers(len(self._listed)))]

    def mutate(
        self, architecture: Mapping[str, Value], rng: np.random.Generator, rate: float
    ) -> Architecture:
        """A listed mutant; where none is found, one of the nearest listed, the more the higher the rate."""
        parent = self.base.architecture(architecture)
        for _ in range(_TRIES):
            child = self.base.mutate(parent, rng, rate)
            if child in self._known and child != parent:
                return child
        near = self._nearest(parent, max(_NEAR, round(rate * len(self._listed))))
        return near[int(rng.integers(len(near)))] if near else parent

    def crossover(
        self,
        first: Mapping[str, Value],
        second: Mapping[str, Value],
        rng: np.random.Generator,
        kind: Any = "uniform",
    ) -> Architecture:
        """A listed child; where none is found, the listed one that is nearest to a child."""
        for _ in range(_TRIES):
            child = self.base.crossover(first, second, rng, kind)
            if child in self._known:
                return child
        return next(iter(self._nearest(child, 1)), self.base.architecture(first))

    def neighbors(self, architecture: Mapping[str, Value]) -> Iterator[Architecture]:
        """The listed ones among the other space's neighbours; where there are none, the nearest listed."""
        listed = [found for found in self.base.neighbors(architecture) if found in self._known]
        return iter(listed or self._nearest(self.base.architecture(architecture), _NEAR))

    def enumerate(self) -> Iterator[Architecture]:
        """Every listed architecture once."""
        return iter(self._listed)

    def _nearest(self, architecture: Architecture, count: int) -> list[Architecture]:
        """The listed ones from which the fewest choices differ, without the architecture itself."""
        different = (self._positions != self._position(architecture)).sum(axis=1)
        order = np.argsort(different, kind="stable")
        same = int((different == 0).sum())  # at most one
        return [self._listed[i] for i in order[same : same + count]]

    @cached_property
    def _positions(self) -> NDArray[np.int16]:
        """``(listed, choices)``: which option each choice has, -1 where it does not apply."""
        return np.array([self._position(architecture) for architecture in self._listed])

    def _position(self, architecture: Architecture) -> NDArray[np.int16]:
        values = ((choice, architecture.get(choice.name)) for choice in self.choices)
        return np.array([-1 if v is None else choice.options.index(v) for choice, v in values], np.int16)
