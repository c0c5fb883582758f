"""An architecture as a graph of operations: what surrogates compare and drawings show."""

from dataclasses import dataclass

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
