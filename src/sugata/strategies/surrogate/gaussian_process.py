"""Gaussian processes of a fixed kernel and noise, grown by one Cholesky row an observation."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sugata.strategies.surrogate.tables import Floats, Rows

Vector = NDArray[np.float64]
KernelValues = Callable[[int, Rows], Floats]  # of a row against others
_LEAST = 1e-9


class GaussianProcess:
    """The posterior given observed rows; amplitude and mean are left to the targets.

    The kernel has unit variance and the noise is a share of it. Rasmussen & Williams 2006, algorithm 2.1;
    the amplitude is profiled out: its maximum-likelihood value is the mean of the squared whitened targets.
    """

    def __init__(self, kernel: KernelValues, noise: float) -> None:
        self.kernel = kernel
        self.noise = noise
        self.rows: list[int] = []
        self._factor = np.zeros((64, 64))
        self._inverse = np.zeros((64, 64))  # of the factor

    def observe(self, row: int) -> None:
        """Append an observation: one row of the Cholesky factor and one of its inverse."""
        count = len(self.rows)
        if count == len(self._factor):
            self._factor = np.pad(self._factor, ((0, count), (0, count)))
            self._inverse = np.pad(self._inverse, ((0, count), (0, count)))
        values = self.kernel(row, np.asarray(self.rows, dtype=np.intp)).astype(np.float64)
        inverse = self._inverse[:count, :count]
        new = inverse @ values
        pivot = math.sqrt(max(1 + self.noise - float(new @ new), _LEAST))
        self._factor[count, :count], self._factor[count, count] = new, pivot
        self._inverse[count, :count], self._inverse[count, count] = -(new @ inverse) / pivot, 1 / pivot
        self.rows.append(row)

    def truncate(self, count: int) -> None:
        """Forget all but the first observations."""
        del self.rows[count:]

    def whitened(self, targets: Vector) -> Vector:
        """The targets of the first observations times the inverse of the factor."""
        white: Vector = self._inverse[: len(targets), : len(targets)] @ targets
        return white

    def log_evidence(self, white: Vector) -> float:
        """Logarithm of the marginal likelihood of whitened targets, but for a constant of their number."""
        count = len(white)
        logdet = 2 * float(np.sum(np.log(np.diagonal(self._factor)[:count])))
        return -0.5 * (count * math.log(max(float(white @ white), _LEAST)) + logdet)

    def factor_row(self, count: int) -> Floats:
        """The row of the Cholesky factor of an observation, without its zeros: ``(count + 1,)``."""
        row: Floats = self._factor[count, : count + 1].astype(np.float32)
        return row


class Projection:
    """A process' posterior over fixed candidates, brought up to date row by row.

    Args:
        candidates: rows of the table.
    """

    def __init__(self, process: GaussianProcess, candidates: Rows, count: int) -> None:
        self.process = process
        self._candidates = candidates
        self._whitened = np.zeros((16, count), dtype=np.float32)
        self._explained = np.zeros(count, dtype=np.float32)
        self._done = 0

    def update(self) -> None:
        """Follow the process to its observations."""
        for count in range(self._done, len(self.process.rows)):
            if count == len(self._whitened):
                self._whitened = np.pad(self._whitened, ((0, count), (0, 0)))
            row = self.process.factor_row(count)
            new = self.process.kernel(self.process.rows[count], self._candidates)
            new = (new - row[:-1] @ self._whitened[:count]) / row[-1]
            self._whitened[count] = new
            self._explained += new**2
        self._done = len(self.process.rows)

    def mark(self) -> tuple[int, Floats]:
        """The present state, to return to after observations that are only supposed."""
        return self._done, self._explained.copy()

    def reset(self, mark: tuple[int, Floats]) -> None:
        """Return to a marked state."""
        self._done, self._explained = mark

    def mean(self, white: Vector) -> Floats:
        """The posterior mean of each candidate, ``(candidates,)``, of whitened targets."""
        mean: Floats = white.astype(np.float32) @ self._whitened[: len(white)]
        return mean

    def variance(self) -> Floats:
        """The posterior variance of each candidate, ``(candidates,)``, without noise and amplitude."""
        left: Floats = np.maximum(1 - self._explained, np.float32(1e-9))
        return left
