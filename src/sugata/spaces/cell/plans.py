"""What cell plans have in common: which are the same, and how they look as graphs."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sugata.space import CellNode, CellPlan, Edge, Graph

_INPUTS = 2


@lru_cache(maxsize=65536)
def canonical_plan(plan: CellPlan, distinct_inputs: bool) -> CellPlan:
    """One plan for all that are the same network: edges and nodes in an order that follows from structure.

    The same are plans that differ in the order of a node's edges, in the order of nodes (where neither takes
    the other), and in the input of an edge that is ``none``. Not merged: what two operations compute that
    the training makes equal, and zeros that travel on through skips and pools.

    Args:
        distinct_inputs: the edges of a node come from different states, and sorted by them.
    """
    ranks = _ranks(plan)
    nodes = range(_INPUTS, _INPUTS + len(plan.nodes))
    tied = [list(group) for _, group in itertools.groupby(sorted(nodes, key=ranks.__getitem__), ranks.get)]
    orders = itertools.product(*(itertools.permutations(group) for group in tied))
    return min(
        (
            _reordered(plan, [state for group in order for state in group], distinct_inputs)
            for order in orders
        ),
        key=lambda found: ([(node.edges, node.combine) for node in found.nodes], found.output),
    )


def plan_graph(plan: CellPlan, *, reduction: bool, prefix: str = "") -> Graph:
    """The cell's operations; a node that combines several is an ``add`` or a ``concat``.

    Skips are edges, except where they halve the resolution. What is ``none``, and zeros on their way through
    skips, pools and sums, are left out.

    Args:
        prefix: before every label, such as ``normal:``.
    """
    operations = [f"{prefix}input_0", f"{prefix}input_1"]
    edges: list[tuple[int, int]] = []
    states: dict[int, int | None] = {0: 0, 1: 1}  # the operation whose result a state is; None where zero

    def add(label: str, sources: Iterable[int]) -> int:
        operations.append(prefix + label)
        edges.extend((source, len(operations) - 1) for source in sources)
        return len(operations) - 1

    for state, node in enumerate(plan.nodes, start=_INPUTS):
        terms: list[int] = []
        for operation, source in node.edges:
            taken = states[source]
            silent = operation == "none" or (taken is None and "conv" not in operation)
            if silent:
                continue
            if operation == "skip_connect" and not (reduction and source < _INPUTS):
                assert taken is not None
                terms.append(taken)
            else:
                terms.append(add(operation, [] if taken is None else [taken]))
        if not terms:
            states[state] = None
        elif len(terms) == 1 and node.combine == "add":
            states[state] = terms[0]
        else:
            states[state] = add(node.combine, terms)
    add("output", [taken for state in plan.output if (taken := states[state]) is not None])
    return _without_dead(operations, edges)


def joined(graphs: Iterable[Graph]) -> Graph:
    """Several graphs side by side, as one."""
    operations: list[str] = []
    edges: list[tuple[int, int]] = []
    for graph in graphs:
        edges += [(len(operations) + source, len(operations) + target) for source, target in graph.edges]
        operations += graph.operations
    return Graph(tuple(operations), tuple(edges))


def unused_states(nodes: Iterable[CellNode]) -> tuple[int, ...]:
    """The nodes that no other node takes, unless by ``none``: what leaves a NASNet cell."""
    listed = list(nodes)
    taken = {source for node in listed for operation, source in node.edges if operation != "none"}
    return tuple(state for state in range(_INPUTS, _INPUTS + len(listed)) if state not in taken)


def _ranks(plan: CellPlan) -> Mapping[int, tuple[int, int]]:
    """Depth of each state, and the position among those of its depth of all that leads to it."""
    ranks: dict[int, tuple[int, int]] = {0: (0, 0), 1: (0, 1)}
    depths = {0: 0, 1: 0}
    for state, node in enumerate(plan.nodes, start=_INPUTS):
        depths[state] = 1 + max((depths[source] for source in _live(node)), default=0)
    for depth in range(1, max(depths.values()) + 1):
        marks: dict[int, Any] = {
            state: (
                node.combine,
                len(node.edges),
                sorted((operation, ranks[source]) for operation, source in node.edges if operation != "none"),
            )
            for state, node in enumerate(plan.nodes, start=_INPUTS)
            if depths[state] == depth
        }
        ordered = [mark for mark, _ in itertools.groupby(sorted(marks.values()))]
        ranks |= {state: (depth, ordered.index(mark)) for state, mark in marks.items()}
    return ranks


def _live(node: CellNode) -> Iterator[int]:
    return (source for operation, source in node.edges if operation != "none")


def _reordered(plan: CellPlan, order: list[int], distinct_inputs: bool) -> CellPlan:
    place = {0: 0, 1: 1} | {state: i for i, state in enumerate(order, start=_INPUTS)}
    nodes = []
    for state in order:
        node = plan.nodes[state - _INPUTS]
        live = [(operation, place[source]) for operation, source in node.edges if operation != "none"]
        edges = [*live, *_nothing(len(node.edges) - len(live), live, distinct_inputs)]
        nodes.append(CellNode(tuple(sorted(edges, key=lambda edge: (edge[1], edge[0]))), node.combine))
    return CellPlan(tuple(nodes), tuple(sorted(place[state] for state in plan.output)))


def _nothing(count: int, live: list[Edge], distinct_inputs: bool) -> list[Edge]:
    """Edges without an effect, from the first states that may still be taken."""
    taken = {source for _, source in live} if distinct_inputs else set()
    free = (state for state in itertools.count() if state not in taken)
    return [("none", next(free) if distinct_inputs else 0) for _ in range(count)]


def _without_dead(operations: list[str], edges: list[tuple[int, int]]) -> Graph:
    used = {len(operations) - 1}
    for source, target in sorted(edges, key=lambda edge: -edge[1]):
        if target in used:
            used.add(source)
    kept = sorted(used)
    place = {node: i for i, node in enumerate(kept)}
    return Graph(
        tuple(operations[node] for node in kept),
        tuple((place[source], place[target]) for source, target in edges if target in used),
    )
