"""Zero-cost scores of a table as further features of a surrogate."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.evaluators import Table
from sugata.trial import Value

COLUMNS = ("zc_synflow", "zc_naswot")
_WIDE = 1e6  # a column with such values is taken by its logarithm: SynFlow's reach 1e27

Values = NDArray[np.float64]
Scores = Callable[[Mapping[str, Value]], Mapping[str, float]]
_made: dict[int, tuple[Table, Scores]] = {}  # a surrogate keeps what it knows of a space for each function


def scores_of(table: Table) -> Scores:
    """A function from an architecture to its scores: always the same one for a table.

    What is no finite number becomes the least that is: NASWOT has no value for networks that do nothing.

    Raises:
        DataError: the table has no such columns.
    """
    if id(table) not in _made:
        named = {name: _clean(table.columns[name]) for name in COLUMNS if name in table.columns}
        if not named:
            raise DataError(f"table {table.name}: has no zero-cost scores ({', '.join(COLUMNS)})")

        def scores(architecture: Mapping[str, Value]) -> Mapping[str, float]:
            row = table.row(architecture)
            return {name: float(values[row]) for name, values in named.items()}

        _made[id(table)] = table, scores
    return _made[id(table)][1]


def _clean(values: Values) -> Values:
    finite = values[np.isfinite(values)]
    least = float(finite.min()) if len(finite) else 0.0
    filled = np.where(np.isfinite(values), values, least)
    if filled.max() > _WIDE:
        return np.sign(filled) * np.log1p(np.abs(filled))
    return filled
