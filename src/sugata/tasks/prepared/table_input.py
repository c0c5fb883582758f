"""Tables: mixed columns as one array, numbers first and codes of categories last."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, InputAdapter
from sugata.tasks.prepared.columns import KINDS, Column, as_numbers, as_texts, parse_dates

_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2} [A-Za-z]{3,9}\.? \d{4}"
)
_LEADING_ZERO = re.compile(r"-?0\d")
_LOOKED_AT = 1000  # values of a column that say what kind it is
_WORDS_OF_TEXT = 3.0  # on average, where most values occur once
_EDGES = 48


@dataclass(frozen=True)
class TableAdapter(InputAdapter):
    """A table as ``(rows, numbers + codes)`` float32.

    Kinds of columns (`columns`): numbers, truth values, categories, dates, and free text, which is hashed.

    Attributes:
        columns: in the table's order.
        named: whether columns have names, by which they are found, rather than positions.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    named: bool = True

    @classmethod
    def fit(cls, raw: Any, *, kinds: Mapping[str, str] | None = None) -> Self:
        """Find the kind of each column, and fit it.

        Args:
            raw: a pandas frame, an array ``(rows, columns)``, or a list of lists or mappings.
            kinds: of some columns by their name: number, truth, category, date or words.

        Raises:
            InputError: no table, no columns, or a value that cannot be used; names column and row.
        """
        frame, named = _frame(raw)
        given = dict(kinds or {})
        for name, kind in given.items():
            if name not in frame.columns:
                raise InputError(f"kinds: no column {name!r}; they are {', '.join(map(str, frame.columns))}")
            if kind not in KINDS:
                raise InputError(f"kinds: {kind!r} of column {name!r} is unknown; use {', '.join(KINDS)}")
        return cls(
            tuple(
                KINDS[given.get(str(name)) or _kind(frame[name])].fit(str(name), frame[name])
                for name in frame.columns
            ),
            named,
        )

    def transform(self, raw: Any) -> Array:
        """``(rows, numbers + codes)`` float32."""
        frame, named = _frame(raw)
        frame = self._in_order(frame, named)
        parts = [column.transform(frame[column.name]) for column in self.columns]
        return np.concatenate([*(numbers for numbers, _ in parts), *(codes for _, codes in parts)], 1)

    def _in_order(self, frame: pd.DataFrame, named: bool) -> pd.DataFrame:
        """The columns that were fitted.

        Raises:
            InputError: some are missing, or there are others.
        """
        wanted = [column.name for column in self.columns]
        if self.named and named:
            missing = [name for name in wanted if name not in frame.columns]
            others = [str(name) for name in frame.columns if name not in wanted]
            if missing:
                raise InputError(
                    f"table: columns are missing that the model was fitted with: {_shown(missing)}"
                )
            if others:
                raise InputError(
                    f"table: columns that the model was not fitted with: {_shown(others)}; leave them out"
                )
            return frame[wanted]
        if len(frame.columns) != len(wanted):
            raise InputError(
                f"table: X has {len(frame.columns)} features, but the model was fitted with {len(wanted)}"
            )
        return frame.set_axis(wanted, axis=1)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the array's columns."""
        numbers = [name for column in self.columns for name in column.numbers]
        return (*numbers, *(name for column in self.columns for name, _ in column.codes))

    @property
    def categories(self) -> tuple[int, ...]:
        """How many codes each of the last columns has."""
        return tuple(count for column in self.columns for _, count in column.codes)

    def spec(self, name: str) -> TensorSpec:
        """``(batch, numbers + codes)``, and how many codes there are."""
        return TensorSpec(name, ("batch", len(self.features)), "float32", categories=self.categories)

    def statistics(self, stored: Array) -> dict[str, Any]:
        """``edges`` of bins of the numbers: their quantiles."""
        numbers = stored[:, : stored.shape[1] - len(self.categories)].astype(np.float64)
        shares = np.linspace(0, 1, _EDGES + 1)
        return {"edges": [np.unique(np.quantile(column, shares)).tolist() for column in numbers.T]}

    def describe(self) -> str:
        """How many columns of each kind."""
        counts = {kind: sum(column.kind == kind for column in self.columns) for kind in KINDS}
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        return f"a table of {len(self.columns)} columns ({kinds})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        columns = [column.to_json() for column in self.columns]
        return {"kind": self.kind, "columns": columns, "named": self.named}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The adapter again."""
        return cls(tuple(map(_column_from_json, data["columns"])), data["named"])


def _column_from_json(data: Mapping[str, Any]) -> Column:
    values = {name: value for name, value in data.items() if name != "kind"}
    found: Column = KINDS[data["kind"]](
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )
    return found


def _shown(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _frame(raw: Any) -> tuple[pd.DataFrame, bool]:
    """A frame with text names, and whether they were given.

    Raises:
        InputError: it is no table.
    """
    if isinstance(raw, pd.DataFrame):
        named = not isinstance(raw.columns, pd.RangeIndex)
        frame = raw.set_axis([str(name) for name in raw.columns], axis=1)
    elif isinstance(raw, pd.Series):
        raise InputError("table: one column; give a frame or a two-dimensional array")
    else:
        named = not isinstance(raw, np.ndarray) and len(raw) > 0 and isinstance(raw[0], Mapping)
        frame = pd.DataFrame(list(raw)) if named else _from_array(raw)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"table: two columns are called {repeated[0]!r}; rename one")
    if not len(frame.columns):
        raise InputError(
            f"table: 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required: no columns"
        )
    if not len(frame):
        raise InputError("table: 0 sample(s): there are no rows; give at least one")
    return frame, named


def _from_array(raw: Any) -> pd.DataFrame:
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu().numpy()
    try:
        array = np.asarray(raw)
    except ValueError:
        raise InputError("table: rows have several numbers of columns; give all equally many") from None
    if array.dtype.kind == "c":
        raise InputError("table: Complex data not supported; give real numbers")
    if array.ndim != 2:
        raise InputError(
            f"table: an array of {array.ndim} dimensions; give (rows, columns). Reshape your data:"
            " reshape(-1, 1) for a single column"
        )
    # Of a list of mixed rows NumPy would make texts of numbers and of NaN, which pandas leaves what they are.
    mixed = array.dtype.kind == "U" and not isinstance(raw, np.ndarray)
    frame = pd.DataFrame(list(raw) if mixed else array)
    return frame.set_axis([f"column {number}" for number in frame.columns], axis=1)


def _kind(column: pd.Series) -> str:
    """The kind of a column, by its type and its values."""
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "truth"
    if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "date"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "number"
    if pd.api.types.is_numeric_dtype(dtype):
        if dtype.kind == "c":
            raise InputError(f"table: column {column.name!r}: Complex data not supported; give real numbers")
        return "number"
    return _kind_of_objects(column)


def _kind_of_objects(column: pd.Series) -> str:
    known = column.dropna()
    if not len(known):
        return "number"  # all missing: the flag alone
    shown = known.iloc[:_LOOKED_AT]
    _check_plain(column, shown)
    if all(isinstance(value, bool | np.bool_) for value in shown):
        return "truth"
    numbers, wrong = as_numbers(known)
    texts = as_texts(shown)
    if not wrong.any() and np.isfinite(numbers).any() and not texts.str.match(_LEADING_ZERO).any():
        return "number"
    if not any(isinstance(value, str) for value in shown):
        dated = parse_dates(shown).notna().all()
        return "date" if dated else "category"
    if texts.str.match(_DATE).mean() > 0.95 and parse_dates(known).notna().mean() > 0.99:
        return "date"
    distinct = texts.nunique() / len(texts)
    words = texts.str.count(r"\s+").mean() + 1
    return "words" if distinct > 0.5 and words >= _WORDS_OF_TEXT else "category"


def _check_plain(column: pd.Series, values: pd.Series) -> None:
    for row, value in enumerate(values):
        if isinstance(value, list | tuple | dict | set | np.ndarray):
            raise InputError(
                f"table: column {column.name!r}: argument must be a string or a number, not"
                f" {type(value).__name__} (such as in row {row}); make columns of its parts"
            )
