"""The charts as one PNG file."""

import math
from pathlib import Path
from typing import Any

from sugata.report.svg import COLOURS
from sugata.tuning.axes import ends, history, marks, score_range, slice_of
from sugata.tuning.fields import Field
from sugata.tuning.summary import Summary

_MOST_SLICES = 6
_MOST_LETTERS = 36  # of labels beside each other


def write_png(summary: Summary, path: Path) -> None:
    """History, importances and the most important slices; matplotlib is imported here, when it is needed."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = summary.ranking[:_MOST_SLICES]
    rows = 1 + math.ceil(len(shown) / 3)
    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": COLOURS["line"],
        "axes.axisbelow": True,
        "text.parse_math": False,
    }
    with rc_context(style):
        figure = Figure(figsize=(12.0, 3.1 * rows + 0.3), layout="constrained")
        FigureCanvasAgg(figure)
        best = "" if summary.best is None else f"; best {summary.score_text(summary.best)}"
        figure.suptitle(f"Tuning {summary.title}: {summary.about_trials}{best}", fontsize=11)
        grid = figure.add_gridspec(rows, 6)
        _history(figure.add_subplot(grid[0, :4] if summary.importances else grid[0, :]), summary)
        if summary.importances:
            _importance(figure.add_subplot(grid[0, 4:]), summary)
        for i, field in enumerate(shown):
            place = grid[1 + i // 3, 2 * (i % 3) : 2 * (i % 3) + 2]
            _slice(figure.add_subplot(place), summary, field)
        figure.savefig(path, dpi=130)


def _history(axes: Any, summary: Summary) -> None:
    points, best = history(summary)
    last = max(one.number for one in summary.tried)
    low, high = score_range(summary)
    axes.scatter(
        [point.x for point in points],
        [min(max(point.y, low), high) for point in points],
        s=18,
        clip_on=False,
        color=COLOURS["grey"],
        alpha=0.7,
        label="a trial",
    )
    if summary.failed:
        numbers = [one.number for one in summary.failed]
        axes.scatter(
            numbers,
            [low] * len(numbers),
            marker="x",
            s=28,
            color=COLOURS["gold"],
            clip_on=False,
            label="failed",
        )
    line = [*best, (last + 0.5, best[-1][1])]
    axes.step(
        *zip(*line, strict=True), where="post", color=COLOURS["blue"], linewidth=1.8, label="best so far"
    )
    axes.set_xlim(-0.7, last + 0.7)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(low, high)
    axes.set_xlabel("trial")
    axes.set_ylabel(summary.words.axis)
    axes.set_title("Every trial, and the best so far", fontsize=10, loc="left")
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def _importance(axes: Any, summary: Summary) -> None:
    items = summary.importances[:10][::-1]
    colours = [COLOURS["blue" if one.stands_out else "grey"] for one in items]
    axes.barh([summary.names[one.path] for one in items], [100 * one.share for one in items], color=colours)
    for i, one in enumerate(items):
        axes.plot([100 * one.chance] * 2, [i - 0.45, i + 0.45], color=COLOURS["ink"], linewidth=1.5)
        end = 100 * max(one.share, one.chance)
        axes.annotate(
            f"{100 * one.share:.0f} %", (end, i), xytext=(5, 0), textcoords="offset points", va="center"
        )
    axes.margins(x=0.15)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("share of importance, %")
    axes.set_title("Which fields mattered (mark: chance)", fontsize=10, loc="left")


def _slice(axes: Any, summary: Summary, field: Field) -> None:
    low, high = score_range(summary)
    points = slice_of(summary, field)
    axes.scatter(
        [point.x for point in points],
        [min(max(point.y, low), high) for point in points],
        c=[point.number for point in points],
        cmap="Blues",
        vmin=-max(1, len(summary.tried)) / 3,
        s=22,
        edgecolors=COLOURS["grey"],
        linewidths=0.4,
    )
    best = next((point for point in points if summary.best and point.number == summary.best.number), None)
    if best is not None:
        axes.scatter([best.x], [best.y], marker="*", s=130, color=COLOURS["orange"], zorder=3)
    axes.set_xlim(*ends(field))
    axes.set_ylim(low, high)
    places, labels = zip(*marks(field), strict=True)
    crowded = bool(field.options) and sum(map(len, labels)) > _MOST_LETTERS
    axes.set_xticks(places, labels, rotation=20 if crowded else 0, ha="right" if crowded else "center")
    axes.set_ylabel(summary.words.axis)
    title = summary.names[field.path] + (" (log scale)" if field.log else "")
    axes.set_title(title, fontsize=10, loc="left")
