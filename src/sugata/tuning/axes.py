"""What the drawings share: the scale of the scores, and where a field's values lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sugata.report import svg
from sugata.tuning.fields import Field
from sugata.tuning.summary import Summary, setting_text

_REACH = 4.0  # spans of the middle half beyond which a bad score is drawn at the edge


@dataclass(frozen=True)
class Point:
    """A trial in a drawing: where it lies on the axes."""

    x: float
    y: float
    number: int
    label: str


def score_range(summary: Summary) -> tuple[float, float]:
    """The scale of the scores, without far outliers on the bad side."""
    values = sorted(score / summary.words.divisor for score in scores(summary))
    if len(values) < 8:
        return svg.span(values)
    low, high = values[len(values) // 4], values[-1 - len(values) // 4]
    reach = _REACH * (high - low)
    if summary.words.maximize:
        return svg.span(value for value in values if value >= low - reach)
    return svg.span(value for value in values if value <= high + reach)


def scores(summary: Summary) -> list[float]:
    """The scores of all trials that have one."""
    return [one.score for one in summary.scored if one.score is not None]


def history(summary: Summary) -> tuple[list[Point], list[tuple[float, float]]]:
    """Every scored trial by number, and the best so far as (number, score)."""
    points, best, line = [], math.inf, []
    for one in summary.tried:
        if one.score is None:
            continue
        points.append(_point(summary, one.number, one.number, one.score))
        if summary.metric.cost(one.score) < best:
            best = summary.metric.cost(one.score)
            line.append((float(one.number), one.score / summary.words.divisor))
    return points, line


def slice_of(summary: Summary, field: Field) -> list[Point]:
    """Every scored trial in which a field applies, by the position of its value."""
    found = []
    for one in summary.scored:
        if field.path in one.values and one.score is not None:
            value = one.values[field.path]
            at = field.options.index(value) + spread(one.number) if field.options else position(field, value)
            found.append(_point(summary, at, one.number, one.score, f"{setting_text(value)}, "))
    return found


def position(field: Field, value: float) -> float:
    """Where a number lies: itself, or its logarithm."""
    return math.log10(value) if field.log else float(value)


def ends(field: Field) -> tuple[float, float]:
    """The positions at the ends of a field's axis."""
    if field.options:
        return -0.5, len(field.options) - 0.5
    return svg.span((position(field, field.low), position(field, field.high)), 0.04)


def marks(field: Field, wanted: int = 4) -> list[tuple[float, str]]:
    """Ticks of a field's axis: positions and labels."""
    if field.options:
        return [(float(i), setting_text(option)) for i, option in enumerate(field.options)]
    low, high = ends(field)
    stepped = field.grid() if field.integer or field.step is not None else []
    if 0 < len(stepped) <= 6 and not (field.integer and field.step is None and len(stepped) == field.points):
        return [(position(field, value), setting_text(value)) for value in stepped]
    if not field.log:
        values = svg.ticks(low, high, wanted)
        values = [v for v in values if field.low <= v <= field.high and (not field.integer or v % 1 == 0)]
        step = values[1] - values[0] if len(values) > 1 else high - low
        return [(value, svg.tick_text(value, step)) for value in values]
    steps: Sequence[int] = (1,) if high - low > 1.6 else (1, 3) if high - low > 0.8 else (1, 2, 5)
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [step * 10.0**power for power in powers for step in steps]
    return [(math.log10(v), f"{v:g}") for v in found if low <= math.log10(v) <= high]


def spread(number: int) -> float:
    """Sets the trials of one category beside each other: the golden ratio's sequence, within a third."""
    return ((number * 0.618034) % 1 - 0.5) / 3


def _point(summary: Summary, x: float, number: int, score: float, value: str = "") -> Point:
    return Point(
        x, score / summary.words.divisor, number, f"trial {number}: {value}{summary.words.text(score)}"
    )
