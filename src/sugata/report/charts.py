"""The charts of the page that need no script: progress, hypervolume, importance, options, learning curves."""

from collections.abc import Sequence

from sugata.report import svg
from sugata.report.analysis import Importance, RungProgress
from sugata.report.data import Curve
from sugata.report.wording import Wording, number, value_text
from sugata.trial import Trial

_LEFT, _RIGHT = 62.0, svg.WIDTH - 12.0
_MOST_DOTS = 1200


def progress_chart(rungs: Sequence[RungProgress], wording: Wording, total: int) -> str:
    """Every trial's score, the rolling mean with its spread, and the best so far, rung by rung."""
    values = [value / wording.divisor for rung in rungs for value in rung.values]
    y = svg.Axis(*_trimmed(values, wording.maximize), 280.0, 34.0, wording.axis)
    x = svg.Axis(0.5, total + 0.5, _LEFT, _RIGHT, "trial, in the order they finished")
    parts = [svg.frame(x, y, whole_x=True), _clip(x, y)]
    inside = []
    for i, rung in enumerate(rungs):
        name = svg.SERIES[i % len(svg.SERIES)]
        xs = [x(position) for position in rung.positions]
        mean = [value / wording.divisor for value in rung.mean]
        spread = [value / wording.divisor for value in rung.spread]
        if len(xs) > 2:
            lower = [y(m - s) for m, s in zip(mean, spread, strict=True)]
            upper = [y(m + s) for m, s in zip(mean, spread, strict=True)]
            inside.append(svg.band(xs, lower, upper, name))
            inside.append(svg.polyline(zip(xs, map(y, mean), strict=True), name, 1.5, dash="5 4"))
        thin = max(1, len(xs) // _MOST_DOTS + 1)
        for at, value, trial in list(zip(xs, rung.values, rung.numbers, strict=True))[::thin]:
            label = f"trial {trial} ({rung.name}): {wording.text(value)}"
            inside.append(svg.dot(at, y(value / wording.divisor), name, 3, label, 0.55))
        best = [(at, y(value / wording.divisor)) for at, value in zip(xs, rung.best, strict=True)]
        inside.append(svg.polyline(svg.steps(best, x.end), name, 2.2, f"best so far, {rung.name}"))
    parts.append(f'<g clip-path="url(#progress-clip)">{"".join(inside)}</g>')
    return svg.drawing("".join(parts), 326, f"{wording.label} of every trial over the run")


def _trimmed(values: Sequence[float], maximize: bool) -> tuple[float, float]:
    """The range of the values without far outliers on the bad side, so that the rest can be seen."""
    ordered = sorted(values)
    if len(ordered) < 8:
        return svg.span(values)
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    reach = 2.5 * (high - low)
    if maximize:
        return svg.span(v for v in values if v >= low - reach)
    return svg.span(v for v in values if v <= high + reach)


def _clip(x: svg.Axis, y: svg.Axis) -> str:
    return (
        f'<clipPath id="progress-clip"><rect x="{x.start}" y="{y.end - 6}" width="{x.end - x.start + 6}" '
        f'height="{y.start - y.end + 12}"/></clipPath>'
    )


def hypervolume_chart(points: Sequence[tuple[int, float]], total: int) -> str:
    """How much of the final front's hypervolume had been found after each trial."""
    x = svg.Axis(0.5, total + 0.5, _LEFT, _RIGHT, "trial, in the order they finished")
    y = svg.Axis(0.0, 105.0, 280.0, 34.0, "hypervolume of the front, % of its last value")
    line = svg.steps([(x(position), y(100 * share)) for position, share in points], x.end)
    dots = "".join(
        svg.dot(x(p), y(100 * s), "blue", 3.5, f"after trial {p}: {100 * s:.1f} %") for p, s in points
    )
    start = [(x(points[0][0]), y(0.0))] if points else []
    body = svg.frame(x, y, whole_x=True) + svg.polyline(start + line, "blue", 2.2) + dots
    return svg.drawing(body, 326, "hypervolume of the Pareto front over the run")


def importance_chart(items: Sequence[Importance]) -> str:
    """A bar a choice: the share of variance it explains, with the level that chance reaches."""
    row, top = 27, 12
    height = top + row * len(items) + 44
    left = min(190.0, 24 + 7.4 * max((len(item.choice) for item in items), default=0))
    longest = max((max(item.share, item.chance) for item in items), default=0.0)
    x = svg.Axis(0.0, max(0.05, longest * 1.1), left, svg.WIDTH - 48.0)
    parts = []
    for value in svg.ticks(x.low, x.high, 4):
        parts.append(
            svg.polyline([(x(value), top), (x(value), top + row * len(items))], "line", 1)
            + svg.text(x(value), top + row * len(items) + 17, f"{number(100 * value, 3)} %", "middle")
        )
    for i, item in enumerate(items):
        y = top + i * row
        name = "blue" if item.share > item.chance else "grey"
        share, chance = (f"{100 * value:.1f} %" for value in (item.share, item.chance))
        label = f"{item.choice}: {share} over {item.trials} trials; chance {chance}"
        bar = max(1.0, x(item.share) - left)
        parts.append(svg.text(left - 8, y + 18, _short(item.choice, 22), "end", fill="ink"))
        parts.append(
            f'<rect x="{left:.1f}" y="{y + 5}" width="{bar:.1f}" height="17" rx="2" '
            f'style="fill:{svg.colour(name)}"><title>{svg.escape(label)}</title></rect>'
        )
        parts.append(svg.polyline([(x(item.chance), y + 2), (x(item.chance), y + 25)], "ink", 2))
        end = max(x(item.share), x(item.chance)) + 6
        parts.append(svg.text(end, y + 18, f"{100 * item.share:.0f} %", fill="ink"))
    parts.append(svg.text((left + x.end) / 2, height - 6, "share of variance explained, by itself", "middle"))
    return svg.drawing("".join(parts), height, "importance of each choice")


def options_chart(item: Importance, wording: Wording, limits: tuple[float, float]) -> str:
    """What each option of one choice did: mean, spread and number of trials, on a shared scale."""
    width, row, top = 300.0, 25, 24
    height = top + row * len(item.options) + 24
    left = min(172.0, 18 + 7.0 * max(len(value_text(option.option)) for option in item.options))
    x = svg.Axis(*limits, left, width - 46)
    parts = [svg.text(0, 13, f"{_short(item.choice, 34)}", style="font-weight:600", fill="ink")]
    bottom = top + row * len(item.options)
    marks = svg.ticks(x.low, x.high, 3)
    step = marks[1] - marks[0] if len(marks) > 1 else x.high - x.low
    for value in marks:
        parts.append(svg.polyline([(x(value), top), (x(value), bottom)], "line", 1))
        parts.append(svg.text(x(value), bottom + 16, svg.tick_text(value, step), "middle"))
    extreme = max if wording.maximize else min
    best = extreme(option.mean for option in item.options)
    for i, option in enumerate(item.options):
        y = top + row * i + 13
        mean, spread = option.mean / wording.divisor, option.spread / wording.divisor
        name = "blue" if option.mean == best else "grey"
        title = (
            f"{value_text(option.option)}: {number(mean)} ± {number(spread, 2)} over {option.count} trials"
        )
        ends = [(x(max(x.low, mean - spread)), y), (x(min(x.high, mean + spread)), y)]
        parts.append(svg.text(left - 9, y + 4, _short(value_text(option.option), 23), "end", fill="ink"))
        parts.append(svg.polyline(ends, name, 3, opacity=0.45))
        parts.append(svg.dot(x(min(max(mean, x.low), x.high)), y, name, 5, title))
        parts.append(svg.text(width - 2, y + 4, f"n={option.count}", "end"))
    return svg.drawing("".join(parts), height, f"{wording.label} by {item.choice}", width)


def option_limits(items: Sequence[Importance], wording: Wording) -> tuple[float, float]:
    """One scale for all the small charts, so that they can be compared."""
    ends = [o.mean + sign * o.spread for item in items for o in item.options for sign in (-1, 1)]
    return svg.span((end / wording.divisor for end in ends), 0.04)


def curves_chart(curves: Sequence[tuple[Trial, Curve]], chosen: int, label: str, step: str) -> str:
    """Learning curves of trials; that of the chosen number stands out."""
    lines = [(curve, trial.number == chosen, f"trial {trial.number}") for trial, curve in curves]
    return _lines_chart(lines, label, step)


def curve_chart(curve: Curve, label: str, step: str) -> str:
    """One learning curve."""
    return _lines_chart([(curve, True, "final training")], label, step)


def named_lines_chart(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], label: str, step: str
) -> str:
    """Lines from 0 to 1 over training, each in its colour."""
    positions = [position for _, points in lines for position, _ in points]
    x = svg.Axis(*svg.span(positions, 0.0), _LEFT, _RIGHT, step)
    y = svg.Axis(0.0, 1.0, 280.0, 34.0, label)
    drawn = [
        svg.polyline([(x(position), y(value)) for position, value in points], colour, 2.2)
        for colour, points in lines
    ]
    return svg.drawing(svg.frame(x, y) + "".join(drawn), 326, f"{label} over training")


def scatter_chart(points: Sequence[tuple[float, float, str]], across: str, up: str) -> str:
    """Named points of two values."""
    x = svg.Axis(*svg.span(point[0] for point in points), _LEFT, _RIGHT, across)
    y = svg.Axis(*svg.span(point[1] for point in points), 280.0, 34.0, up)
    dots = [svg.dot(x(a), y(b), "blue", 4.5, f"{name}: {number(a)}, {number(b)}") for a, b, name in points]
    return svg.drawing(svg.frame(x, y) + "".join(dots), 326, f"{up} against {across}")


def _lines_chart(lines: Sequence[tuple[Curve, bool, str]], label: str, step: str) -> str:
    values = [value for curve, _, _ in lines for _, value in curve]
    positions = [position for curve, _, _ in lines for position, _ in curve]
    x = svg.Axis(*svg.span(positions, 0.0), _LEFT, _RIGHT, step)
    y = svg.Axis(*svg.span(values), 280.0, 34.0, label)
    parts = [svg.frame(x, y)]
    for curve, strong, title in sorted(lines, key=lambda line: line[1]):
        points = [(x(position), y(value)) for position, value in curve]
        parts.append(
            svg.polyline(
                points,
                "orange" if strong else "grey",
                2.6 if strong else 1.3,
                title,
                opacity=1 if strong else 0.55,
            )
        )
    return svg.drawing("".join(parts), 326, f"{label} over training")


def _short(content: str, length: int) -> str:
    """What fits; of a path its end, which says more."""
    if len(content) <= length:
        return content
    return "…" + content[1 - length :] if "/" in content else content[: length - 1] + "…"
