"""Columns of a table: each kind is fitted on a training column and makes numbers or codes of it.

A column is given as a pandas series whose missing values are those of ``isna``. What it makes is two arrays,
``(rows, numbers)`` and ``(rows, codes)``, both float32, either of which may have no columns.
"""

import zlib
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sugata.errors import InputError
from sugata.tasks.prepared.quantiles import fit_quantiles, to_normal

Floats = NDArray[np.float32]

MISSING, RARE = 0, 1  # codes of a category
MOST_CATEGORIES = 1000
_HASHED = 32  # columns that the words of a column of text are hashed into
_SKEWED = 1.0
_FAR = 1e4  # deviations from the mean: of up to a hundred million training rows none can be further
_HEAVY_TAILED = 6.0  # excess kurtosis: that of a Laplace distribution is 3


@dataclass(frozen=True)
class Column(ABC):
    """One fitted column."""

    kind: ClassVar[str]
    name: str

    @property
    @abstractmethod
    def numbers(self) -> tuple[str, ...]:
        """What the numbers that it makes are called."""

    @property
    def codes(self) -> tuple[tuple[str, int], ...]:
        """What the codes that it makes are called, and how many there are of each."""
        return ()

    @abstractmethod
    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """Numbers and codes of each row.

        Raises:
            InputError: a value that is not of the column's kind.
        """

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class NumberColumn(Column):
    """A number: missing ones become the median; where the training rows miss some, a second number says so.

    Skewed columns and those with heavy tails become normal by their quantiles, the others are standardized.

    Attributes:
        median: of the training rows.
        mean: of the training rows after imputation, likewise ``std``.
        flagged: whether the training rows miss some.
        quantiles: evenly spaced ones; empty where the column is standardized.
        rows: so many the quantiles were taken of.
    """

    kind: ClassVar[str] = "number"
    median: float
    mean: float
    std: float
    flagged: bool
    quantiles: tuple[float, ...]
    rows: int

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Self:
        """Take median, spread and shape of a column with at least one number."""
        numbers = _numbers(name, column)
        missing = np.isnan(numbers)
        known = numbers[~missing]
        median = float(np.median(known)) if len(known) else 0.0
        filled = np.where(missing, median, numbers)
        mean, std = float(filled.mean()), _spread(filled)
        quantiles = tuple(fit_quantiles(known).tolist()) if _is_skewed(known) else ()
        return cls(name, median, mean, std, bool(missing.any()), quantiles, len(known))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The number, and whether it is missing."""
        return (self.name, f"{self.name} is missing") if self.flagged else (self.name,)

    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """Scaled numbers, and 1 where one is missing."""
        numbers = _numbers(self.name, column)
        missing = np.isnan(numbers)
        filled = np.where(missing, self.median, numbers)
        if self.quantiles:
            scaled = to_normal(filled, np.array(self.quantiles), self.rows)
        else:
            scaled = np.clip((filled - self.mean) / self.std, -_FAR, _FAR)
        parts = [scaled, missing] if self.flagged else [scaled]
        return np.stack(parts, 1).astype(np.float32), _none(len(column))


@dataclass(frozen=True)
class TruthColumn(Column):
    """True or false, as 1 and -1; missing ones are 0."""

    kind: ClassVar[str] = "truth"

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Self:
        """Nothing to learn."""
        return cls(name)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The sign."""
        return (self.name,)

    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """1, -1 or 0."""
        found = np.zeros((len(column), 1), np.float32)
        for row, value in enumerate(column):
            if pd.isna(value):
                continue
            text = str(value).strip().lower()
            if text not in _TRUTHS:
                raise InputError(
                    f"table: column {self.name!r}, row {{row}}: {value!r} is neither true nor false", row
                )
            found[row] = _TRUTHS[text]
        return found, _none(len(column))


_TRUTHS = {"true": 1, "false": -1, "1": 1, "0": -1, "1.0": 1, "0.0": -1, "yes": 1, "no": -1}


@dataclass(frozen=True)
class CategoryColumn(Column):
    """A category as a code: 0 is missing, 1 rare or never seen, the others by frequency from 2.

    Attributes:
        categories: those with a code of their own, most frequent first.
    """

    kind: ClassVar[str] = "category"
    categories: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, column: pd.Series, most: int = MOST_CATEGORIES) -> Self:
        """Count the categories; one row in a thousand (of 2 to 10 rows) makes one that is not rare."""
        counts = as_texts(column).value_counts()
        least = int(np.clip(len(column) // 1000, 2, 10))
        kept = sorted((-int(count), str(text)) for text, count in counts.items() if count >= least)
        return cls(name, tuple(text for _, text in kept[:most]))

    @property
    def numbers(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def codes(self) -> tuple[tuple[str, int], ...]:
        """The code."""
        return ((self.name, len(self.categories) + 2),)

    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """The code of each row."""
        known = {text: code for code, text in enumerate(self.categories, 2)}
        texts = as_texts(column)
        codes = texts.map(known).fillna(RARE).to_numpy(np.float32, copy=True)
        codes[texts.isna().to_numpy()] = MISSING
        return _none(len(column)), codes[:, None].astype(np.float32)


@dataclass(frozen=True)
class DateColumn(Column):
    """A point in time: days and the year as numbers; month, weekday and hour as codes, of which 0 is missing.

    Parts that are the same in all training rows are left out, but for the days. Times with a zone are in UTC.
    Of two numbers before a year the first is the month, unless the training rows show that it is the day.

    Attributes:
        mean: of the days since 1970, likewise ``std``.
        parts: which of year, month, weekday and hour are used.
        flagged: whether the training rows miss some.
        day_first: whether dates are written like 31/05/2024.
    """

    kind: ClassVar[str] = "date"
    mean: float
    std: float
    year_mean: float
    year_std: float
    parts: tuple[str, ...]
    flagged: bool
    day_first: bool = False

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Self:
        """Take the spread of the days, and the parts that vary."""
        day_first = _is_day_first(column)
        dates = _dates(name, column, day_first)
        days, known = _days(dates), dates.dropna()
        varying = tuple(part for part in _PARTS if len(_part(known, part).unique()) > 1)
        years = _part(known, "year").to_numpy(float)
        return cls(
            name,
            float(np.nanmean(days)) if len(known) else 0.0,
            _spread(days[~np.isnan(days)]),
            float(years.mean()) if len(known) else 0.0,
            _spread(years),
            varying,
            bool(dates.isna().any()),
            day_first,
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        """Days, year, and whether it is missing."""
        year = (f"{self.name} year",) if "year" in self.parts else ()
        return (f"{self.name} days", *year, *((f"{self.name} is missing",) if self.flagged else ()))

    @property
    def codes(self) -> tuple[tuple[str, int], ...]:
        """Month, weekday and hour."""
        return tuple((f"{self.name} {part}", _PARTS[part] + 1) for part in self.parts if part != "year")

    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """Scaled days and years, and the codes of the parts."""
        dates = _dates(self.name, column, self.day_first)
        missing = dates.isna().to_numpy()
        numbers = [np.where(missing, 0.0, (_days(dates) - self.mean) / self.std)]
        if "year" in self.parts:
            years = _part(dates, "year").to_numpy(float)
            numbers.append(np.where(missing, 0.0, (years - self.year_mean) / self.year_std))
        if self.flagged:
            numbers.append(missing)
        first = {"month": 0, "weekday": 1, "hour": 1}  # so that codes begin at 1
        codes = [
            np.where(missing, MISSING, _part(dates, part).to_numpy(float) + first[part])
            for part in self.parts
            if part != "year"
        ]
        stacked = np.stack(codes, 1).astype(np.float32) if codes else _none(len(column))
        return np.stack(numbers, 1).astype(np.float32), stacked


_PARTS = {"year": 0, "month": 12, "weekday": 7, "hour": 24}
_TWO_NUMBERS = r"^\s*(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b"
_EPOCH = pd.Timestamp("1970-01-01")  # of a unit that reaches beyond the nanoseconds of Timestamp(0)


@dataclass(frozen=True)
class WordsColumn(Column):
    """Free text: its words hashed with signs into a few numbers (Weinberger et al. 2009).

    Attributes:
        width: so many numbers.
    """

    kind: ClassVar[str] = "words"
    width: int = _HASHED

    @classmethod
    def fit(cls, name: str, column: pd.Series) -> Self:
        """Nothing to learn."""
        return cls(name)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The buckets."""
        return tuple(f"{self.name} words {number}" for number in range(self.width))

    def transform(self, column: pd.Series) -> tuple[Floats, Floats]:
        """A row's words in their buckets; zeros where it is missing."""
        found = np.zeros((len(column), self.width), np.float32)
        for row, text in enumerate(as_texts(column)):
            for word in str(text).lower().split() if not pd.isna(text) else ():
                number = zlib.crc32(word.encode("utf-8", "surrogatepass"))
                found[row, (number >> 1) % self.width] += 1 if number & 1 else -1
        norm = np.linalg.norm(found, axis=1, keepdims=True)
        scaled = found * (self.width**0.5 / np.maximum(norm, 1e-12))
        return scaled.astype(np.float32), _none(len(column))


KINDS: dict[str, type[Any]] = {
    one.kind: one for one in (NumberColumn, TruthColumn, CategoryColumn, DateColumn, WordsColumn)
}


def as_texts(column: pd.Series) -> pd.Series:
    """Each value as text, whole numbers without a fraction; missing ones stay missing."""
    missing = column.isna().to_numpy()
    values = np.empty(len(column), dtype=object)
    values[:] = [_text(value) for value in column]
    values[missing] = None
    return pd.Series(values, index=column.index, dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def as_numbers(column: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each value as a number, NaN where it is missing, ``?`` or blank; and which values are no numbers.

    Durations are seconds.
    """
    if column.dtype.kind == "m":
        return column.dt.total_seconds().to_numpy(np.float64), np.zeros(len(column), bool)
    if column.dtype.kind in "biuf" or (pd.api.types.is_numeric_dtype(column) and column.dtype.kind != "c"):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.zeros(len(numbers), bool)
    texts = as_texts(column)
    texts[texts.isin(("", "?"))] = None
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers, np.isnan(numbers) & texts.notna().to_numpy()


def _numbers(name: str, column: pd.Series) -> NDArray[np.float64]:
    numbers, wrong = as_numbers(column)
    for row in np.flatnonzero(wrong)[:1]:
        raise InputError(
            f"table: column {name!r}, row {{row}}: {column.iloc[row]!r} is no number; correct it, or leave it"
            " empty",
            int(row),
        )
    for row in np.flatnonzero(np.isinf(numbers))[:1]:
        raise InputError(
            f"table: column {name!r}, row {{row}}: infinity; correct it, or leave it empty", int(row)
        )
    return numbers


def _is_skewed(numbers: NDArray[np.float64]) -> bool:
    """Whether a standardized column would have most rows near one value and a few far away."""
    if len(numbers) < 10 or np.ptp(numbers) == 0:
        return False
    scaled = numbers / float(np.abs(numbers).max())  # whose fourth power is finite
    centred = scaled - scaled.mean()
    spread = float(np.sqrt((centred**2).mean()))
    if spread == 0:
        return False
    deviations = centred / spread
    return abs(float((deviations**3).mean())) > _SKEWED or float((deviations**4).mean()) - 3 > _HEAVY_TAILED


def _is_day_first(column: pd.Series) -> bool:
    """Whether the first of two numbers before a year is sometimes no month, and the second always one."""
    found = column.dropna().astype(str).str.extract(_TWO_NUMBERS).dropna().astype(int)
    return bool((found[0] > 12).any() and not (found[1] > 12).any())


def _dates(name: str, column: pd.Series, day_first: bool) -> pd.Series:
    dates = parse_dates(column, day_first)
    for row in np.flatnonzero((dates.isna() & column.notna()).to_numpy())[:1]:
        raise InputError(
            f"table: column {name!r}, row {{row}}: {column.iloc[row]!r} is no date; write it like 2024-05-31",
            int(row),
        )
    return dates


def parse_dates(column: pd.Series, day_first: bool = False) -> pd.Series:
    """Dates without a zone; missing where there is none, or where it cannot be read."""
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if day_first:
        turned = column.astype(str).str.replace(_TWO_NUMBERS, r"\3-\2-\1", regex=True)
        column = turned.where(column.notna(), None)
    dates = pd.to_datetime(column, errors="coerce", utc=True, format=None if _is_dated(column) else "mixed")
    return dates.dt.tz_localize(None)


def _is_dated(column: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(column)


def _days(dates: pd.Series) -> NDArray[np.float64]:
    days: NDArray[Any] = ((dates - _EPOCH) / pd.Timedelta(days=1)).to_numpy(float)
    return days.astype(np.float64)


def _part(dates: pd.Series, part: str) -> pd.Series:
    found: pd.Series = getattr(dates.dt, "day_of_week" if part == "weekday" else part)
    return found


def _spread(numbers: NDArray[np.float64]) -> float:
    """The deviation; 1 of numbers that are all the same, up to rounding."""
    if not len(numbers):
        return 1.0
    std, most = float(np.std(numbers)), float(np.abs(numbers).max())
    return std if std > 1e-12 * most else 1.0


def _none(rows: int) -> Floats:
    return np.zeros((rows, 0), np.float32)
