"""What the columns of a table mean: which architecture a row is of, and what was measured of it.

Layouts, recognized by their columns:

- NAS-Bench-201 (Dong & Yang 2020) and NATS-Bench's topology space: ``arch`` holds the official string.
  Columns that begin with a data set's name (``c10_``, ``c10valid_``, ``c100_``, ``in16_``, or that of any
  ``NAME_test_acc_200``) belong to it; the others, such as latencies, to all.
- NAS-Bench-Macro (Su et al. 2021): ``arch`` holds eight digits.
- NAS-Bench-101 (Ying et al. 2019): ``n_vertices``, ``adj_upper`` (bits of the upper triangle, row by row),
  ``ops`` (a digit an interior vertex: 0 convolution 3x3, 1 convolution 1x1, 2 max-pooling 3x3).
- Any space by name: columns called like its choices, or ``arch`` where it reads strings.
- Anything else: its text and whole-number columns are the choices of a space of their own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError, InvalidArchitecture
from sugata.evaluators.table import Table
from sugata.evaluators.tables.columns import (
    DATA_SETS,
    check_finite,
    chosen,
    data_sets_in,
    numbers,
    of_data_set,
)
from sugata.evaluators.tables.file import read_frame
from sugata.space import Architecture, DictionarySpace, ListedSpace, SearchSpace
from sugata.spaces import space as space_named
from sugata.trial import Value

if TYPE_CHECKING:
    import pandas as pd

#: Columns that limits and reports know by another name.
_ALSO_CALLED = {"params": "parameters", "trainable_params": "parameters"}
_ABOUT_CELLS = frozenset({"arch", "index", "unique_str", "e01", "e02", "e12", "e03", "e13", "e23"})
_HASHES = 200  # rows of NAS-Bench-101 whose hash is checked
_MOST_OPTIONS = 32  # of a whole-number column that counts as a choice
_MOST_WORDS = 1000  # of a text column


@dataclass(frozen=True)
class _Rows:
    """A table's rows as architectures, and the columns that said so."""

    space: SearchSpace
    architectures: list[Architecture]
    used: frozenset[str]


def read_table(
    path: Path | str,
    *,
    space: str | None = None,
    data_set: str | None = None,
    metrics: Collection[str] = (),
    choices: Sequence[str] = (),
) -> Table:
    """Read a table of architectures and their values.

    Args:
        path: a ``.parquet``, ``.csv`` or ``.tsv`` file, or a folder with one.
        space: the space's name; by default as the columns say.
        data_set: which of the file's data sets; needed where it holds several.
        metrics: columns that are values, where nothing else says so, and must be finite in every row.
        choices: columns that are choices, where nothing else says so.

    Raises:
        DataError: the file is no such table: unreadable, wrong columns, an unknown architecture, one that
            stands twice; in one line that names the file and the row (counted from 0).
    """
    path = Path(path)
    frame = read_frame(path)
    rows = _rows(path, frame, space, metrics, choices)
    _check_repeats(path, rows.architectures)
    columns = numbers(frame, rows.used)
    name, samples = rows.space.name.split("/")[-1], 0
    if sets := data_sets_in(columns):
        prefix = chosen(path, data_set, sets)
        columns = of_data_set(columns, prefix, sets)
        title, samples = DATA_SETS.get(prefix, (prefix, 0))
        name = f"{name} {title}"
    elif data_set is not None:
        raise DataError(f"{path}: holds one data set only; leave out the data set {data_set!r}")
    for metric in metrics:
        check_finite(path, metric, columns)
    return _merged(path, name, samples, rows, columns)


def data_sets(path: Path | str) -> tuple[str, ...]:
    """The data sets that a file holds; empty where it is about one only."""
    return tuple(
        DATA_SETS.get(prefix, (prefix,))[0] for prefix in data_sets_in(read_frame(Path(path)).columns)
    )


# -- which architecture a row is of ---------------------------------------------------------------


def _rows(
    path: Path, frame: "pd.DataFrame", space: str | None, metrics: Collection[str], choices: Sequence[str]
) -> _Rows:
    if space is not None:
        return _of_space(path, frame, space)
    if {"n_vertices", "adj_upper", "ops"} <= set(frame.columns):
        return _nasbench101(path, frame)
    if "arch" in frame.columns and not choices:
        first = str(frame["arch"].iloc[0])
        if first.startswith("|"):
            return _of_space(path, frame, "nasbench201")
        if re.fullmatch(r"[0-9]{8}", first):
            return _of_space(path, frame, "nasbench_macro")
    return _own_space(path, frame, metrics, choices)


@cache
def _catalogued(name: str) -> SearchSpace:
    """One object for all tables of a space: surrogates keep what they know of it."""
    return space_named(name)


def _of_space(path: Path, frame: "pd.DataFrame", name: str) -> _Rows:
    """Rows of a space in the catalogue: by strings, or a column a choice."""
    if name.split("/")[-1] == "nasbench101":
        return _nasbench101(path, frame)
    space: Any = _catalogued(name)
    named = [choice.name for choice in space.choices if choice.name in frame.columns]
    if "arch" in frame.columns and len(named) < len(space.choices) and hasattr(space, "from_string"):
        texts = [str(text) for text in frame["arch"]]
        return _Rows(space, _each(path, texts, space.from_string), _ABOUT_CELLS)
    required = {choice.name for choice in space.choices if choice.when is None}
    missing = sorted(required - set(frame.columns))
    if missing:
        raise DataError(
            f"{path}: space {name} needs column {missing[0]!r}"
            + (f" and {len(missing) - 1} more" if missing[1:] else "")
            + f"; the table has {_some(frame.columns)}"
        )
    values = frame[named].to_dict("records")
    made = _each(path, values, lambda row: space.architecture(_matched(space, row)))
    return _Rows(space, made, frozenset({*named, "index"}))


def _matched(space: SearchSpace, row: Mapping[str, Any]) -> dict[str, Value]:
    """A row's values as the space's options: files turn whole numbers into text and back."""
    values = {}
    for choice in space.choices:
        value = row.get(choice.name)
        if value is None or value == "" or value != value:
            continue  # does not apply
        same = [option for option in choice.options if option == value or str(option) == str(value)]
        values[choice.name] = same[0] if same else value
    return values


def _own_space(path: Path, frame: "pd.DataFrame", metrics: Collection[str], choices: Sequence[str]) -> _Rows:
    """A space of the table's own columns."""
    unknown = [name for name in (*choices, *metrics) if name not in frame.columns]
    if unknown:
        raise DataError(f"{path}: no column {unknown[0]!r}; the table has {_some(frame.columns)}")
    chosen = list(choices) or [
        name for name in frame.columns if name not in metrics and _is_choice(path, frame[name])
    ]
    if not chosen:
        raise DataError(
            f"{path}: no column describes an architecture; the table has {_some(frame.columns)}; name the"
            " space, or the columns that are choices"
        )
    options = {name: _options(frame[name].tolist()) for name in chosen}
    space = DictionarySpace(options)
    made = _each(path, frame[chosen].to_dict("records"), space.architecture)
    return _Rows(space, made, frozenset(chosen))


def _is_choice(path: Path, column: "pd.Series[Any]") -> bool:
    """Whether a column looks like a choice: text, truth values, few different whole numbers."""
    import pandas as pd

    name, kinds = str(column.name), column.nunique()
    if name == "index" or pd.api.types.is_float_dtype(column):
        return False
    if pd.api.types.is_integer_dtype(column):
        return bool(kinds <= _MOST_OPTIONS)
    if pd.to_numeric(column, errors="coerce").notna().mean() > 0.5 and kinds > _MOST_OPTIONS:
        return False  # numbers with something broken among them
    if kinds > _MOST_WORDS:
        raise DataError(
            f"{path}: column {name!r} has {kinds:,} different texts; name the columns that are choices"
        )
    return True


def _options(values: Sequence[Any]) -> list[Value]:
    found = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)
    return sorted(found) if numbers else found


def _nasbench101(path: Path, frame: "pd.DataFrame") -> _Rows:
    missing = [name for name in ("n_vertices", "adj_upper", "ops") if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: nasbench101 needs column {missing[0]!r}; it has {_some(frame.columns)}")
    space: Any = _catalogued("nasbench101")
    cells = list(zip(frame["n_vertices"], frame["adj_upper"], frame["ops"], strict=True))
    made = _each(path, cells, lambda cell: space.from_string(_nasbench101_text(*cell)))
    if "hash" in frame.columns:
        _check_hashes(path, space, made[:_HASHES], frame["hash"].tolist())
    return _Rows(space, made, frozenset({"n_vertices", "adj_upper", "ops", "hash", "index"}))


def _nasbench101_text(vertices: Any, bits: Any, operations: Any) -> str:
    """One row's cell.

    Raises:
        InvalidArchitecture: lengths that do not fit.
    """
    if len(str(operations)) != int(vertices) - 2:
        raise InvalidArchitecture(f"ops {operations!r} are not the operations of {vertices} vertices")
    return f"{bits}:{operations}"


def _check_hashes(path: Path, space: SearchSpace, made: list[Architecture], hashes: list[Any]) -> None:
    """The table's own hashes tell whether its columns mean what we read.

    Raises:
        DataError: one is another cell's.
    """
    for position, architecture in enumerate(made):
        given = hashes[position]
        given = given.hex() if isinstance(given, bytes) else str(given)
        if given != space.training_key(architecture):
            raise DataError(
                f"{path}, row {position}: hash {given} is not that of its graph; the columns are in another"
                " order than rows of the upper triangle, or the operations in another numbering"
            )


def _some(names: Iterable[Any]) -> str:
    """Names for a message: all of a few, the first of many."""
    listed = [str(name) for name in names]
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")


def _each(path: Path, rows: Sequence[Any], make: Callable[[Any], Architecture]) -> list[Architecture]:
    made = []
    for position, row in enumerate(rows):
        try:
            made.append(make(row))
        except InvalidArchitecture as error:
            raise DataError(f"{path}, row {position}: {error}") from None
    return made


def _check_repeats(path: Path, architectures: Sequence[Architecture]) -> None:
    first: dict[Architecture, int] = {}
    for position, architecture in enumerate(architectures):
        earlier = first.setdefault(architecture, position)
        if earlier != position:
            raise DataError(
                f"{path}: rows {earlier} and {position} are the same architecture; keep one, or their mean"
            )


# -- what was measured of it ----------------------------------------------------------------------


def _merged(
    path: Path, name: str, samples: int, rows: _Rows, columns: Mapping[str, NDArray[np.float64]]
) -> Table:
    """One row for all that deploy the same: the mean."""
    keys = [rows.space.deployment_key(architecture) for architecture in rows.architectures]
    position = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    at = np.array([position[key] for key in keys])
    count = np.bincount(at, minlength=len(position))
    merged = {
        column: np.bincount(at, weights=values, minlength=len(position)) / count
        for column, values in columns.items()
    }
    for called, usual in _ALSO_CALLED.items():
        if called in merged:
            merged.setdefault(usual, merged[called])
    if rows.space.name == "mobile/nasbench_macro" and "flops" in merged:
        merged["macs"] = merged["flops"]  # what its authors call FLOPs are multiply-accumulates
    if "macs" in merged:
        merged["flops"] = 2 * merged["macs"]
    space, note = _candidates(rows, len(position))
    return Table(name, space, tuple(position), merged, count, f"{path.name}: {note}", samples)


def _candidates(rows: _Rows, distinct: int) -> tuple[SearchSpace, str]:
    """The space as it is where all of it is in the table; else the rows that are."""
    whole = rows.space.distinct()
    rows_text = f"{len(rows.architectures):,} rows, {distinct:,} different architectures"
    if whole is not None and distinct >= whole:
        return rows.space, rows_text
    of = f" of {whole:,}" if whole is not None else ""
    note = f"{rows_text}{of}; the search is restricted to them"
    return ListedSpace(rows.space, rows.architectures), note
