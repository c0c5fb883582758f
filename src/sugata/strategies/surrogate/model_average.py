"""Gaussian processes with several kernels and noises, each weighted by its posterior probability."""

from collections.abc import Callable, Sequence

import numpy as np

from sugata.strategies.surrogate.acquisition import Vector, expected_improvement, probability_above
from sugata.strategies.surrogate.gaussian_process import GaussianProcess, KernelValues, Projection
from sugata.strategies.surrogate.kernels import Kernels
from sugata.strategies.surrogate.tables import ALL, Floats, Rows

#: Shares of the noise in the variance of a target that is without noise: none, some, much.
NOISES = (0.003, 0.03, 0.2)
_LEAST_WEIGHT = 0.02
_LEAST_AMPLITUDE = 1e-6


class ModelAverage:
    """All mixtures of kernels with all noises, a priori equally probable.

    Predictions are averaged over the models by their marginal likelihood. Models with less than a fiftieth
    of the best one's weight are left out, and cost next to nothing.

    Args:
        whole: the candidates are always the whole table, which does not grow: then posteriors are kept and
            brought up to date.
    """

    def __init__(self, kernels: Kernels, *, whole: bool) -> None:
        self.kernels = kernels
        self.whole = whole
        self._processes = [
            GaussianProcess(self._values(mixture), noise)
            for mixture in kernels.mixtures()
            for noise in NOISES
        ]
        self._projections: dict[int, Projection] = {}
        self._observed = 0

    def observe(self, rows: Sequence[int]) -> None:
        """Take note of the rows that were observed, in their order; only new ones cost anything."""
        for row in rows[self._observed :]:
            for process in self._processes:
                process.observe(row)
        self._observed = len(rows)

    def improvement(self, targets: Vector, pending: Sequence[int], candidates: Rows = ALL) -> Floats:
        """The expected improvement of candidates over the best target, ``(candidates,)``.

        Pending rows count as observed at their predicted mean: they leave all means as they are and take
        away the variance around them (Desautels et al. 2014, section 3.2).

        Args:
            targets: standardized, of all observed rows.
        """
        best = float(targets.max())
        return self._averaged(
            targets, pending, candidates, lambda mean, variance: expected_improvement(mean, variance, best)
        )

    def probability(self, successes: Vector, candidates: Rows = ALL) -> Floats:
        """How likely candidates succeed, ``(candidates,)``, from ones and zeros of all observed rows.

        A least-squares classifier (Rasmussen & Williams 2006, section 6.5): the probability that a process
        of the ones and zeros exceeds one half.
        """
        share = float(successes.mean())
        return self._averaged(
            successes - share,
            (),
            candidates,
            lambda mean, variance: probability_above(mean, variance, 0.5 - share),
        )

    def _averaged(
        self,
        targets: Vector,
        pending: Sequence[int],
        candidates: Rows,
        value: Callable[[Floats, Floats], Floats],
    ) -> Floats:
        """The value of each model's mean and variance, averaged over the models."""
        white = [process.whitened(targets) for process in self._processes]
        weights = _weights([p.log_evidence(w) for p, w in zip(self._processes, white, strict=True)])
        total: Floats = np.zeros(1, dtype=np.float32)
        for index in np.flatnonzero(weights):
            mean, variance = self._predicted(int(index), white[index], pending, candidates)
            amplitude = max(float(white[index] @ white[index]) / len(targets), _LEAST_AMPLITUDE)
            total = total + np.float32(weights[index]) * value(mean, variance * np.float32(amplitude))
        return total

    def _predicted(
        self, index: int, white: Vector, pending: Sequence[int], candidates: Rows
    ) -> tuple[Floats, Floats]:
        process, projection = self._processes[index], self._projection(index, candidates)
        mean = projection.mean(white)
        if not pending:
            return mean, projection.variance()
        observed, mark = len(process.rows), projection.mark()
        for row in pending:
            process.observe(row)
        projection.update()
        variance = projection.variance()
        process.truncate(observed)
        projection.reset(mark)
        return mean, variance

    def _projection(self, index: int, candidates: Rows) -> Projection:
        process, size = self._processes[index], len(self.kernels.table)
        if self.whole:
            projection = self._projections.setdefault(index, Projection(process, ALL, size))
        else:
            projection = Projection(process, candidates, len(np.arange(size)[candidates]))
        projection.update()
        return projection

    def _values(self, mixture: tuple[str, ...]) -> KernelValues:
        """The kernel between a row and others: from kept columns where the table does not grow."""

        def values(row: int, others: Rows) -> Floats:
            if not self.whole:
                return self.kernels.values(mixture, row, others)
            column: Floats = self.kernels.column(mixture, row)[others]
            return column

        return values


def _weights(evidences: Sequence[float]) -> Vector:
    """Posterior probabilities of equally probable models, without those that hardly matter."""
    logs = np.asarray(evidences)
    weights = np.exp(logs - logs.max())
    weights[weights < _LEAST_WEIGHT] = 0.0
    probable: Vector = weights / weights.sum()
    return probable
