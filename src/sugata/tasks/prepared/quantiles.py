"""The quantile transform: numbers of any distribution as standard normal ones."""

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST = 1000  # quantiles that are kept of a column


def fit_quantiles(numbers: Floats, most: int = MOST) -> Floats:
    """At most so many quantiles, evenly spaced from the smallest to the largest number.

    Args:
        numbers: ``(rows,)``, none missing.
    """
    found: Floats = np.quantile(numbers, np.linspace(0, 1, min(most, len(numbers))))
    return np.maximum.accumulate(found)  # interpolation may break the order by a rounding error


def to_normal(numbers: Floats, quantiles: Floats, rows: int) -> Floats:
    """The normal deviate of each number's share of smaller ones among the training rows.

    As scikit-learn's ``QuantileTransformer``: linear between quantiles, and the middle of its shares for a
    number that several quantiles are equal to. Departures: that holds for the smallest and the largest number
    as well (where 92 % of a column are 0, a 0 is no extreme), and shares stay half a row away from 0 and 1,
    not 1e-7.

    Args:
        numbers: ``(rows,)``; beyond the quantiles they are as the outermost.
        rows: so many the quantiles were taken of.
    """
    shares = np.linspace(0, 1, len(quantiles))
    below = np.interp(numbers, quantiles, shares)
    above = np.interp(-numbers, -quantiles[::-1], 1 - shares[::-1])
    middle = (below + 1 - above) / 2
    inside = torch.from_numpy(np.clip(middle, 0.5 / rows, 1 - 0.5 / rows))
    found: Floats = torch.special.ndtri(inside).numpy()
    return found
