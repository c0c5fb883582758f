"""Rank correlations, against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from sugata.report.ranks import agreement, kendall, spearman

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30)


@given(PAIRS)
def test_the_correlations_are_scipys_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if np.ptp(first) and np.ptp(second):
        assert kendall(first, second) == pytest.approx(kendalltau(first, second).statistic)
        assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_the_interval_holds_the_value_and_narrows_with_more_items() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=100)
    scores = truth + rng.normal(size=100)
    few, many = agreement(scores[:10], truth[:10]), agreement(scores, truth)
    assert few is not None
    assert many is not None
    assert few.kendall_interval[0] <= few.kendall <= few.kendall_interval[1]
    assert np.ptp(many.kendall_interval) < np.ptp(few.kendall_interval)


def test_too_few_or_equal_items_have_no_correlation() -> None:
    assert agreement([1, 2], [1, 2]) is None
    assert agreement([1, 1, 1], [1, 2, 3]) is None
