"""From results to the next architecture: the processes of one search, on a small space or a large one."""

from collections.abc import Sequence

import numpy as np

from sugata.space import Architecture, SearchSpace
from sugata.strategies.surrogate.acquisition import standardized
from sugata.strategies.surrogate.candidates import (
    WholeSpace,
    sampled_featurizer,
    unseen,
    whole_space,
)
from sugata.strategies.surrogate.features import Scores
from sugata.strategies.surrogate.kernels import Kernels
from sugata.strategies.surrogate.model_average import ModelAverage
from sugata.strategies.surrogate.results import Results
from sugata.strategies.surrogate.tables import Floats


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

    def choose(self, results: Results, rng: np.random.Generator) -> Architecture | None:
        """The best unseen candidate; None where there is none."""
        if self._whole is not None:
            return self._of_all(self._whole, results)
        candidates = unseen(self.space, results, rng)
        return self._of_some(candidates, results) if candidates else None

    def _of_all(self, whole: WholeSpace, results: Results) -> Architecture | None:
        rows, others = whole.places(self.space, results)
        if not len(others):
            return None
        pending = [whole.row_of[self.space.deployment_key(architecture)] for architecture in results.pending]
        gain = self._gain(whole.kernels, results, rows, pending, None)
        return whole.architectures[int(others[np.argmax(gain[others])])]

    def _of_some(self, candidates: Sequence[Architecture], results: Results) -> Architecture:
        assert self._featurizer is not None
        ended, before = len(results.ended), len(results.ended) + len(results.pending)
        kernels = Kernels(self._featurizer.table([*results.ended, *results.pending, *candidates]))
        gain = self._gain(kernels, results, range(ended), range(ended, before), before)
        return candidates[int(np.argmax(gain))]

    def _gain(
        self,
        kernels: Kernels,
        results: Results,
        rows: Sequence[int],
        pending: Sequence[int],
        start: int | None,
    ) -> Floats:
        """Of all rows of the kernels' table, or of those from ``start`` on."""
        if self._quality is None:
            self._quality = ModelAverage(kernels, whole=start is None)
        self._quality.kernels = kernels
        self._quality.observe([rows[i] for i in results.good])
        gain = self._quality.improvement(standardized(results.values), pending, slice(start, None))
        if len(results.good) < len(rows):
            if self._success is None:
                self._success = ModelAverage(kernels, whole=start is None)
            self._success.kernels = kernels
            self._success.observe(rows)
            successes = np.zeros(len(rows))
            successes[list(results.good)] = 1.0
            gain = gain * self._success.probability(successes, slice(start, None))
        return gain
