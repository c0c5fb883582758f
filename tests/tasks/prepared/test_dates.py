"""Dates as columns of numbers and codes."""

import warnings

import pandas as pd

from sugata.tasks.prepared import TableAdapter
from sugata.tasks.prepared.columns import DateColumn


def test_parts_are_read_as_pandas_wants_them() -> None:
    column = pd.Series(pd.to_datetime(["2020-01-06", "2021-05-12", None, "2022-07-03"]))  # Mon, Wed, -, Sun
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = DateColumn.fit("when", column)
        _, codes = fitted.transform(column)
    assert [name for name, _ in fitted.codes] == ["when month", "when weekday"]
    assert codes[:, 1].tolist() == [1, 3, 0, 7]


def test_durations_are_numbers_of_seconds() -> None:
    spans = pd.Series(pd.to_timedelta([60, 120, None, 240], unit="s"))
    adapter = TableAdapter.fit(pd.DataFrame({"waited": spans}))
    (column,) = adapter.columns
    assert (column.kind, column.median) == ("number", 120.0)
    numbers = adapter.transform(pd.DataFrame({"waited": spans}))
    assert numbers[:, 1].tolist() == [0, 0, 1, 0]
