"""Two runs beside each other, for the terminal: winners, hypervolume, and whose front beats whose."""

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sugata.errors import RunFolderError
from sugata.objectives import Objectives, dominates, hypervolume
from sugata.report import analysis
from sugata.report._story import difference, winning_trial
from sugata.report.data import ReportData
from sugata.report.wording import number, value_text, wordings
from sugata.trial import Metric, Trial

_COLUMNS, _LINES = 64, 18
_STYLES = ("blue", "dark_orange")


def compare_runs(first: ReportData, second: ReportData) -> Group:
    """Everything that two runs share, side by side.

    The runs are compared by the objectives that both have. Quality is only comparable where both trained
    alike: what differs in the top rung is said first.

    Raises:
        RunFolderError: the runs have no objective in common.
    """
    shared = _shared(first, second)
    names = _titles(first, second)
    fronts = [_front(run, shared) for run in (first, second)]
    shared = shared.on(min((trial.proposal.fidelity.rung for front in fronts for trial in front), default=0))
    parts: list[RenderableType] = [Text(line, style="yellow") for line in _differences(first, second, names)]
    parts += [_winners(first, second, names), _volumes(fronts, first, second, shared, names)]
    if all(fronts):
        parts.append(_beaten(fronts, shared, names))
    if len(shared.metrics) > 1 and any(fronts):
        parts.append(_overlay(fronts, shared, first, names))
    return Group(*parts)


def _shared(first: ReportData, second: ReportData) -> Objectives:
    others = {(metric.name, metric.direction) for metric in second.objectives.metrics}
    metrics = tuple(m for m in first.objectives.metrics if (m.name, m.direction) in others)
    if not metrics:
        raise RunFolderError(
            f"{first.title} and {second.title} have no objective in common; "
            "compare runs with the same objectives"
        )
    return Objectives(metrics)


def _titles(first: ReportData, second: ReportData) -> tuple[str, str]:
    if first.title != second.title:
        return first.title, second.title
    return f"{first.title} (first)", f"{second.title} (second)"


def _candidates(run: ReportData, shared: Objectives) -> list[Trial]:
    """The top rung's trials that the run's own limits allow, with the shared objectives measured."""
    allowed = [t for t in analysis.comparable(run.trials, shared) if run.objectives.allows(t)]
    return shared.candidates(allowed)


def _front(run: ReportData, shared: Objectives) -> list[Trial]:
    return shared.front(_candidates(run, shared))


def _differences(first: ReportData, second: ReportData, names: tuple[str, str]) -> list[str]:
    lines = []
    tops = [(run.trials, analysis.top_rung(run.trials, run.objectives)) for run in (first, second)]
    training = [
        next((t.proposal.fidelity for t in trials if t.proposal.fidelity.rung == rung), None)
        for trials, rung in tops
    ]
    a, b = training
    if a and b and (a.amount, a.unit) != (b.amount, b.unit):
        lines.append(
            f"Top rungs differ: {names[0]} trained for {number(a.amount)} {a.unit}, {names[1]} for "
            f"{number(b.amount)} {b.unit}; qualities are not comparable."
        )
    if first.space_name != second.space_name:
        lines.append(f"Spaces differ: {first.space_name or 'own'} and {second.space_name or 'own'}.")
    if first.environment.get("cpu") != second.environment.get("cpu"):
        lines.append("Machines differ: times are not comparable.")
    return lines


def _winners(first: ReportData, second: ReportData, names: tuple[str, str]) -> Table:
    """The best trials of both searches: metrics with their difference, then choices."""
    table = Table(title="The best trials, as their searches measured them", title_justify="left")
    table.add_column("")
    for name, style in zip(names, _STYLES, strict=True):
        table.add_column(Text(name), justify="right", style=style)
    table.add_column(Text(f"{names[1]} against {names[0]}"))
    best = [winning_trial(run) for run in (first, second)]
    words = wordings(first) | wordings(second)
    a, b = ({} if trial is None else trial.metrics for trial in best)
    for name in [name for name in words if name in a or name in b]:
        gap = difference(words[name], b[name], a[name]) if name in a and name in b else ""
        change = gap.removeprefix(words[name].label).strip()
        table.add_row(
            Text(words[name].label), words[name].text(a.get(name)), words[name].text(b.get(name)), change
        )
    table.add_section()
    c, d = ({} if trial is None else trial.proposal.architecture for trial in best)
    for name in dict.fromkeys((*c, *d)):
        left, right = value_text(c.get(name)), value_text(d.get(name))
        table.add_row(Text(name), Text(left), Text(right), "" if left == right else "differs")
    return table


def _volumes(
    fronts: Sequence[Sequence[Trial]],
    first: ReportData,
    second: ReportData,
    shared: Objectives,
    names: tuple[str, str],
) -> Table:
    """Trials, front sizes and hypervolumes below one reference, scaled by the common range."""
    table = Table(title="The fronts", title_justify="left")
    for title in ("", "trials", "top rung", "on the front", "hypervolume"):
        table.add_column(title, justify="left" if not title else "right")
    everyone = [trial for run in (first, second) for trial in _candidates(run, shared)]
    volumes: list[float | None] = [None, None]
    if everyone and len(shared.metrics) <= 4:
        costs = shared.costs(everyone)
        reference = analysis.reference_point(costs)
        scale = reference - costs.min(axis=0)
        for i, front in enumerate(fronts):
            points = (shared.costs(front) - reference) / scale
            volumes[i] = hypervolume(points, np.zeros(len(shared.metrics))) if len(front) else 0.0
    for name, run, front, volume, style in zip(names, (first, second), fronts, volumes, _STYLES, strict=True):
        shown = "–" if volume is None else f"{volume:.4f}"
        top = len(_candidates(run, shared))
        table.add_row(Text(name, style=style), f"{len(run.trials):,}", f"{top:,}", f"{len(front):,}", shown)
    table.caption = (
        "Hypervolume: 1 is the box from the best of both in every objective to a tenth of the range worse "
        "than the worst of both; more is better."
    )
    table.caption_justify = "left"
    return table


def _beaten(fronts: Sequence[Sequence[Trial]], shared: Objectives, names: tuple[str, str]) -> Text:
    costs = [shared.costs(front) for front in fronts]
    beaten = [sum(any(dominates(b, a) for b in costs[1 - i]) for a in costs[i]) for i in (0, 1)]
    return Text(
        f"{names[1]} beats {beaten[0]} of the {len(costs[0])} on the front of {names[0]}; "
        f"{names[0]} beats {beaten[1]} of the {len(costs[1])} on the front of {names[1]}."
    )


def _overlay(
    fronts: Sequence[Sequence[Trial]], shared: Objectives, run: ReportData, names: tuple[str, str]
) -> Group:
    """Both fronts as characters in one frame: the primary metric against the second."""
    y, x = shared.metrics[:2]
    words = wordings(run)
    points = [[(_at(t, x), _at(t, y)) for t in front] for front in fronts]
    xs = [point[0] for row in points for point in row]
    ys = [point[1] for row in points for point in row]
    left, low = min(xs), min(ys)
    width, height = (max(xs) - left) or 1.0, (max(ys) - low) or 1.0
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    for mark, style, row in zip("●◆", _STYLES, points, strict=True):
        for px, py in row:
            column = math.floor((px - left) / width * (_COLUMNS - 1) + 0.5)
            line = math.floor((max(ys) - py) / height * (_LINES - 1) + 0.5)
            both = (line, column) in cells and cells[line, column][0] != mark
            cells[line, column] = ("◎", "bold") if both else (mark, style)
    up, across = words[y.name], words[x.name]
    lines: list[RenderableType] = [Text(f"\n{up.axis}, {up.bare(low)} to {up.bare(max(ys))}", "dim")]
    for line in range(_LINES):
        text = Text("│")
        for column in range(_COLUMNS):
            mark, style = cells.get((line, column), (" ", ""))
            text.append(mark, style)
        lines.append(text)
    lines.append(Text("└" + "─" * _COLUMNS))
    lines.append(Text(f" {across.axis}, {across.bare(left)} to {across.bare(max(xs))}", "dim"))
    key = Text(" ").append("●", _STYLES[0]).append(f" {names[0]}   ")
    key.append("◆", _STYLES[1]).append(f" {names[1]}   ◎ both")
    return Group(*lines, key)


def _at(trial: Trial, metric: Metric) -> float:
    return trial.metrics[metric.name]
