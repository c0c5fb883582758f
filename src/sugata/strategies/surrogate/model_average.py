"""Gaussian processes with several kernels and noises, each weighted by its posterior probability."""

from collections.abc import Callable, Sequence

import numpy as np

from sugata.strategies.surrogate.acquisition import expected_improvement, probability_above
from sugata.strategies.surrogate.gaussian_process import Processes, Projection
from sugata.strategies.surrogate.kernels import Kernels
from sugata.strategies.surrogate.tables import ALL, Doubles, Floats, Rows

#: Shares of the noise in the variance of a target that is without noise: none, some, much.
NOISES = (0.003, 0.03, 0.2)
_TEMPER = 0.5  # power of the evidence
_LEAST_WEIGHT = 0.02
_LEAST_AMPLITUDE = 1e-6


class ModelAverage:
    """All kernels that are offered with all noises, a priori equally probable.

    Predictions are averaged over the models by the square root of their marginal likelihood: of so few
    results it is too sure. Models with less than a fiftieth
    of the best one's weight are left out, and cost next to nothing.

    Args:
        whole: the candidates are always the whole table, which does not grow: then posteriors are kept and
            brought up to date.
    """

    def __init__(self, kernels: Kernels, *, whole: bool) -> None:
        self.kernels = kernels
        self.whole = whole
        self._offered = kernels.offered()
        self._processes = Processes(self._values, len(self._offered), NOISES)
        self._projections: dict[int, Projection] = {}

    def observe(self, rows: Sequence[int]) -> None:
        """Take note of the rows that were observed, in their order; only new ones cost anything."""
        for row in rows[len(self._processes.rows) :]:
            self._processes.observe(row)

    def improvement(self, targets: Doubles, pending: Sequence[int], candidates: Rows = ALL) -> Floats:
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

    def probability(self, successes: Doubles, candidates: Rows = ALL) -> Floats:
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
        targets: Doubles,
        pending: Sequence[int],
        candidates: Rows,
        value: Callable[[Floats, Floats], Floats],
    ) -> Floats:
        """The value of each model's mean and variance, averaged over the models."""
        white = self._processes.whitened(targets)
        weights = _weights(self._processes.log_evidences(white))
        amplitudes = np.maximum(np.mean(white * white, axis=1), _LEAST_AMPLITUDE)
        projections = {
            int(model): self._projection(int(model), candidates) for model in np.flatnonzero(weights)
        }
        means = {model: projection.mean(white[model]) for model, projection in projections.items()}
        total: Floats = np.zeros(1, dtype=np.float32)
        for model, variance in self._variances(projections, pending).items():
            found = value(means[model], variance * np.float32(amplitudes[model]))
            total = total + np.float32(weights[model]) * found
        return total

    def _variances(self, projections: dict[int, Projection], pending: Sequence[int]) -> dict[int, Floats]:
        """Every model's posterior variances as if the pending rows had been observed."""
        if not pending:
            return {model: projection.variance() for model, projection in projections.items()}
        observed = len(self._processes.rows)
        marks = {model: projection.mark() for model, projection in projections.items()}
        for row in pending:
            self._processes.observe(row)
        variances = {}
        for model, projection in projections.items():
            projection.update()
            variances[model] = projection.variance()
            projection.reset(marks[model])
        self._processes.truncate(observed)
        return variances

    def _projection(self, model: int, candidates: Rows) -> Projection:
        size = len(self.kernels.table)
        projection = self._projections.get(model)
        if projection is None:
            chosen = ALL if self.whole else candidates
            projection = Projection(self._processes, model, chosen, len(np.arange(size)[chosen]))
            if self.whole:
                self._projections[model] = projection
        projection.update()
        return projection

    def _values(self, kernel: int, row: int, others: Rows) -> Floats:
        """A kernel between a row and others: from kept columns where the table does not grow."""
        if not self.whole:
            return self.kernels.values(self._offered[kernel], row, others)
        column: Floats = self.kernels.column(self._offered[kernel], row)[others]
        return column


def _weights(evidences: Doubles) -> Doubles:
    """Tempered probabilities of equally probable models, without those that hardly matter."""
    weights = np.exp(_TEMPER * (evidences - evidences.max()))
    weights[weights < _LEAST_WEIGHT] = 0.0
    probable: Doubles = weights / weights.sum()
    return probable
