"""What surrogates see of architectures: positions, scalars and counts, by the same rule for every space."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sugata.space import Architecture, Graph, SearchSpace
from sugata.strategies.surrogate.choice_features import choice_scalars, position_weights, repeated
from sugata.strategies.surrogate.graph_features import (
    kinds,
    neighbourhood_counts,
    path_counts,
    scalars,
    sequence_counts,
    without_places,
)
from sugata.strategies.surrogate.tables import CountTable, DenseTable, FeatureTable, Standardization
from sugata.trial import Value

Scores = Callable[[Mapping[str, Value]], Mapping[str, float]]
_COUNTS = {"neighbourhoods": neighbourhood_counts, "paths": path_counts, "sequences": sequence_counts}
_REMEMBERED = 20_000


@dataclass(frozen=True)
class _Features:
    """Of one architecture: its numbers by family, and by family the hashes and numbers of what is counted."""

    numbers: Mapping[str, list[float]]
    counts: Mapping[str, tuple[NDArray[np.uint64], NDArray[np.float32]]]


class Featurizer:
    """Makes tables of features for architectures of one space.

    Families of features:

    - ``positions``: the encoding of the canonical architecture;
    - ``scalars``: how often options are taken by choices that have the same ones, places of ordered choices;
      with graphs also what :func:`graph_features.scalars` says;
    - ``neighbourhoods``, ``paths``, ``sequences``: counts, only where the space has graphs;
    - ``scores``: only where a function for them is given, zero-cost proxies for example.

    Args:
        space: whose architectures they are.
        reference: decides units and what is counted together: the whole space, or a random part.
        scores: further numbers of an architecture; the same ones for all.
    """

    def __init__(
        self, space: SearchSpace, reference: Sequence[Architecture], scores: Scores | None = None
    ) -> None:
        self.space = space
        self._scores = scores
        self._alike = repeated(space)
        self._known: dict[Architecture, _Features] = {}
        graphs = [space.graph(architecture) for architecture in reference]
        labels = {label for graph in graphs if graph is not None for label in graph.operations}
        self._has_graphs = bool(labels)
        self._kinds = kinds(labels)
        features = [self._features(architecture) for architecture in reference]
        self._units = {
            family: Standardization(np.asarray([one.numbers[family] for one in features]))
            for family in features[0].numbers
            if family != "positions"
        }
        self._weights = position_weights(space, len(features[0].numbers["positions"]))
        self._distances: Mapping[str, float] = {}
        self._distances = self.table(reference).mean_distances()

    def table(self, architectures: Sequence[Architecture]) -> FeatureTable:
        """The features of architectures, a row each."""
        features = [self._features(architecture) for architecture in architectures]
        families: dict[str, DenseTable | CountTable] = {}
        for family in features[0].numbers:
            raw = np.asarray([one.numbers[family] for one in features], dtype=np.float64)
            if family == "positions":
                families[family] = DenseTable(raw.astype(np.float32), self._weights, power=1)
            elif self._units[family].columns:
                values = self._units[family](raw)
                families[family] = DenseTable(values, np.ones(values.shape[1], dtype=np.float32), power=2)
        for family in features[0].counts:
            families[family] = CountTable([one.counts[family] for one in features])
        return FeatureTable(families, self._distances)

    def _features(self, architecture: Architecture) -> _Features:
        found = self._known.get(architecture)
        if found is None:
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            found = self._known[architecture] = self._computed(self.space.canonical(architecture))
        return found

    def _computed(self, canonical: Architecture) -> _Features:
        numbers = {
            "positions": self.space.encode(canonical).tolist(),
            "scalars": choice_scalars(canonical, self.space, self._alike),
        }
        counts: dict[str, tuple[NDArray[np.uint64], NDArray[np.float32]]] = {}
        if self._has_graphs:
            graph = self.space.graph(canonical) or Graph(("input", "output"), ())
            numbers["scalars"] += scalars(graph, self._kinds)
            for family, count in _COUNTS.items():
                counts[family] = _hashed(_with_and_without_places(count, graph))
        if self._scores is not None:
            numbers["scores"] = [float(value) for value in self._scores(canonical).values()]
        return _Features(numbers, counts)


def _with_and_without_places(count: Callable[[Graph], Counter[str]], graph: Graph) -> Counter[str]:
    """Counts of a graph whose labels name places, and of the graph without them."""
    counts = count(graph)
    bare = without_places(graph)
    if bare == graph:
        return counts
    return counts + Counter({f"*{name}": times for name, times in count(bare).items()})


def _hashed(counts: Counter[str]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    hashes = [int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") for name in counts]
    return np.asarray(hashes, dtype=np.uint64), np.sqrt(np.asarray(list(counts.values()), dtype=np.float32))
