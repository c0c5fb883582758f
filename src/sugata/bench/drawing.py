"""Panels as PNG files, and as one HTML page that needs nothing else."""

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from sugata.bench.curves import FLOOR, Panel, Series
from sugata.report import svg
from sugata.report.svg import COLOURS, SERIES, escape

_SHOWN = 6  # series with a colour of their own; the others are grey
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def colours(panel: Panel) -> list[str]:
    """A colour for each series: the best ones have their own."""
    return [SERIES[i] if i < min(_SHOWN, len(SERIES) - 1) else "grey" for i in range(len(panel.series))]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten in a range; only the powers where there are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) <= 3.5 else (1,)
    found = [step * 10.0**power for power in powers for step in steps]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def tick_label(value: float, log_y: bool = False) -> str:
    """Without needless digits; the floor of a regret axis stands for none."""
    if log_y and math.isclose(value, FLOOR):
        return f"≤{FLOOR:g}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


# -- PNG -------------------------------------------------------------------------------------------


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
        for position, panel in enumerate(panels):
            _axes(figure.add_subplot(rows, columns, position + 1), panel)
        figure.savefig(path, dpi=130)


def _axes(axes: Any, panel: Panel) -> None:
    for one, name in zip(panel.series, colours(panel), strict=True):
        front = name != "grey"
        if front:
            axes.fill_between(
                one.x, one.lower, one.upper, color=COLOURS[name], alpha=0.13, linewidth=0, step="post"
            )
        axes.plot(
            one.x,
            one.median,
            color=COLOURS[name],
            linewidth=1.8 if front else 0.9,
            alpha=1.0 if front else 0.7,
            drawstyle="steps-post",
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
    axes.legend(fontsize=7, frameon=False, ncols=1 + (len(panel.series) > 9))


def _log_axis(axis: Any, low: float, high: float, floor: bool = False) -> None:
    marks = log_ticks(low, high)
    axis.set_ticks(marks, [tick_label(value, floor) for value in marks])
    axis.set_ticks([], minor=True)


# -- HTML ------------------------------------------------------------------------------------------


def write_html(panels: Sequence[Panel], path: Path, title: str, tables: str, notes: Sequence[str]) -> None:
    """One page: for each panel all medians together, then each series by itself with its quartiles.

    Args:
        tables: HTML of the tables to stand above.
        notes: lines of text below, escaped here.
    """
    style = resources.files("sugata.report").joinpath("assets", "report.css").read_text(encoding="utf-8")
    sections = "".join(
        f"<section><h2>{escape(panel.title)}</h2><figure>{overview(panel)}</figure>"
        f'<div class="small">{_singles(panel)}</div></section>\n'
        for panel in panels
    )
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    path.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><main><header><h1>{escape(title)}</h1>{tables}</header>\n{sections}"
        f"<section><h2>How it was measured</h2><ul>{listed}</ul></section></main></body></html>\n",
        encoding="utf-8",
    )


def _singles(panel: Panel) -> str:
    return "".join(f"<figure>{single(panel, i)}</figure>" for i in range(len(panel.series)))


def overview(panel: Panel) -> str:
    """All series of a panel, with a legend beside."""
    width, height, right = 860.0, 420.0, 230.0
    x, y = _scales(panel, 60.0, width - right, height - 50.0, 34.0)
    parts = [_frame(panel, x, y)]
    named = list(zip(panel.series, colours(panel), strict=True))
    for one, name in reversed(named):
        front = name != "grey"
        if front:
            parts.append(_band(panel, one, x, y, name))
        parts.append(_line(panel, one, x, y, name, 2.2 if front else 1.0, 1.0 if front else 0.6))
    for i, (one, name) in enumerate(named):
        at = 46 + i * min(20.0, (height - 90) / max(1, len(named)))
        parts.append(svg.polyline([(width - right + 18, at), (width - right + 40, at)], name, 2.5))
        parts.append(svg.text(width - right + 47, at + 4, one.name, fill="ink"))
    return svg.drawing("".join(parts), height, f"{panel.title}, all strategies", width)


def single(panel: Panel, chosen: int) -> str:
    """One series with its quartiles, before the medians of the others."""
    width, height = 300.0, 220.0
    x, y = _scales(panel, 44.0, width - 8, height - 40.0, 30.0)
    one = panel.series[chosen]
    parts = [_frame(panel, x, y, small=True)]
    parts += [_line(panel, other, x, y, "line", 1.2) for other in panel.series if other is not one]
    parts += [_band(panel, one, x, y, "blue"), _line(panel, one, x, y, "blue", 2.2)]
    parts.append(svg.text(4, 15, one.name, style="font-weight:600", fill="ink"))
    return svg.drawing("".join(parts), height, f"{panel.title}, {one.name}", width)


def _scales(panel: Panel, left: float, right: float, bottom: float, top: float) -> tuple[svg.Axis, svg.Axis]:
    first, last = float(panel.series[0].x[0]), float(panel.series[0].x[-1])
    low, high = panel.y_range()
    x = svg.Axis(math.log10(first), math.log10(max(last, first * 1.01)), left, right, panel.x_label)
    if panel.log_y:
        return x, svg.Axis(math.log10(low), math.log10(high), bottom, top, panel.y_label)
    return x, svg.Axis(low, high, bottom, top, panel.y_label)


def _frame(panel: Panel, x: svg.Axis, y: svg.Axis, small: bool = False) -> str:
    parts = []
    marks = log_ticks(10**x.low, 10**x.high)
    if small:
        marks = [value for value in marks if math.log10(value) % 1 == 0] or marks
    for value in marks:
        at = x(math.log10(value))
        parts.append(svg.polyline([(at, y.start), (at, y.end)], "line", 1))
        parts.append(svg.text(at, y.start + 17, tick_label(value), "middle"))
    if panel.log_y:
        heights = [(y(math.log10(v)), tick_label(v, True)) for v in log_ticks(10**y.low, 10**y.high)]
    else:
        values = svg.ticks(y.low, y.high)
        step = values[1] - values[0] if len(values) > 1 else 1.0
        heights = [(y(v), svg.tick_text(v, step)) for v in values]
    for at, label in heights:
        parts.append(svg.polyline([(x.start, at), (x.end, at)], "line", 1))
        parts.append(svg.text(x.start - 6, at + 4, label, "end"))
    if not small:
        parts.append(svg.text((x.start + x.end) / 2, y.start + 38, x.label, "middle"))
        parts.append(svg.text(4, y.end - 14, y.label, "start", "font-weight:600", "ink"))
    return "".join(parts)


def _inside(one: Series, values: Any, x: svg.Axis, y: svg.Axis, log_y: bool) -> list[tuple[float, float]]:
    points = []
    for at, value in zip(one.x, values, strict=True):
        if np.isfinite(value):
            height = y(math.log10(max(value, 1e-12)) if log_y else float(value))
            points.append((x(math.log10(at)), min(max(height, y.end), y.start)))
    return points


def _line(
    panel: Panel, one: Series, x: svg.Axis, y: svg.Axis, name: str, width: float, opacity: float = 1.0
) -> str:
    points = _inside(one, one.median, x, y, panel.log_y)
    return svg.polyline(points, name, width, one.name, opacity=opacity)


def _band(panel: Panel, one: Series, x: svg.Axis, y: svg.Axis, name: str) -> str:
    known = np.isfinite(one.lower) & np.isfinite(one.upper)
    part = Series(one.name, one.x[known], one.median[known], one.lower[known], one.upper[known])
    lower, upper = (_inside(part, values, x, y, panel.log_y) for values in (part.lower, part.upper))
    return svg.band([at for at, _ in lower], [at for _, at in lower], [at for _, at in upper], name)
