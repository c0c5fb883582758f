"""Curves of a benchmark: median and quartiles of the best so far, evaluations on a log axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sugata.bench.replay import Replay
from sugata.bench.tasks import Task

_POINTS = 80
FLOOR = 0.01  # regrets below are drawn there: a log axis has no zero

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One line with its band.

    Attributes:
        x: ``(points,)``.
        median, lower, upper: ``(points,)`` over seeds; NaN where fewer than half of the seeds have a value.
        group: series of one group have one colour; empty: its own.
        dashed: tells it from the others of its group.
    """

    name: str
    x: Values
    median: Values
    lower: Values
    upper: Values
    group: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """What belongs into one drawing.

    Attributes:
        title: what was searched.
        x_label, y_label: the axes; x is logarithmic.
        log_y: whether y is, too.
        series: best first.
        stairs: each value holds until the next; else they are joined by lines.
        floor: the lower end of a logarithmic y; what is below is drawn there.
    """

    title: str
    x_label: str
    y_label: str
    log_y: bool
    series: tuple[Series, ...]
    stairs: bool = True
    floor: float = FLOOR

    def y_range(self) -> tuple[float, float]:
        """What the lines need, without the first few evaluations, which are anywhere."""
        if self.log_y:
            top = max((float(np.nanmax(one.upper)) for one in self.series), default=1.0)
            return self.floor, 10 ** math.ceil(math.log10(max(top, 10 * self.floor)) - 1e-9)
        settled = [one.lower[one.x >= min(10.0, one.x[-1])] for one in self.series]
        tops = [one.upper for one in self.series]
        low = min((float(np.nanmin(values)) for values in settled), default=0.0)
        high = max((float(np.nanmax(values)) for values in tops), default=1.0)
        margin = 0.05 * (high - low) or 1.0
        return low - margin, high + margin


def grid(budget: int) -> Values:
    """Whole evaluations, evenly spread on a log axis."""
    return np.unique(np.round(np.geomspace(1, budget, _POINTS)))


def at(replay: Replay, x: Values) -> Values:
    """The best so far at each ``x``; NaN before the first."""
    if not replay.curve:
        return np.full(len(x), np.nan)
    steps, values = np.array(replay.curve).T
    position = np.searchsorted(steps, x, side="right") - 1
    return np.where(position < 0, np.nan, values[np.maximum(position, 0)])


def series(name: str, x: Values, rows: Values) -> Series:
    """Median and quartiles of ``(seeds, points)`` values; a seed without a value yet counts as the worst."""
    filled = np.where(np.isnan(rows), np.inf, rows)
    # "higher" and "lower" interpolate nothing, so that an infinite seed spoils no finite quartile
    low, middle, high = (
        np.quantile(filled, share, axis=0, method="inverted_cdf") for share in (0.25, 0.5, 0.75)
    )
    low, middle, high = (np.where(np.isfinite(line), line, np.nan) for line in (low, middle, high))
    return Series(name, x, middle, low, high)


def panel(task: Task, results: Sequence[tuple[str, Sequence[Replay]]], best: float) -> Panel:
    """The drawing of one task.

    Args:
        results: a name and its replays, best first.
        best: the optimum of what is reported.
    """
    x = grid(task.budget)
    sign = 1.0 if task.direction == "maximize" else -1.0
    lines = []
    for name, replays in results:
        rows = np.array([at(one, x) for one in replays])
        regret = np.maximum(sign * (best - rows), 0.0)
        lines.append(series(name, x, np.maximum(regret, FLOOR)))
    what = task.report or task.metric
    y_label = f"regret of {what}" + ("" if task.oracle else f", chosen by {task.metric}")
    title = f"{task.title}: " + ("oracle, by " + task.metric if task.oracle else "chosen by validation")
    return Panel(title, "evaluations", y_label, True, tuple(lines))
