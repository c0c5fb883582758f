"""Panels as one PNG file."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sugata.bench.axes import colours, group_of, log_ticks, tick_label
from sugata.bench.curves import Panel
from sugata.report.svg import COLOURS


def write_png(panels: Sequence[Panel], path: Path, title: str = "") -> None:
    """All panels on one sheet; matplotlib is imported here, when it is needed."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, len(panels)) if len(panels) != 4 else 2
    rows = math.ceil(len(panels) / columns)
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
        figure = Figure(figsize=(5.2 * columns, 4.2 * rows + (0.4 if title else 0)), layout="constrained")
        FigureCanvasAgg(figure)
        if title:
            figure.suptitle(title, fontsize=11)
        known = colours(panels)
        drawn = []
        for position, panel in enumerate(panels):
            drawn.append(figure.add_subplot(rows, columns, position + 1))
            _axes(drawn[-1], panel, known)
        _legend(
            figure, drawn, known, free=rows * columns > len(panels), place=(rows, columns, len(panels) + 1)
        )
        figure.savefig(path, dpi=130)


def _legend(
    figure: Any, drawn: Sequence[Any], known: Mapping[str, str], *, free: bool, place: tuple[int, int, int]
) -> None:
    """One for all panels, the best first: in a free place of the sheet, else below it."""
    lines = {
        line.get_label(): line
        for axes in drawn
        for line in axes.get_lines()
        if line.get_label() != "_nolegend_"
    }
    order = sorted(lines, key=lambda name: list(known).index(name) if name in known else len(known))
    handles = [lines[name] for name in order]
    if free:
        empty = figure.add_subplot(*place)
        empty.set_axis_off()
        empty.legend(handles, order, loc="center left", frameon=False, fontsize=9)
    else:
        figure.legend(handles, order, loc="outside lower center", frameon=False, ncols=4, fontsize=8)


def _axes(axes: Any, panel: Panel, known: Mapping[str, str]) -> None:
    for one in panel.series:
        name = known[group_of(one)]
        front = name != "grey"
        if front:
            band = {"step": "post"} if panel.stairs else {}
            axes.fill_between(
                one.x, one.lower, one.upper, color=COLOURS[name], alpha=0.13, linewidth=0, **band
            )
        axes.plot(
            one.x,
            one.median,
            color=COLOURS[name],
            linewidth=1.8 if front else 0.9,
            alpha=1.0 if front else 0.7,
            drawstyle="steps-post" if panel.stairs else "default",
            linestyle="--" if one.dashed else "-",
            label=one.name,
            zorder=3 if front else 2,
        )
    low, high = panel.y_range()
    axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    axes.set_ylim(low * (0.93 if panel.log_y else 1), high)
    _log_axis(axes.xaxis, float(panel.series[0].x[0]), float(panel.series[0].x[-1]))
    if panel.log_y:
        _log_axis(axes.yaxis, low, high, floor=True)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.set_title(panel.title, fontsize=10, loc="left")


def _log_axis(axis: Any, low: float, high: float, floor: bool = False) -> None:
    marks = log_ticks(low, high)
    axis.set_ticks(marks, [tick_label(value, floor) for value in marks])
    axis.set_ticks([], minor=True)
