"""The values of a table: which columns are numbers, and which belong to one of several data sets."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

#: Prefix in the file -> data set, and images in an epoch of the trainings whose results it holds.
DATA_SETS: Mapping[str, tuple[str, int]] = {
    "c10": ("cifar10", 25_000),  # searched on half of the training images
    "c100": ("cifar100", 50_000),
    "in16": ("imagenet16-120", 151_700),
}
_PREFIX = re.compile(r"^(.+)_test_acc_200$")
#: Two devices report next to nothing for networks without a path to the output.
_CLIPPED = ("lat_ms_pixel3", "lat_ms_raspi4")
_CLIP_QUANTILE = 0.02


def numbers(frame: "pd.DataFrame", used: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Every other column that holds numbers; what is none in them is NaN, and said when it is asked for."""
    import pandas as pd

    columns = {}
    for name in frame.columns:
        if name in used:
            continue
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if not np.isnan(values).all():
            columns[str(name)] = values
    for name in _CLIPPED:
        if name in columns:
            columns[name] = np.maximum(columns[name], np.nanquantile(columns[name], _CLIP_QUANTILE))
    return columns


def data_sets_in(columns: Collection[str]) -> tuple[str, ...]:
    """The prefixes of the data sets that a file holds."""
    found = (_PREFIX.match(str(name)) for name in columns)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def chosen(path: Path, data_set: str | None, prefixes: tuple[str, ...]) -> str:
    titles = {DATA_SETS.get(prefix, (prefix,))[0]: prefix for prefix in prefixes}
    if data_set is None and len(prefixes) == 1:
        return prefixes[0]
    found = titles.get(str(data_set).lower(), data_set)
    if found in prefixes:
        return str(found)
    asked = "holds several data sets" if data_set is None else f"no data set {data_set!r}"
    raise DataError(f"{path}: {asked}; name one of {', '.join(titles)}")


def of_data_set(
    columns: Mapping[str, NDArray[np.float64]], prefix: str, prefixes: tuple[str, ...]
) -> dict[str, NDArray[np.float64]]:
    """The columns of one data set without its prefix, and those of none."""
    own: dict[str, NDArray[np.float64]] = {}
    others = re.compile(rf"^(?:{'|'.join(map(re.escape, prefixes))})(?:valid)?_")
    for name, values in columns.items():
        mine = re.match(rf"^{re.escape(prefix)}(?:valid)?_(.+)$", name)
        if mine:
            own[mine[1]] = values
        elif not others.match(name):
            own[name] = values
    return own


def check_finite(path: Path, name: str, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Make sure that a column has a number in every row.

    Raises:
        DataError: it has not; names the first row. A column that is not there is said elsewhere.
    """
    broken = np.flatnonzero(~np.isfinite(columns.get(name, np.zeros(0))))
    if len(broken):
        more = f", as in {len(broken) - 1} more rows" if len(broken) > 1 else ""
        raise DataError(
            f"{path}, row {broken[0]}: {name!r} is not a finite number{more}; fill or drop what is missing,"
            " or use another column"
        )
