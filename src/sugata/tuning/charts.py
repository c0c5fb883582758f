"""The charts of the page, as SVG."""

from sugata.report import svg
from sugata.tuning.axes import Point, ends, history, marks, score_range, slice_of
from sugata.tuning.fields import Field
from sugata.tuning.summary import Summary

_LEFT, _RIGHT = 62.0, svg.WIDTH - 12.0


def history_chart(summary: Summary) -> str:
    """Every trial's score, those that failed at the foot, and the best so far."""
    points, best = history(summary)
    last = max(one.number for one in summary.tried)
    x = svg.Axis(-0.5, last + 0.5, _LEFT, _RIGHT, "trial")
    y = svg.Axis(*score_range(summary), 280.0, 34.0, summary.words.axis)
    parts = [svg.frame(x, y, whole_x=True)]
    for one in summary.failed:
        parts.append(_cross(x(one.number), y.start - 6, f"trial {one.number} failed: {one.reason}"))
    parts += [_dot(x(point.x), y, point, _is_best(summary, point)) for point in points]
    line = [(x(number), _inside(y, score)) for number, score in best]
    parts.append(svg.polyline(svg.steps(line, x.end), "blue", 2.2, "best so far"))
    return svg.drawing("".join(parts), 326, f"{summary.words.label} of every trial, and the best so far")


def importance_chart(summary: Summary) -> str:
    """A bar a field: its share of the importance, and the level that chance reaches."""
    row, top = 27, 12
    items = summary.importances
    height = top + row * len(items) + 44
    left = min(200.0, 24 + 7.4 * max(len(summary.names[one.path]) for one in items))
    longest = max(max(one.share, one.chance) for one in items)
    x = svg.Axis(0.0, longest * 1.05, left, svg.WIDTH - 48.0)
    parts = []
    for value in svg.ticks(x.low, x.high, 4):
        parts.append(svg.polyline([(x(value), top), (x(value), top + row * len(items))], "line", 1))
        parts.append(svg.text(x(value), top + row * len(items) + 17, f"{100 * value:.0f} %", "middle"))
    for i, one in enumerate(items):
        y = top + i * row
        name = "blue" if one.stands_out else "grey"
        label = f"{one.path}: {100 * one.share:.1f} %; chance {100 * one.chance:.1f} %"
        parts.append(svg.text(left - 8, y + 18, _short(summary.names[one.path], 24), "end", fill="ink"))
        bar = max(1.0, x(one.share) - left)
        parts.append(
            f'<rect x="{left:.1f}" y="{y + 5}" width="{bar:.1f}" height="17" rx="2" '
            f'style="fill:{svg.colour(name)}"><title>{svg.escape(label)}</title></rect>'
        )
        parts.append(svg.polyline([(x(one.chance), y + 2), (x(one.chance), y + 25)], "ink", 2))
        end = max(x(one.share), x(one.chance)) + 6
        parts.append(svg.text(end, y + 18, f"{100 * one.share:.0f} %", fill="ink"))
    parts.append(svg.text((left + x.end) / 2, height - 6, "share of importance; mark: chance", "middle"))
    return svg.drawing("".join(parts), height, "importance of each field")


def slice_chart(summary: Summary, field: Field) -> str:
    """The scores over the values of one field; those of later trials are darker."""
    width, height = 300.0, 230.0
    x = svg.Axis(*ends(field), 46.0, width - 12)
    y = svg.Axis(*score_range(summary), height - 42.0, 30.0)
    parts = [svg.text(0, 14, summary.names[field.path], style="font-weight:600", fill="ink")]
    values = svg.ticks(y.low, y.high, 4)
    step = values[1] - values[0] if len(values) > 1 else y.high - y.low
    for value in values:
        parts.append(svg.polyline([(x.start, y(value)), (x.end, y(value))], "line", 1))
        parts.append(svg.text(x.start - 6, y(value) + 4, svg.tick_text(value, step), "end"))
    room = (x.end - x.start) / max(1, len(marks(field))) / 7.2  # characters of a label
    for at, label in marks(field):
        shown = _short(label, max(2, int(room))) if field.options else label
        parts.append(svg.text(x(at), y.start + 17, shown, "middle"))
    last = max(1, max(one.number for one in summary.tried))
    for point in slice_of(summary, field)[::-1]:
        opacity = 0.35 + 0.5 * point.number / last
        parts.append(_dot(x(point.x), y, point, _is_best(summary, point), opacity))
    label = "log scale" if field.log else ""
    parts.append(svg.text((x.start + x.end) / 2, height - 6, label, "middle"))
    return svg.drawing("".join(parts), height, f"{summary.words.label} by {field.path}", width)


def _is_best(summary: Summary, point: Point) -> bool:
    return summary.best is not None and point.number == summary.best.number


def _dot(at: float, y: svg.Axis, point: Point, best: bool, opacity: float = 0.6) -> str:
    name, radius = ("orange", 6.0) if best else ("grey", 4.0)
    return svg.dot(at, _inside(y, point.y), name, radius, point.label, 1.0 if best else opacity)


def _cross(x: float, y: float, title: str) -> str:
    lines = (
        svg.polyline([(x - 4, y + sign * 4), (x + 4, y - sign * 4)], "gold", 2, title) for sign in (1, -1)
    )
    return "".join(lines)


def _inside(y: svg.Axis, value: float) -> float:
    return y(min(max(value, y.low), y.high))


def _short(content: str, length: int) -> str:
    return content if len(content) <= length else content[: length - 1] + "…"
