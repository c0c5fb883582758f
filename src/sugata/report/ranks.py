"""How far two rankings agree, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRAWS = 1000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Rank correlations of a score with a truth, with 95 % percentile intervals over resampled items.

    Attributes:
        kendall: tau-b: pairs in the same order less pairs in the other, as a share of those that differ.
        spearman: correlation of the ranks, ties at their mean.
        count: items that were compared.
    """

    kendall: float
    kendall_interval: tuple[float, float]
    spearman: float
    spearman_interval: tuple[float, float]
    count: int


def agreement(scores: Sequence[float], truth: Sequence[float]) -> Agreement | None:
    """How far scores rank as the truth does; None for fewer than three items, or equal ones only."""
    first, second = np.asarray(scores, dtype=float), np.asarray(truth, dtype=float)
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return None
    draws = np.random.default_rng(0).integers(len(first), size=(_DRAWS, len(first)))
    varied = [draw for draw in draws if np.ptp(first[draw]) and np.ptp(second[draw])]
    return Agreement(
        kendall(first, second),
        _interval([kendall(first[draw], second[draw]) for draw in varied]),
        spearman(first, second),
        _interval([spearman(first[draw], second[draw]) for draw in varied]),
        len(first),
    )


def kendall(first: Values, second: Values) -> float:
    """Tau-b of two series ``(items,)``."""
    one, two = (np.sign(series[:, None] - series[None, :]) for series in (first, second))
    return float((one * two).sum() / np.sqrt((one**2).sum() * (two**2).sum()))


def spearman(first: Values, second: Values) -> float:
    """Rank correlation of two series ``(items,)``."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Values) -> Values:
    """From 0 on; ties have the mean of theirs."""
    smaller = (values[None, :] < values[:, None]).sum(1)
    equal = (values[None, :] == values[:, None]).sum(1)
    ranks: Values = smaller + (equal - 1) / 2
    return ranks


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
