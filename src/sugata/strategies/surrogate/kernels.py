"""Kernels on families of features: which are offered, and their values between architectures."""

from collections.abc import Sequence

import numpy as np

from sugata.strategies.surrogate.tables import ALL, FeatureTable, Floats, Rows

#: Families whose kernels are averaged. A space is offered those of which it has all families.
MIXTURES: tuple[tuple[str, ...], ...] = (
    ("positions",),
    ("scalars",),
    ("positions", "scalars"),
    ("positions", "sequences"),
    ("positions", "sequences", "scalars"),
    ("positions", "neighbourhoods", "paths", "scalars"),
    ("neighbourhoods", "paths", "scalars"),
)
_CACHED_BYTES = 256 * 2**20


class Kernels:
    """Values of kernels of unit variance between rows of a table.

    exp(-d) of the distance of positions, which is a product of one kernel a choice (Hutter et al. 2011,
    section 4.1); exp(-d²) of roots of counts; Matérn 5/2 of scalars and scores. The unit of every distance
    is its mean over the space. A mixture is the mean of its families' kernels.
    """

    def __init__(self, table: FeatureTable) -> None:
        self.table = table
        self._columns: dict[tuple[str, int], Floats] = {}
        self._bytes = 0

    def offered(self) -> list[tuple[str, ...]]:
        """The mixtures that this space has the families for, each with the scores if there are any."""
        families = self.table.families
        scores = ("scores",) if "scores" in families else ()
        return [(*mixture, *scores) for mixture in MIXTURES if set(mixture) <= set(families)]

    def column(self, mixture: Sequence[str], row: int) -> Floats:
        """A row of the table against all, ``(rows,)``."""
        return self._mean([self._cached(family, row) for family in mixture])

    def values(self, mixture: Sequence[str], row: int, others: Rows) -> Floats:
        """A row of the table against others, ``(others,)``."""
        return self._mean([_kernel(family, self.table.distances(family, row, others)) for family in mixture])

    @staticmethod
    def _mean(columns: Sequence[Floats]) -> Floats:
        total = columns[0].copy()
        for column in columns[1:]:
            total += column
        return total / np.float32(len(columns))

    def _cached(self, family: str, row: int) -> Floats:
        """One family's column; the oldest are forgotten when there are too many."""
        column = self._columns.get((family, row))
        if column is None:
            column = _kernel(family, self.table.distances(family, row, ALL))
            self._columns[family, row] = column
            self._bytes += column.nbytes
            while self._bytes > _CACHED_BYTES:
                self._bytes -= self._columns.pop(next(iter(self._columns))).nbytes
        return column


def _kernel(family: str, distances: Floats) -> Floats:
    if family in ("scalars", "scores"):
        scaled = np.sqrt(5 * distances)
        matern: Floats = (1 + scaled + scaled * scaled * np.float32(1 / 3)) * np.exp(-scaled)
        return matern
    decayed: Floats = np.exp(-distances)
    return decayed
