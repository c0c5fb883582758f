"""From results to the next architecture: the surrogate of one search, on a small space or a large one."""

from collections.abc import Sequence

import numpy as np

from sugata.space import Architecture, SearchSpace
from sugata.strategies.seen import Seen
from sugata.strategies.surrogate.acquisition import Vector, standardized
from sugata.strategies.surrogate.candidates import (
    WholeSpace,
    mutants_and_others,
    sampled_featurizer,
    whole_space,
)
from sugata.strategies.surrogate.features import Scores
from sugata.strategies.surrogate.kernels import Kernels
from sugata.strategies.surrogate.model_average import ModelAverage
from sugata.strategies.surrogate.tables import Floats

_PARENTS = 10


class Guide:
    """Chooses the candidate with the largest expected improvement, times its probability of success.

    It keeps what it computed of earlier results; what it chooses depends on nothing but its arguments.

    Args:
        space: small or large, see :mod:`sugata.strategies.surrogate.candidates`.
        scores: further features of an architecture.
    """

    def __init__(self, space: SearchSpace, scores: Scores | None = None) -> None:
        self.space = space
        self._whole = whole_space(space, scores)
        self._featurizer = None if self._whole else sampled_featurizer(space, scores)
        self._quality: ModelAverage | None = None
        self._success: ModelAverage | None = None

    def choose(
        self,
        ended: Sequence[Architecture],
        values: Sequence[float | None],
        pending: Sequence[Architecture],
        seen: Seen,
        rng: np.random.Generator,
    ) -> Architecture | None:
        """The best unseen candidate; None where there is none.

        Args:
            ended: architectures with results, in the order in which these came.
            values: how good each is, larger is better; None where it failed or breaks a limit.
            pending: architectures that are being evaluated.
            seen: all that were proposed: the ended and the pending.
        """
        good = [i for i, value in enumerate(values) if value is not None]
        targets = np.asarray([values[i] for i in good], dtype=np.float64)
        if self._whole is not None:
            return self._of_all(self._whole, ended, good, targets, pending)
        best = [ended[good[i]] for i in np.argsort(-targets, kind="stable")[:_PARENTS]]
        candidates = mutants_and_others(self.space, best, seen, rng)
        if not candidates:
            return None
        return self._of_some(candidates, ended, good, targets, pending)

    def _of_all(
        self,
        whole: WholeSpace,
        ended: Sequence[Architecture],
        good: Sequence[int],
        targets: Vector,
        pending: Sequence[Architecture],
    ) -> Architecture | None:
        rows = [whole.row_of[self.space.deployment_key(architecture)] for architecture in ended]
        waiting = [whole.row_of[self.space.deployment_key(architecture)] for architecture in pending]
        unseen = np.ones(len(whole.architectures), dtype=bool)
        unseen[rows + waiting] = False
        candidates = np.flatnonzero(unseen)
        if not len(candidates):
            return None
        gain = self._gain(whole.kernels, rows, good, targets, waiting, None)
        return whole.architectures[int(candidates[np.argmax(gain[candidates])])]

    def _of_some(
        self,
        candidates: Sequence[Architecture],
        ended: Sequence[Architecture],
        good: Sequence[int],
        targets: Vector,
        pending: Sequence[Architecture],
    ) -> Architecture:
        assert self._featurizer is not None
        before = len(ended) + len(pending)
        kernels = Kernels(self._featurizer.table([*ended, *pending, *candidates]))
        rows, waiting = list(range(len(ended))), list(range(len(ended), before))
        gain = self._gain(kernels, rows, good, targets, waiting, before)
        return candidates[int(np.argmax(gain))]

    def _gain(
        self,
        kernels: Kernels,
        rows: Sequence[int],
        good: Sequence[int],
        targets: Vector,
        pending: Sequence[int],
        start: int | None,
    ) -> Floats:
        """Of all rows of the kernels' table, or of those from ``start`` on."""
        if self._quality is None:
            self._quality = ModelAverage(kernels, whole=start is None)
        self._quality.kernels = kernels
        self._quality.observe([rows[i] for i in good])
        gain = self._quality.improvement(standardized(targets), pending, slice(start, None))
        if len(good) < len(rows):
            if self._success is None:
                self._success = ModelAverage(kernels, whole=start is None)
            self._success.kernels = kernels
            self._success.observe(rows)
            successes = np.zeros(len(rows))
            successes[list(good)] = 1.0
            gain = gain * self._success.probability(successes, slice(start, None))
        return gain
