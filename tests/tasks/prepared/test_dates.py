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


def test_days_come_first_where_a_training_row_shows_it() -> None:
    column = pd.Series(["13/02/2020", "01/02/2020", None, "2/2/2020"])
    days = pd.Series(["2020-02-13", "2020-02-01", None, "2020-02-02"])
    fitted = DateColumn.fit("when", column)
    assert fitted.transform(column)[0].tolist() == fitted.transform(days)[0].tolist()
    months = DateColumn.fit("when", pd.Series(["02/13/2020", "02/01/2020"]))
    assert months.transform(pd.Series(["02/01/2020"]))[0][0, 0] == -1


def test_dates_centuries_away_are_dates() -> None:
    column = pd.Series(
        [pd.Timestamp("1500-01-01").to_pydatetime(), pd.Timestamp("2900-01-01").to_pydatetime()]
    )
    assert DateColumn.fit("when", column).transform(column)[0][:, 0].tolist() == [-1, 1]


def test_one_moment_in_all_training_rows_has_no_deviation() -> None:
    column = pd.Series([pd.Timestamp("2020-01-06 13:37:11.123457")] * 11)
    fitted = DateColumn.fit("when", column)
    assert fitted.std == 1
    assert abs(fitted.transform(column + pd.Timedelta(days=3))[0][0, 0] - 3) < 1e-6
