"""Distances between rows of features."""

import numpy as np
import pytest

from sugata.strategies.surrogate.tables import CountTable, DenseTable, Standardization


def counted(**counts: int) -> tuple[np.ndarray, np.ndarray]:
    hashes = np.asarray([ord(name) for name in counts], dtype=np.uint64)
    return hashes, np.sqrt(np.asarray(list(counts.values()), dtype=np.float32))


def test_counts_are_compared_by_their_roots() -> None:
    table = CountTable([counted(a=4, b=1), counted(a=1), counted(c=9)])
    assert table.distances(0, slice(None)) == pytest.approx([0, 1 + 1, 4 + 1 + 9])


def test_a_distance_does_not_depend_on_what_else_is_in_the_table() -> None:
    rows = [counted(a=3, b=5, c=7), counted(b=2, d=6)]
    more = [*rows, counted(**{chr(97 + i): i + 1 for i in range(26)})]
    assert CountTable(rows).distances(0, slice(None))[1] == CountTable(more).distances(0, slice(None))[1]


def test_positions_are_compared_by_weighted_absolute_differences() -> None:
    values = np.asarray([[1, 0, 0.5], [0, 1, 0.0]], dtype=np.float32)
    table = DenseTable(values, np.asarray([0.5, 0.5, 1], dtype=np.float32), power=1)
    assert table.distances(0, slice(None)) == pytest.approx([0, 1.5])


def test_numbers_are_standardized_without_constants_and_repetitions() -> None:
    raw = np.asarray([[1.0, 5, 2, 10], [3, 5, 6, -np.inf], [5, 5, 10, 30]])
    standard = Standardization(raw)
    assert standard.columns == 2
    assert standard(raw)[:, 0] == pytest.approx([-1.2247, 0, 1.2247], abs=1e-3)
    assert standard(raw)[1, 1] == 0
