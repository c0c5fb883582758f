"""Gaussian processes on the same observations, grown by one Cholesky row an observation."""

from collections.abc import Callable, Sequence

import numpy as np

from sugata.strategies.surrogate.tables import Doubles, Floats, Rows

KernelValues = Callable[[int, int, Rows], Floats]  # of kernel number, a row against others
_LEAST = 1e-9


class Processes:
    """The posteriors of several kernels, each with several noises, given observed rows.

    Model number ``k * len(noises) + j`` has kernel ``k`` and noise ``j``. Kernels have unit variance, and
    noises are shares of it; mean and amplitude are left to the targets. Rasmussen & Williams 2006, algorithm
    2.1, for all models at a time; the amplitude is profiled out: its most likely value is the mean of the
    squared whitened targets.

    Args:
        kernel: the values of a kernel between rows.
        kernels: how many there are.
        noises: of every kernel.
    """

    def __init__(self, kernel: KernelValues, kernels: int, noises: Sequence[float]) -> None:
        self.kernel = kernel
        self.rows: list[int] = []
        self._kernels = kernels
        self._each = len(noises)
        self._noises = np.tile(np.asarray(noises, dtype=np.float64), kernels)
        self._factors: Doubles = np.zeros((len(self), 32, 32))
        self._inverses: Doubles = np.zeros((len(self), 32, 32))  # of the factors

    def __len__(self) -> int:
        return self._kernels * self._each

    def observe(self, row: int) -> None:
        """Append an observation: a row of every Cholesky factor and of its inverse."""
        count = len(self.rows)
        if count == self._factors.shape[1]:
            grown = ((0, 0), (0, count), (0, count))
            self._factors, self._inverses = np.pad(self._factors, grown), np.pad(self._inverses, grown)
        observed = np.asarray(self.rows, dtype=np.intp)
        values = np.asarray([self.kernel(k, row, observed) for k in range(self._kernels)], dtype=np.float64)
        inverses = self._inverses[:, :count, :count]
        new = np.matmul(inverses, np.repeat(values, self._each, axis=0)[:, :, None])[:, :, 0]
        pivots = np.sqrt(np.maximum(1 + self._noises - np.sum(new * new, axis=1), _LEAST))
        self._factors[:, count, :count], self._factors[:, count, count] = new, pivots
        self._inverses[:, count, :count] = -np.matmul(new[:, None, :], inverses)[:, 0] / pivots[:, None]
        self._inverses[:, count, count] = 1 / pivots
        self.rows.append(row)

    def truncate(self, count: int) -> None:
        """Forget all but the first observations."""
        del self.rows[count:]

    def whitened(self, targets: Doubles) -> Doubles:
        """Targets of the first observations times the inverses of the factors, ``(models, targets)``."""
        white: Doubles = self._inverses[:, : len(targets), : len(targets)] @ targets
        return white

    def log_evidences(self, white: Doubles) -> Doubles:
        """Logarithms of the marginal likelihoods of whitened targets, but for a constant, ``(models,)``."""
        count = white.shape[1]
        diagonals = np.diagonal(self._factors, axis1=1, axis2=2)[:, :count]
        squares = np.maximum(np.sum(white * white, axis=1), _LEAST)
        evidences: Doubles = -0.5 * count * np.log(squares) - np.sum(np.log(diagonals), axis=1)
        return evidences

    def factor_row(self, model: int, count: int) -> Floats:
        """The row of a model's Cholesky factor of an observation, without its zeros: ``(count + 1,)``."""
        row: Floats = self._factors[model, count, : count + 1].astype(np.float32)
        return row

    def column(self, model: int, row: int, candidates: Rows) -> Floats:
        """The values of a model's kernel between a row and candidates, ``(candidates,)``."""
        return self.kernel(model // self._each, row, candidates)


class Projection:
    """One model's posterior over fixed candidates, brought up to date row by row.

    Args:
        model: its number.
        candidates: rows of the table.
        count: how many those are.
    """

    def __init__(self, processes: Processes, model: int, candidates: Rows, count: int) -> None:
        self._processes = processes
        self._model = model
        self._candidates = candidates
        self._whitened = np.zeros((16, count), dtype=np.float32)
        self._explained = np.zeros(count, dtype=np.float32)
        self._done = 0

    def update(self) -> None:
        """Follow the processes to their observations."""
        for count in range(self._done, len(self._processes.rows)):
            if count == len(self._whitened):
                self._whitened = np.pad(self._whitened, ((0, count), (0, 0)))
            row = self._processes.factor_row(self._model, count)
            new = self._processes.column(self._model, self._processes.rows[count], self._candidates)
            new = (new - row[:-1] @ self._whitened[:count]) / row[-1]
            self._whitened[count] = new
            self._explained += new * new
        self._done = len(self._processes.rows)

    def mark(self) -> tuple[int, Floats]:
        """The present state, to return to after observations that are only supposed."""
        return self._done, self._explained.copy()

    def reset(self, mark: tuple[int, Floats]) -> None:
        """Return to a marked state."""
        self._done, self._explained = mark

    def mean(self, white: Doubles) -> Floats:
        """The posterior mean of each candidate, ``(candidates,)``, of the model's whitened targets."""
        mean: Floats = white.astype(np.float32) @ self._whitened[: len(white)]
        return mean

    def variance(self) -> Floats:
        """The posterior variance of each candidate, ``(candidates,)``, without noise and amplitude."""
        left: Floats = np.maximum(1 - self._explained, np.float32(1e-9))
        return left
