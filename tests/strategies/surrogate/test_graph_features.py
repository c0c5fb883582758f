"""Counts and scalars of graphs, on graphs small enough to count by hand."""

import numpy as np
import pytest

from sugata.space import Graph
from sugata.strategies.surrogate.graph_features import (
    kinds,
    neighbourhood_counts,
    path_counts,
    scalars,
    sequence_counts,
    without_places,
)

DIAMOND = Graph(("input", "conv_1x1", "conv_3x3", "output"), ((0, 1), (0, 2), (0, 3), (1, 3), (2, 3)))


def test_paths_lead_from_any_start_to_any_end_with_their_multiplicity() -> None:
    assert path_counts(DIAMOND) == {
        "input>output": 1,
        "input>conv_1x1>output": 1,
        "input>conv_3x3>output": 1,
    }
    two_parts = Graph(("a", "b", "c", "d"), ((0, 1), (0, 1), (2, 3)))
    assert path_counts(two_parts) == {"a>b": 2, "c>d": 1}


def test_too_many_paths_are_not_listed() -> None:
    edges = tuple((node, node + 1) for node in range(12) for _ in range(2))
    assert path_counts(Graph(("x",) * 13, edges)) == {}


def test_sequences_are_counted_along_edges() -> None:
    chain = Graph(("a", "b", "a", "b"), ((0, 1), (1, 2), (2, 3)))
    assert sequence_counts(chain) == {"a": 2, "b": 2, "a>b": 2, "b>a": 1, "a>b>a": 1, "b>a>b": 1}


def test_neighbourhoods_are_those_of_any_node_order_and_tell_directions_apart() -> None:
    swapped = Graph(("input", "conv_3x3", "conv_1x1", "output"), DIAMOND.edges)
    assert neighbourhood_counts(swapped) == neighbourhood_counts(DIAMOND)
    forward, backward = (
        Graph(("a", "b", "b"), ((0, 1), (1, 2))),
        Graph(("b", "b", "a"), ((0, 1), (1, 2))),
    )
    assert neighbourhood_counts(forward) != neighbourhood_counts(backward)


def test_operations_that_share_a_word_are_of_one_kind() -> None:
    found = kinds(["conv_1x1", "conv_3x3", "pool_3x3"])
    assert {"conv_1x1", "conv_3x3"} in found
    assert {"conv_3x3", "pool_3x3"} in found
    assert {"pool_3x3"} in found
    assert len(found) == 5


def test_scalars_count_each_kind_in_all_and_on_paths() -> None:
    values = scalars(DIAMOND, [frozenset({"conv_3x3"})])
    assert values == pytest.approx([1, 4, 1, 3, 0, 2, 1 / 3, 8 / 3, 5, np.log(4), 1])


def test_places_are_cut_from_labels() -> None:
    assert without_places(Graph(("layer_1:conv", "pool"), ((0, 1),))).operations == ("conv", "pool")
