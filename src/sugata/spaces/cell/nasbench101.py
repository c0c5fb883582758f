"""NAS-Bench-101: Ying et al. 2019, "NAS-Bench-101: Towards Reproducible Neural Architecture Search"."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sugata.errors import InvalidArchitecture
from sugata.space import (
    Architecture,
    Block,
    Choice,
    Constraint,
    Graph,
    OptionNote,
    SearchSpace,
    Signature,
    image_signature,
    image_sizes,
)
from sugata.spaces.cell.nasbench101_graph import (
    MOST_EDGES,
    MOST_VERTICES,
    OPERATIONS,
    PAIRS,
    ModuleGraph,
    count_valid,
    graph_hash,
    pruned_edges,
)
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.nasbench101 import NasBench101Network

_EDGES = tuple(f"{source}->{target}" for source, target in PAIRS)
_VERTICES = tuple(f"vertex_{i}" for i in range(1, MOST_VERTICES - 1))
_REMEDY = (
    f"lead edges from vertex 0 to vertex {MOST_VERTICES - 1}, at most {MOST_EDGES} of them on such a way"
)
_FORM = "the adjacency's upper triangle row by row, a colon, one of 0, 1, 2 per interior vertex"
_PAPER = ("Ying et al. 2019, NAS-Bench-101",)
_NOTES = {
    OPERATIONS[0]: OptionNote("3x3 convolution, batch norm, ReLU.", papers=_PAPER),
    OPERATIONS[1]: OptionNote("1x1 convolution, batch norm, ReLU.", papers=_PAPER),
    OPERATIONS[2]: OptionNote("Maximum over 3x3 positions.", papers=_PAPER),
}
_CIFAR = image_signature(3, 32, 32, 10)


def _is_valid(*edges: Value) -> bool:
    return 0 < len(pruned_edges(tuple(int(edge) for edge in edges))) <= MOST_EDGES


class NasBench101Space(SearchSpace):
    """Graphs of up to five operations and nine edges between an input and an output: 423,624 differ.

    An architecture has all 21 possible edges of seven vertices and the operations of the five interior ones,
    as in the paper: 2^21 x 3^5 combinations. Vertices and edges that do not lie on a way from input to output
    have no effect; the limit of nine edges counts those that do.

    Args:
        channels: of the first stack; the second and the third have twice and four times as many.
        cells: in each of the three stacks.

    Raises:
        InvalidArchitecture: a parameter is below 1.
    """

    name = "cell/nasbench101"

    def __init__(self, channels: int = 128, cells: int = 3) -> None:
        if min(channels, cells) < 1:
            raise InvalidArchitecture(
                f"space {self.name}: channels={channels}, cells={cells}; give at least 1 of each"
            )
        self.channels, self.cells = channels, cells
        self.parameters = {"channels": channels, "cells": cells}
        edges = [Choice(name, (0, 1), ordered=True, default=0, description="edge") for name in _EDGES]
        vertices = [
            Choice(name, OPERATIONS, description=f"operation of vertex {i}", notes=_NOTES)
            for i, name in enumerate(_VERTICES, start=1)
        ]
        self.choices = (*edges, *vertices)
        self.constraints = (Constraint(_EDGES, _is_valid, _REMEDY),)

    # -- strings --------------------------------------------------------------------------------------

    def from_string(self, text: str) -> Architecture:
        """The cell of ``101100100000011001101:11121``.

        Before the colon the upper triangle of the adjacency matrix row by row, for two to seven vertices;
        after it the interior vertices: 0 a 3x3 convolution, 1 a 1x1 convolution, 2 a max pooling. The
        vertices of a smaller graph come first, its output becomes vertex 6.

        Raises:
            InvalidArchitecture: the string has another form, or the graph is not in the space.
        """
        bits, _, digits = text.strip().partition(":")
        size = len(digits) + 2
        if set(bits) - set("01") or not 2 <= size <= MOST_VERTICES or len(bits) != size * (size - 1) // 2:
            raise InvalidArchitecture(f"{text!r} is no cell of {self.name}; write {_FORM}")
        if unknown := set(digits) - set("012"):
            raise InvalidArchitecture(f"unknown operation {min(unknown)!r} in {text!r}; known are 0, 1, 2")
        pairs = itertools.combinations(range(size), 2)
        edges = [pair for pair, bit in zip(pairs, bits, strict=True) if bit == "1"]
        return self._from_graph(ModuleGraph(tuple(edges), tuple(int(digit) for digit in digits)))

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """What :meth:`from_string` reads: 21 bits and five digits."""
        bits = "".join(str(architecture[name]) for name in _EDGES)
        return f"{bits}:{''.join(str(OPERATIONS.index(str(architecture[name]))) for name in _VERTICES)}"

    def module(self, architecture: Mapping[str, Value]) -> ModuleGraph:
        """The published pruning: vertices on a way from input to output, numbered anew in their order."""
        try:
            edges = tuple(int(architecture[name]) for name in _EDGES)
            operations = tuple(OPERATIONS.index(architecture[name]) for name in _VERTICES)
        except (KeyError, ValueError):
            self.validate(architecture)
            raise
        return ModuleGraph.of(pruned_edges(edges), operations)

    def _from_graph(self, graph: ModuleGraph) -> Architecture:
        """The graph among seven vertices; those that it does not have are without edges."""
        last = len(graph.operations) + 1
        place = {vertex: vertex for vertex in range(last)} | {last: MOST_VERTICES - 1}
        edges = {(place[source], place[target]) for source, target in graph.edges}
        values: dict[str, Value] = {
            name: int(pair in edges) for name, pair in zip(_EDGES, PAIRS, strict=True)
        }
        for i, name in enumerate(_VERTICES):
            values[name] = OPERATIONS[graph.operations[i] if i < len(graph.operations) else 0]
        return self.architecture(values)

    # -- counts and draws -------------------------------------------------------------------------------

    def valid(self) -> int:
        """Counted over all 2^21 sets of edges, times the operations."""
        return count_valid() * len(OPERATIONS) ** len(_VERTICES)

    def distinct(self) -> int:
        """As published, 423,624; equal to the number of graph hashes that :meth:`enumerate` finds."""
        return 423_624

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw edges and operations uniformly among the valid combinations."""
        while True:
            edges = rng.integers(2, size=len(PAIRS)).tolist()
            if _is_valid(*edges):
                break
        operations = [OPERATIONS[i] for i in rng.integers(len(OPERATIONS), size=len(_VERTICES))]
        return Architecture(self.name, dict(zip((*_EDGES, *_VERTICES), (*edges, *operations), strict=True)))

    def enumerate(self) -> Iterator[Architecture]:
        """Every distinct cell once, in canonical form, those of few vertices first; lazily."""
        seen: set[str] = set()
        for interior in range(len(_VERTICES) + 1):
            pairs = tuple(itertools.combinations(range(interior + 2), 2))
            for many in range(1, min(MOST_EDGES, len(pairs)) + 1):
                for edges in itertools.combinations(pairs, many):
                    if not _all_used(edges, interior):
                        continue
                    for operations in itertools.product(range(len(OPERATIONS)), repeat=interior):
                        graph = ModuleGraph(edges, operations)
                        if (key := graph_hash(graph)) not in seen:
                            seen.add(key)
                            yield self._from_graph(graph.canonical())

    # -- what is the same -------------------------------------------------------------------------------

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """One architecture for all isomorphic graphs, without vertices and edges that have no effect."""
        return self._from_graph(self.module(architecture).canonical())

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The published hash of the pruned graph, as 32 hexadecimal digits.

        Isomorphic graphs share it. Their parameters can differ a little: where channels do not divide
        evenly, the first vertices get one more.
        """
        return _hash(self.module(architecture))

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """The pruned graph in canonical form."""
        return self.module(architecture).labelled().canonical()

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """The pruned graph."""
        return {"cell": self.module(architecture).labelled()}

    # -- networks -------------------------------------------------------------------------------------

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "NasBench101Network":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task, or there are too few channels
                for the vertices that share the output.
        """
        from sugata.nn.nasbench101 import NasBench101Network

        sizes = image_sizes(signature)
        module = self.module(self.architecture(architecture))
        last = len(module.operations) + 1
        sharing = sum(target == last and source > 0 for source, target in module.edges)
        if sharing > self.channels:
            raise InvalidArchitecture(
                f"space {self.name}: {sharing} vertices share {self.channels} channels; give more channels"
            )
        operations = [OPERATIONS[i] for i in module.operations]
        return NasBench101Network(
            module.edges, operations, sizes.channels, self.channels, self.cells, sizes.outputs
        )

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Stem, cells, reductions and head, for CIFAR-10's images where no signature is given."""
        import torch

        from sugata.spaces.image_outline import Part, image_outline

        signature = signature or _CIFAR
        sizes = image_sizes(signature)
        with torch.device("meta"):
            network = self.build(architecture, signature)
        parts = [Part("stem", "conv_3x3", "3x3 convolution, batch norm, ReLU", network.stem)]
        for i, layer in enumerate(network.layers):
            stack, place = divmod(i, self.cells + 1)
            if place == self.cells:
                parts.append(Part(f"reduction {stack + 1}", "pool", "2x2 max pooling, stride 2", layer))
            else:
                parts.append(Part(f"cell {stack * self.cells + place + 1}", "cell", "", layer))
        parts.append(
            Part("classifier", "head", f"{4 * self.channels} to {sizes.outputs}", network.classifier)
        )
        return image_outline(network, parts, sizes)


@lru_cache(maxsize=1 << 20)
def _hash(graph: ModuleGraph) -> str:
    return graph_hash(graph)


@cache
def _all_used(edges: Sequence[tuple[int, int]], interior: int) -> bool:
    """Whether every interior vertex has an edge in and an edge out, and something reaches the output."""
    sources, targets = {source for source, _ in edges}, {target for _, target in edges}
    inside = set(range(1, interior + 1))
    return inside | {0} <= sources and inside | {interior + 1} <= targets
