"""A cell of the DARTS and NASNet kind: what is built from, drawn and compared."""

from dataclasses import dataclass

from sugata.errors import InvalidArchitecture

Edge = tuple[str, int]


@dataclass(frozen=True)
class CellNode:
    """One intermediate node of a cell.

    Attributes:
        edges: pairs (operation, input): the operation is applied to the state of that index.
        combine: how the results become one: ``add``, or ``concat`` along the channels.
    """

    edges: tuple[Edge, ...]
    combine: str = "add"


@dataclass(frozen=True)
class CellPlan:
    """A cell with two inputs, which are states 0 and 1; its nodes are states 2, 3 and so on.

    Attributes:
        nodes: the intermediate nodes, each of which takes earlier states.
        output: the states whose concatenation leaves the cell.

    Raises:
        InvalidArchitecture: a node takes a state that is not before it, or there is no such output.
    """

    nodes: tuple[CellNode, ...]
    output: tuple[int, ...]

    def __post_init__(self) -> None:
        for state, node in enumerate(self.nodes, start=2):
            for operation, source in node.edges:
                if not 0 <= source < state:
                    raise InvalidArchitecture(
                        f"node {state} takes {operation} of state {source}; give one from 0 to {state - 1}"
                    )
            if node.combine not in ("add", "concat"):
                raise InvalidArchitecture(f"node {state} combines by {node.combine!r}; use add or concat")
        states = len(self.nodes) + 2
        if not self.output or any(not 0 <= state < states for state in self.output):
            raise InvalidArchitecture(
                f"a cell of {len(self.nodes)} nodes gives states {list(self.output)};"
                f" give one or more from 0 to {states - 1}"
            )
