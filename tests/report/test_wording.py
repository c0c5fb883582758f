"""Numbers as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.report.svg import span, tick_text, ticks
from sugata.report.wording import count, duration, number, shortened, wording
from sugata.trial import Metric


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (2.20731, "2.207"),
        (1234567, "1,234,567"),
        (0.000012, "0.000012"),
        (1e-9, "1.000e-09"),
        (-3.5, "-3.5"),
        (math.nan, "–"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_bytes_are_megabytes_of_a_million():
    assert wording("size_bytes", Metric("size_bytes", "bytes")).text(1_812_332) == "1.812\N{NO-BREAK SPACE}MB"
    assert wording("latency_ms", Metric("latency_ms", "ms")).axis == "latency (ms)"
    assert wording("parameters", None, [49_026_816]).text(49_026_816) == "49.03\N{NO-BREAK SPACE}M"
    assert wording("my_score").axis == "my score"


def test_a_space_too_large_to_read_is_a_power_of_ten():
    assert count(35_831_808) == "35,831,808"
    assert count(3 * 10**18) == "3.0 × 10¹⁸"


def test_durations():
    assert [duration(s) for s in (0.25, 7.94, 60.2, 143, 9000)] == [
        "250 ms",
        "7.9 s",
        "60.2 s",
        "2.4 min",
        "2.5 h",
    ]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5))
def test_axes_hold_every_value_and_have_few_ticks(values):
    low, high = span(values)
    assert low <= min(values) <= max(values) <= high
    assert low < high
    marks = ticks(low, high)
    assert len(marks) <= 12
    assert all(tick_text(mark, abs(marks[1] - marks[0])) for mark in marks) if len(marks) > 1 else True


def test_choices_of_blocks_are_called_by_their_last_words_where_those_tell_them_apart() -> None:
    names = ["table/dense/units", "conv_1/filters", "conv_2/filters", "num_layers"]
    assert shortened(names) == {
        "table/dense/units": "units",
        "conv_1/filters": "conv_1/filters",
        "conv_2/filters": "conv_2/filters",
        "num_layers": "num_layers",
    }
