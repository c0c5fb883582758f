"""Graphs of operations."""

import itertools

import networkx
import numpy as np
import pytest

from sugata.errors import InvalidArchitecture
from sugata.space import Graph


def test_a_graph_knows_what_comes_before_and_after_a_node() -> None:
    graph = Graph(("input", "conv", "pool", "output"), ((0, 1), (0, 2), (1, 3), (2, 3)))
    assert graph.successors(0) == (1, 2)
    assert graph.predecessors(3) == (1, 2)


@pytest.mark.parametrize("edge", [(1, 0), (1, 1), (0, 2), (-1, 1)])
def test_an_edge_that_leads_nowhere_is_refused(edge: tuple[int, int]) -> None:
    with pytest.raises(InvalidArchitecture, match="order the nodes topologically"):
        Graph(("input", "output"), (edge,))


def test_renumbered_graphs_have_one_canonical_form() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        graph = random_graph(rng)
        assert renumbered(graph, rng).canonical() == graph.canonical()
        assert graph.canonical().canonical() == graph.canonical()


def test_canonical_graphs_are_equal_only_if_isomorphic() -> None:
    rng = np.random.default_rng(1)
    graphs = [random_graph(rng) for _ in range(80)]
    for first, second in itertools.combinations(graphs, 2):
        same = networkx.is_isomorphic(as_networkx(first), as_networkx(second), equal, equal)
        assert same == (first.canonical() == second.canonical())


def equal(first: dict, second: dict) -> bool:
    return first == second


def as_networkx(graph: Graph) -> networkx.MultiDiGraph:
    made = networkx.MultiDiGraph()
    for node, operation in enumerate(graph.operations):
        made.add_node(node, operation=operation)
    made.add_edges_from(graph.edges)
    return made


def random_graph(rng: np.random.Generator) -> Graph:
    """Few labels and few nodes, so that some graphs are isomorphic and many have symmetries."""
    size = int(rng.integers(2, 6))
    operations = tuple(str(label) for label in rng.choice(["a", "b"], size=size))
    pairs = [pair for pair in itertools.combinations(range(size), 2) if rng.random() < 0.5]
    return Graph(operations, tuple(pairs))


def renumbered(graph: Graph, rng: np.random.Generator) -> Graph:
    """The same graph in a random topological order."""
    order: list[int] = []
    while len(order) < len(graph.operations):
        ready = [
            node
            for node in range(len(graph.operations))
            if node not in order and set(graph.predecessors(node)) <= set(order)
        ]
        order.append(int(rng.choice(ready)))
    edges = [(order.index(source), order.index(target)) for source, target in graph.edges]
    return Graph(tuple(graph.operations[node] for node in order), tuple(edges))
