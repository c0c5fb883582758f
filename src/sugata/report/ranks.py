"""How far two rankings agree, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 1000


@dataclass(frozen=True)
class Agreement:
    """Rank correlations of a score with a truth, with 95 % percentile intervals over resampled items.

    Attributes:
        kendall: tau-b: pairs in the same order less pairs in the other, as a share.
        spearman: correlation of the ranks.
        count: items that were compared.
    """

    kendall: float
    kendall_interval: tuple[float, float]
    spearman: float
    spearman_interval: tuple[float, float]
    count: int


def agreement(scores: Sequence[float], truth: Sequence[float]) -> Agreement | None:
    """How far scores rank as the truth does; None for fewer than three items, or equal ones only."""
    from scipy.stats import kendalltau, spearmanr

    first, second = np.asarray(scores, dtype=float), np.asarray(truth, dtype=float)
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    draws = np.random.default_rng(0).integers(len(first), size=(_DRAWS, len(first)))
    varied = [draw for draw in draws if len(set(first[draw])) > 1 and len(set(second[draw])) > 1]
    taus = [float(kendalltau(first[draw], second[draw]).statistic) for draw in varied]
    rhos = [float(spearmanr(first[draw], second[draw]).statistic) for draw in varied]
    return Agreement(
        float(kendalltau(first, second).statistic),
        _interval(taus),
        float(spearmanr(first, second).statistic),
        _interval(rhos),
        len(first),
    )


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
