"""Ranks of the right answers among candidates, and what is reported of them."""

from collections.abc import Sequence

import numpy as np

from sugata.trial import Metric

MEAN_RECIPROCAL_RANK = Metric(
    "mean_reciprocal_rank", "", "maximize", "mean of 1 / rank of the right function among the candidates"
)
CUTOFFS = (1, 5, 10)
RECALLS = tuple(
    Metric(f"recall_at_{k}", "", "maximize", f"share of queries whose function is among the first {k}")
    for k in CUTOFFS
)

_ORDER_SEED = 11  # of the order in which a split is cut into groups of candidates: the same for all


def ranks(scores: np.ndarray) -> np.ndarray:
    """The rank of candidate ``i`` for query ``i``, ``(queries,)`` from 1.

    Ties count against it, and so does a score that is not a number.

    Args:
        scores: ``(queries, candidates)``, the right one of query ``i`` at place ``i``.
    """
    own = np.diagonal(scores)
    return scores.shape[1] - (scores < own[:, None]).sum(axis=1)


def summary(found: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean reciprocal rank and recall at 1, 5 and 10 of the ranks of all groups."""
    values = np.concatenate(found)
    recalls = {m.name: float((values <= k).mean()) for m, k in zip(RECALLS, CUTOFFS, strict=True)}
    return {MEAN_RECIPROCAL_RANK.name: float((1.0 / values).mean()), **recalls}


def groups(count: int, candidates: int, limit: int | None) -> list[tuple[np.ndarray, int]]:
    """Groups of pairs in which every query has the functions of all others as distractors.

    A split is taken in an order that is the same for all, and cut into groups of `candidates`; what is left
    over is not used (as in CodeSearchNet's evaluation). A smaller split is one group.

    Args:
        count: pairs of the split.
        limit: so many queries at most; the candidates of the last group stay complete.

    Returns:
        Numbers of pairs, and how many of them are asked for.
    """
    order = np.random.default_rng(_ORDER_SEED).permutation(count)
    size = min(count, candidates)
    found = []
    left = count if limit is None else limit
    for start in range(0, count - size + 1, size):
        if left <= 0:
            break
        found.append((order[start : start + size], min(size, left)))
        left -= size
    return found
