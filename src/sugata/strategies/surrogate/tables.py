"""Tables of features and the distances between their rows.

Sums run in double precision and are rounded once, so that a distance does not depend on what else is in the
table: a search that is resumed sees the same numbers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Rows = NDArray[np.intp] | slice
ALL = slice(None)
_MOST_COLUMNS = 256  # of counts, as inputs of a network
_SAMPLED = 64  # rows, and others for each, to estimate a mean distance


class DenseTable:
    """Numbers, compared by a weighted sum of absolute (power 1) or squared (power 2) differences."""

    def __init__(self, values: Floats, weights: Floats, *, power: int) -> None:
        self.values = values
        self._weights = weights
        self._power = power

    def __len__(self) -> int:
        return len(self.values)

    def distances(self, row: int, others: Rows) -> Floats:
        """From one row to others, ``(others,)``."""
        apart = np.abs(self.values[others] - self.values[row]) ** self._power
        summed: Doubles = np.sum(apart * self._weights, axis=1, dtype=np.float64)
        return summed.astype(np.float32)


class CountTable:
    """Square roots of counts of hashed things, compared by squared Euclidean distance.

    The root keeps what is counted often from drowning what is there once: the distance is twice the squared
    Hellinger distance of histograms that are not normalized.
    """

    def __init__(self, rows: Sequence[tuple[NDArray[np.uint64], Floats]]) -> None:
        width = max((len(hashes) for hashes, _ in rows), default=0)
        filled = np.asarray([len(hashes) for hashes, _ in rows])[:, None] > np.arange(width)
        every, places = np.unique(
            np.concatenate([hashes for hashes, _ in rows] or [np.zeros(0, np.uint64)]), return_inverse=True
        )
        self._different = len(every)
        self._indices = np.zeros(filled.shape, dtype=np.int32)  # padded with 0, whose root is 0
        self._indices[filled] = places
        self._roots = np.zeros(filled.shape, dtype=np.float32)
        self._roots[filled] = np.concatenate([roots for _, roots in rows])
        self._totals: Doubles = np.sum(self._roots**2, axis=1, dtype=np.float64)

    def __len__(self) -> int:
        return len(self._totals)

    def design(self, known: Sequence[int], most: int) -> Floats:
        """The roots of what most ``known`` rows have, as columns, ``(rows, columns)``."""
        times = np.zeros(self._different, dtype=np.intp)
        np.add.at(times, self._indices[known][self._roots[known] > 0], 1)
        common = np.argsort(-times, kind="stable")[: min(most, np.count_nonzero(times))]
        column = np.full(self._different + 1, len(common))  # the last column takes all that is not common
        column[common] = np.arange(len(common))
        columns = np.zeros((len(self), len(common) + 1), dtype=np.float32)
        filled = self._roots > 0
        columns[np.nonzero(filled)[0], column[self._indices[filled]]] = self._roots[filled]
        return columns[:, :-1]

    def distances(self, row: int, others: Rows) -> Floats:
        """From one row to others, ``(others,)``."""
        dense = np.zeros(self._different + 1, dtype=np.float32)
        np.add.at(dense, self._indices[row], self._roots[row])
        products: Doubles = np.sum(
            self._roots[others] * dense[self._indices[others]], axis=1, dtype=np.float64
        )
        apart = self._totals[others] + self._totals[row] - 2 * products
        squared: Doubles = np.maximum(apart, 0)
        return squared.astype(np.float32)


class FeatureTable:
    """Features of architectures by family, a row each.

    Args:
        families: tables of equally many rows.
        units: of each family's distances; 1 where not given.
    """

    def __init__(self, families: Mapping[str, DenseTable | CountTable], units: Mapping[str, float]) -> None:
        self.families = families
        self._units = units

    def __len__(self) -> int:
        return len(self.families["positions"])

    def distances(self, family: str, row: int, others: Rows = ALL) -> Floats:
        """From one row to others, ``(others,)``, in the family's unit."""
        return self.families[family].distances(row, others) / np.float32(self._units.get(family, 1.0))

    def design(self, known: Sequence[int]) -> Floats:
        """Inputs of a network, ``(rows, inputs)``: positions, scalars and common paths.

        Args:
            known: rows that the network learns from.
        """
        parts = []
        for name, family in self.families.items():
            if isinstance(family, DenseTable):
                parts.append(family.values)
            elif name == "paths":
                parts.append(family.design(known, _MOST_COLUMNS))
        return np.concatenate(parts, axis=1)

    def mean_distances(self) -> dict[str, float]:
        """Of each family, over random pairs of rows; 1 where all rows are equal."""
        rng = np.random.default_rng(0)
        rows = rng.integers(len(self), size=_SAMPLED)
        others = rng.integers(len(self), size=(_SAMPLED, _SAMPLED))
        return {
            family: float(np.mean([table.distances(int(a), b) for a, b in zip(rows, others, strict=True)]))
            or 1.0
            for family, table in self.families.items()
        }


class Standardization:
    """Numbers in units of the standard deviation of the first ones.

    Columns that do not vary are left out, and of several equal ones all but the first. What is not finite
    stands at the mean.
    """

    def __init__(self, first: NDArray[np.float64]) -> None:
        finite = np.where(np.isfinite(first), first, np.nan)
        counted = np.maximum(np.sum(np.isfinite(first), axis=0), 1)
        self._means = np.nansum(finite, axis=0) / counted
        self._deviations = np.sqrt(np.nansum((finite - self._means) ** 2, axis=0) / counted)
        self._kept = np.flatnonzero(self._deviations > 1e-9 * (1 + np.abs(self._means)))
        _, different = np.unique(self(first).round(4), axis=1, return_index=True)
        self._kept = self._kept[np.sort(different)]

    @property
    def columns(self) -> int:
        """How many columns are left."""
        return len(self._kept)

    def __call__(self, raw: NDArray[np.float64]) -> Floats:
        """Rows in these units, ``(rows, columns)``, at most ten from the mean."""
        units = (raw[:, self._kept] - self._means[self._kept]) / self._deviations[self._kept]
        limited = np.clip(np.where(np.isfinite(units), units, 0.0), -10, 10)
        return limited.astype(np.float32)
