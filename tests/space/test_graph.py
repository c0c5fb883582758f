"""Graphs of operations."""

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
