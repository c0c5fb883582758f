"""The graphs of NAS-Bench-101: pruning, the published hash, and how many are valid."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import md5

import numpy as np

from sugata.space import Graph

MOST_VERTICES = 7
MOST_EDGES = 9
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
#: Every possible edge, the upper triangle of the adjacency matrix row by row.
PAIRS = tuple(itertools.combinations(range(MOST_VERTICES), 2))

Edge = tuple[int, int]


@dataclass(frozen=True)
class ModuleGraph:
    """A graph without vertices that have no effect.

    Attributes:
        edges: pairs of vertices; vertex 0 is the input, the highest one the output.
        operations: positions in ``OPERATIONS`` for the interior vertices, in their order.
    """

    edges: tuple[Edge, ...]
    operations: tuple[int, ...]

    @classmethod
    def of(cls, edges: Sequence[Edge], operations: Sequence[int]) -> "ModuleGraph":
        """From edges that all have an effect, and the operations of all five interior vertices."""
        kept = sorted({0, MOST_VERTICES - 1, *itertools.chain(*edges)})
        number = {vertex: i for i, vertex in enumerate(kept)}
        return cls(
            tuple((number[source], number[target]) for source, target in edges),
            tuple(operations[vertex - 1] for vertex in kept[1:-1]),
        )

    def labelled(self) -> Graph:
        """The graph with the names of its operations."""
        return Graph(("input", *(OPERATIONS[i] for i in self.operations), "output"), self.edges)

    def canonical(self) -> "ModuleGraph":
        """The same for all isomorphic graphs."""
        graph = self.labelled().canonical()
        return ModuleGraph(graph.edges, tuple(OPERATIONS.index(name) for name in graph.operations[1:-1]))


@lru_cache(maxsize=1 << 16)
def pruned_edges(edges: tuple[int, ...]) -> tuple[Edge, ...]:
    """Of the edges with a 1, in the order of ``PAIRS``, those on a way from input to output."""
    present = [pair for pair, edge in zip(PAIRS, edges, strict=True) if edge]
    reached, leading = {0}, {MOST_VERTICES - 1}
    for source, target in present:  # sorted by source: all ways to a source are known before its edges
        if source in reached:
            reached.add(target)
    for source, target in reversed(present):
        if target in leading:
            leading.add(source)
    return tuple(pair for pair in present if pair[0] in reached and pair[1] in leading)


@cache
def count_valid() -> int:
    """How many of the 2^21 sets of edges connect input and output by one to nine edges that count."""
    code = np.arange(1 << len(PAIRS), dtype=np.uint32)
    edge = {pair: (code >> i & 1).astype(bool) for i, pair in enumerate(PAIRS)}
    reached = [np.full(code.shape, vertex == 0) for vertex in range(MOST_VERTICES)]
    leading = [np.full(code.shape, vertex == MOST_VERTICES - 1) for vertex in range(MOST_VERTICES)]
    for source, target in PAIRS:
        reached[target] |= reached[source] & edge[source, target]
    for source, target in reversed(PAIRS):
        leading[source] |= leading[target] & edge[source, target]
    counting = np.zeros(code.shape, dtype=np.uint8)
    for source, target in PAIRS:
        counting += edge[source, target] & reached[source] & leading[target]
    return int(((counting > 0) & (counting <= MOST_EDGES)).sum())


def graph_hash(graph: ModuleGraph) -> str:
    """The hash of Ying et al. 2019 (their ``hash_module``), the same for isomorphic graphs.

    Every vertex starts with the digest of (edges out, edges in, label), label -1 for the input and -2 for the
    output, and as many times as there are vertices takes the digest of its neighbours' and its own.
    """
    size = len(graph.operations) + 2
    labels = (-1, *graph.operations, -2)
    before: list[list[int]] = [[] for _ in labels]
    after: list[list[int]] = [[] for _ in labels]
    for source, target in graph.edges:
        before[target].append(source)
        after[source].append(target)
    digests = [_digest(str((len(after[v]), len(before[v]), labels[v]))) for v in range(size)]
    for _ in range(size):
        digests = [
            _digest(
                "".join(sorted(digests[u] for u in before[v]))
                + "|"
                + "".join(sorted(digests[u] for u in after[v]))
                + "|"
                + digests[v]
            )
            for v in range(size)
        ]
    return _digest(str(sorted(digests)))


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
