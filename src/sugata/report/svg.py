"""The little that charts need of SVG: axes with round ticks, lines, bands and dots, safely escaped.

Colours are CSS variables with fallbacks, so that a chart follows the page's light or dark theme and still
stands alone. Charts are drawn 480 wide with text of 13, legible from 380 pixels up.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 480
COLOURS = {
    "ink": "#1b1f24",
    "muted": "#57606a",
    "line": "#d5dbe1",
    "card": "#ffffff",
    "blue": "#0072b2",
    "orange": "#c75000",
    "green": "#00805e",
    "purple": "#8e4585",
    "gold": "#946200",
    "sky": "#2b8cbe",
    "grey": "#7a8490",
}
SERIES = ("blue", "orange", "green", "purple", "gold", "sky", "grey")
Points = Iterable[tuple[float, float]]


def colour(name: str) -> str:
    """A themed colour for a style attribute."""
    return f"var(--{name},{COLOURS[name]})"


def escape(text: object) -> str:
    """Text safe inside elements and quoted attributes."""
    return html.escape(str(text), quote=True)


@dataclass(frozen=True)
class Axis:
    """A linear map from ``low..high`` to pixels ``start..end``."""

    low: float
    high: float
    start: float
    end: float
    label: str = ""

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def span(values: Iterable[float], padding: float = 0.06) -> tuple[float, float]:
    """The range of finite values, widened a little; something drawable for none or equal ones."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        margin = abs(low) * 0.1 or 1.0
        return low - margin, high + margin
    margin = (high - low) * padding
    floor = 0.0 if low >= 0 else -math.inf
    return max(low - margin, floor), high + margin


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values inside a range."""
    raw = (high - low) / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def tick_text(value: float, step: float) -> str:
    """A tick's label with just the decimals that the step needs."""
    if abs(value) >= 1e6 or 0 < abs(step) < 1e-4:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if step > 0 and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value:,.{decimals}f}"


def text(
    x: float, y: float, content: object, anchor: str = "start", style: str = "", fill: str = "muted"
) -> str:
    """A line of text."""
    extra = f";{style}" if style else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{colour(fill)}{extra}">'
        f"{escape(content)}</text>"
    )


def frame(x: Axis, y: Axis, whole_x: bool = False) -> str:
    """Grid lines, tick labels and axis labels."""
    parts = []
    marks = ticks(y.low, y.high)
    step = marks[1] - marks[0] if len(marks) > 1 else abs(y.high - y.low)
    for value in marks:
        parts.append(_rule(x.start, y(value), x.end, y(value)))
        parts.append(text(x.start - 7, y(value) + 4, tick_text(value, step), "end"))
    marks = [value for value in ticks(x.low, x.high) if not whole_x or value == int(value)]
    step = marks[1] - marks[0] if len(marks) > 1 else abs(x.high - x.low)
    for value in marks:
        parts.append(_rule(x(value), y.start, x(value), y.start + 5))
        parts.append(text(x(value), y.start + 19, tick_text(value, step), "middle"))
    parts.append(_rule(x.start, y.start, x.end, y.start))
    parts.append(text((x.start + x.end) / 2, y.start + 38, x.label, "middle"))
    parts.append(text(4, y.end - 12, y.label, "start", "font-weight:600", "ink"))
    return "".join(parts)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" style="stroke:{colour("line")}"/>'


def polyline(
    points: Points, name: str, width: float = 2, title: str = "", dash: str = "", opacity: float = 1
) -> str:
    """A line through pixel points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f";stroke-dasharray:{dash}" if dash else ""
    return (
        f'<polyline points="{path}" style="fill:none;stroke:{colour(name)};stroke-width:{width};'
        f'stroke-opacity:{opacity};stroke-linejoin:round{dashes}">{_title(title)}</polyline>'
    )


def steps(points: Sequence[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """Pixel points of a staircase that holds each value until the next, up to ``end``."""
    stairs: list[tuple[float, float]] = []
    for x, y in points:
        if stairs:
            stairs.append((x, stairs[-1][1]))
        stairs.append((x, y))
    if stairs:
        stairs.append((end, stairs[-1][1]))
    return stairs


def band(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], name: str) -> str:
    """A translucent band between two lines."""
    there = list(zip(xs, upper, strict=True))
    back = list(zip(xs, lower, strict=True))[::-1]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in there + back)
    return f'<polygon points="{path}" style="fill:{colour(name)};fill-opacity:.16"/>'


def dot(x: float, y: float, name: str, radius: float = 3, title: str = "", opacity: float = 1.0) -> str:
    """A filled circle; its title shows while the pointer rests on it."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" '
        f'style="fill:{colour(name)};fill-opacity:{opacity}">{_title(title)}</circle>'
    )


def drawing(content: str, height: float, label: str, width: float = WIDTH) -> str:
    """A complete SVG element, read aloud as ``label``; it grows with the page, but not out of proportion."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}" style="width:100%;max-width:{1.5 * width:.0f}px;height:auto;'
        f'font:13px system-ui,-apple-system,Segoe UI,Roboto,sans-serif">{content}</svg>'
    )


def _title(content: str) -> str:
    return f"<title>{escape(content)}</title>" if content else ""
