"""Panels as one HTML page that needs nothing else: its drawings are inline SVG."""

import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from sugata.bench.axes import colours, group_of, log_ticks, tick_label
from sugata.bench.curves import Panel, Series
from sugata.report import svg
from sugata.report.svg import escape

_DASH = "7 4"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_html(
    panels: Sequence[Panel],
    path: Path,
    title: str,
    tables: str,
    notes: Sequence[str],
    *,
    tables_first: bool = True,
) -> None:
    """One page: for each panel all medians together, then each series by itself with its quartiles.

    Args:
        tables: Markdown whose tables stand above, or below where they are long.
        notes: lines of text below, escaped here.
    """
    style = resources.files("sugata.report").joinpath("assets", "report.css").read_text(encoding="utf-8")
    known = colours(panels)
    sections = "".join(
        f"<section><h2>{escape(panel.title)}</h2><figure>{overview(panel, known)}</figure>"
        f'<div class="small">{_singles(panel)}</div></section>\n'
        for panel in panels
    )
    made = html_tables(tables)
    above, below = (made, "") if tables_first else ("", f"<section>{made}</section>\n")
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    path.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><main><header><h1>{escape(title)}</h1>{above}</header>\n{sections}{below}"
        f"<section><h2>How it was measured</h2><ul>{listed}</ul></section></main></body></html>\n",
        encoding="utf-8",
    )


def _singles(panel: Panel) -> str:
    return "".join(f"<figure>{single(panel, i)}</figure>" for i in range(len(panel.series)))


def overview(panel: Panel, known: Mapping[str, str]) -> str:
    """All series of a panel in the colours of their groups, with a legend beside."""
    width, height, right = 880.0, 420.0, 250.0
    x, y = _scales(panel, 60.0, width - right, height - 50.0, 34.0)
    parts = [_frame(panel, x, y)]
    named = [(one, known[group_of(one)]) for one in panel.series]
    for one, name in reversed(named):
        front = name != "grey"
        if front:
            parts.append(_band(panel, one, x, y, name))
        parts.append(_line(panel, one, x, y, name, 2.2 if front else 1.0, 1.0 if front else 0.6))
    for i, (one, name) in enumerate(named):
        at = 46 + i * min(20.0, (height - 90) / max(1, len(named)))
        mark = [(width - right + 18, at), (width - right + 40, at)]
        parts.append(svg.polyline(mark, name, 2.5, dash=_DASH if one.dashed else ""))
        parts.append(svg.text(width - right + 47, at + 4, one.name, fill="ink"))
    return svg.drawing("".join(parts), height, f"{panel.title}, all strategies", width)


def single(panel: Panel, chosen: int) -> str:
    """One series with its quartiles, before the medians of the others."""
    width, height = 300.0, 220.0
    x, y = _scales(panel, 44.0, width - 20, height - 40.0, 30.0)
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


def _inside(panel: Panel, one: Series, values: Any, x: svg.Axis, y: svg.Axis) -> list[tuple[float, float]]:
    """Pixel points of a series, kept within the axes."""
    points = []
    for at, value in zip(one.x, values, strict=True):
        if np.isfinite(value):
            height = y(math.log10(max(value, 1e-12)) if panel.log_y else float(value))
            points.append((x(math.log10(at)), min(max(height, y.end), y.start)))
    return svg.steps(points, points[-1][0]) if points and panel.stairs else points


def _line(
    panel: Panel, one: Series, x: svg.Axis, y: svg.Axis, name: str, width: float, opacity: float = 1.0
) -> str:
    points = _inside(panel, one, one.median, x, y)
    return svg.polyline(points, name, width, one.name, _DASH if one.dashed else "", opacity)


def _band(panel: Panel, one: Series, x: svg.Axis, y: svg.Axis, name: str) -> str:
    known = np.isfinite(one.lower) & np.isfinite(one.upper)
    part = Series(one.name, one.x[known], one.median[known], one.lower[known], one.upper[known])
    lower, upper = (_inside(panel, part, values, x, y) for values in (part.lower, part.upper))
    return svg.band([at for at, _ in lower], [at for _, at in lower], [at for _, at in upper], name)


def html_tables(text: str) -> str:
    """The Markdown's tables as HTML; nothing else of it."""
    parts: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        cells = [_inline(part.strip()) for part in line.strip("|").split("|")]
        if line.startswith("**"):
            parts.append(f"<h3>{_inline(line)}</h3>")
        elif line.startswith("| ---"):
            continue
        elif line.startswith("|"):
            heading = number + 1 < len(lines) and lines[number + 1].startswith("| ---")
            tag = "th" if heading else "td"
            row = "".join(f'<{tag} class="{"n" if i else ""}">{part}</{tag}>' for i, part in enumerate(cells))
            parts.append(f"<tr>{row}</tr>" if not heading else f'<div class="scroll"><table><tr>{row}</tr>')
            if number + 1 == len(lines) or not lines[number + 1].startswith("|"):
                parts.append("</table></div>")
    return "".join(parts)


def _inline(text: str) -> str:
    escaped = escape(text)
    for mark, tag in ((r"\*\*", "b"), (r"\*", "i"), ("`", "code")):
        escaped = re.sub(rf"{mark}(.+?){mark}", rf"<{tag}>\1</{tag}>", escaped)
    return escaped
