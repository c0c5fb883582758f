"""An architecture as a graph of operations: what surrogates compare and drawings show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sugata.errors import InvalidArchitecture


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of operations.

    Operations are nodes, edges say whose output an operation takes. Only what has an effect is in it:
    dead nodes are dropped, and a connection without an operation of its own is an edge, no node.

    Attributes:
        operations: the label of every node in a topological order, such as ``input``, ``conv_3x3``,
            ``output``. A space with several cells labels its nodes ``normal:conv_3x3``.
        edges: pairs ``(source, target)`` of positions in ``operations``, each source before its target. A
            pair that stands twice is two connections.

    Raises:
        InvalidArchitecture: an edge leaves the list of nodes or runs backwards.
    """

    operations: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for source, target in self.edges:
            if not 0 <= source < target < len(self.operations):
                raise InvalidArchitecture(
                    f"graph: edge ({source}, {target}) does not lead forward among"
                    f" {len(self.operations)} nodes; order the nodes topologically"
                )

    def predecessors(self, node: int) -> tuple[int, ...]:
        """Nodes whose output the node takes, in the order of ``edges``."""
        return tuple(source for source, target in self.edges if target == node)

    def successors(self, node: int) -> tuple[int, ...]:
        """Nodes that take the node's output, in the order of ``edges``."""
        return tuple(target for source, target in self.edges if source == node)

    def canonical(self) -> "Graph":
        """The same graph with its nodes in an order that depends on its structure alone.

        Isomorphic graphs become equal. Nodes are ordered by depth and by Weisfeiler-Lehman refinement over
        the labels of what comes before and after; of nodes that this cannot tell apart any may come first,
        which is exact where they are interchangeable.
        """
        colours = self._refined(list(zip(self._depths(), self.operations, strict=True)))
        while len(set(colours)) < len(colours):
            tied = min(colour for colour in colours if colours.count(colour) > 1)
            first = colours.index(tied)
            colours = self._refined([(colour, node != first) for node, colour in enumerate(colours)])
        order = sorted(range(len(colours)), key=colours.__getitem__)
        edges = sorted((colours[source], colours[target]) for source, target in self.edges)
        return Graph(tuple(self.operations[node] for node in order), tuple(edges))

    def _depths(self) -> list[int]:
        """The longest way that leads to each node."""
        depths = [0] * len(self.operations)
        for source, target in sorted(self.edges, key=lambda edge: edge[1]):
            depths[target] = max(depths[target], depths[source] + 1)
        return depths

    def _refined(self, marks: Sequence[Any]) -> list[int]:
        """Ranks of the nodes, ordered by ``marks``, then by the ranks around them until nothing changes."""
        ranks = _ranks(marks)
        before = [self.predecessors(node) for node in range(len(marks))]
        after = [self.successors(node) for node in range(len(marks))]
        while True:
            around = [
                (rank, sorted(ranks[n] for n in before[node]), sorted(ranks[n] for n in after[node]))
                for node, rank in enumerate(ranks)
            ]
            finer = _ranks(around)
            if finer == ranks:
                return ranks
            ranks = finer


def _ranks(marks: Sequence[Any]) -> list[int]:
    """The position of each mark among the different ones."""
    rank: dict[str, int] = {}
    ordered = sorted(marks)
    for mark in ordered:
        rank.setdefault(repr(mark), len(rank))
    return [rank[repr(mark)] for mark in marks]
