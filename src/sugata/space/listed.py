"""Some architectures of a space, as a space of their own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import InvalidArchitecture
from sugata.space.architecture import Architecture
from sugata.space.graph import Graph
from sugata.space.outline import Block
from sugata.space.search_space import SearchSpace
from sugata.space.signature import Signature
from sugata.trial import Value

_TRIES = 50


class ListedSpace(SearchSpace):
    """Only the listed architectures of another space: what a table with gaps knows, for example.

    Everything else (keys, encodings, graphs, networks) is the other space's. A mutant is one of the other
    space if that is listed, after some tries one at random.

    Args:
        base: the space that they belong to.
        architectures: the listed ones; repeats are dropped.

    Raises:
        InvalidArchitecture: nothing is listed, or something that ``base`` does not contain.
    """

    def __init__(self, base: SearchSpace, architectures: Iterable[Mapping[str, Value]]) -> None:
        self.base = base
        self.name = base.name
        self.choices = base.choices
        self.constraints = base.constraints
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

    def from_string(self, text: str) -> Architecture:
        """As in the other space, if it is listed."""
        return self.architecture(self.base.from_string(text))

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.to_string(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw one of the listed, each equally likely."""
        return self._listed[int(rng.integers(len(self._listed)))]

    def mutate(
        self, architecture: Mapping[str, Value], rng: np.random.Generator, rate: float
    ) -> Architecture:
        """A listed mutant, with ever more changes; at last any other listed architecture."""
        parent = self.base.architecture(architecture)
        for attempt in range(_TRIES):
            child = self.base.mutate(parent, rng, rate + (1 - rate) * attempt / _TRIES)
            if child in self._known and child != parent:
                return child
        return self.sample(rng)

    def crossover(
        self,
        first: Mapping[str, Value],
        second: Mapping[str, Value],
        rng: np.random.Generator,
        kind: Any = "uniform",
    ) -> Architecture:
        """A listed child, in the worst case the first parent."""
        for _ in range(_TRIES):
            child = self.base.crossover(first, second, rng, kind)
            if child in self._known:
                return child
        return self.base.architecture(first)

    def neighbors(self, architecture: Mapping[str, Value]) -> Iterator[Architecture]:
        """The listed ones among the other space's neighbours."""
        return (found for found in self.base.neighbors(architecture) if found in self._known)

    def enumerate(self) -> Iterator[Architecture]:
        """Every listed architecture once."""
        return iter(self._listed)

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """As in the other space; it may not be listed itself."""
        return self.base.canonical(architecture)

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.training_key(architecture)

    def deployment_key(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.deployment_key(architecture)

    def encode(self, architecture: Mapping[str, Value]) -> NDArray[np.float64]:
        """As in the other space."""
        return self.base.encode(architecture)

    def graph(self, architecture: Mapping[str, Value]) -> Graph | None:
        """As in the other space."""
        return self.base.graph(architecture)

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """As in the other space."""
        return self.base.cell_graphs(architecture)

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> Any:
        """As in the other space."""
        return self.base.build(architecture, signature)

    def outline(self, architecture: Mapping[str, Value]) -> tuple[Block, ...]:
        """As in the other space."""
        return self.base.outline(architecture)
