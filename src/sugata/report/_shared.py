"""The section on shared weights: how the supernet learned, and whether it ranks as trainings alone do."""

from collections.abc import Mapping, Sequence

from sugata.report import charts
from sugata.report._markup import Column, figure, key, note, table
from sugata.report.data import ReportData, SharedWeights
from sugata.report.ranks import Agreement, agreement
from sugata.report.svg import escape
from sugata.report.wording import Wording, plural, wording

Words = Mapping[str, Wording]


def shared(data: ReportData, words: Words) -> str:
    """Skips, entropy and loss over the training; rank correlations with trainings alone."""
    found = data.shared
    if found is None:
        return ""
    how = "derived what was tried" if found.mode == "joint" else "scored what the strategy proposed"
    text = f"A supernet, trained by {found.method}, {how}."
    if found.given:
        text = f"The weights of {found.given} {how}."
    return f"<p>{escape(text)}</p>{_learning(found)}{_ranks(data, found, words)}"


def _learning(found: SharedWeights) -> str:
    warned = f'<p class="warn">{escape(found.warning)}</p>' if found.warning else ""
    ended = note(f"It ended early: {found.ended}." if found.ended else "")
    if len(found.checks) < 2:
        return warned + ended
    lines = (
        ("share of skips", "orange", [(one["step"], one["skips"]) for one in found.checks]),
        ("entropy of the decisions", "blue", [(one["step"], one["entropy"]) for one in found.checks]),
    )
    keys = "".join(key(colour, name) for name, colour, _ in lines)
    caption = (
        f"{keys}<br>Share of the decisions that prefer to pass their input on, and how undecided they are: 1"
        " is undecided, 0 decided. A distribution that collapses ends with nearly all skips."
    )
    chart = charts.named_lines_chart([(colour, points) for _, colour, points in lines], "share", "step")
    losses = charts.curve_chart(
        tuple((one["step"], one["loss"]) for one in found.checks), "loss, held half", "step"
    )
    return f'{warned}{ended}<div class="two">{figure(chart, caption)}{figure(losses)}</div>'


def _ranks(data: ReportData, found: SharedWeights, words: Words) -> str:
    if not found.ranked:
        return ""
    metric = data.objectives.primary
    word = words.get(metric.name) or wording(metric.name, metric)
    truth = [metric.cost(one.alone) for one in found.ranked]
    compared = (
        ("score of the supernet", [metric.cost(one.scored) for one in found.ranked]),
        ("parameters, more is better", [-one.parameters for one in found.ranked]),
    )
    rows = [(escape(name), *_cells(agreement(scores, truth))) for name, scores in compared]
    columns = (
        Column("ranked by"),
        Column("Kendall's tau, 95 %", numeric=True),
        Column("Spearman, 95 %", numeric=True),
    )
    text = (
        f"{plural(len(found.ranked), 'random architecture')} of the space, scored by the supernet and trained"
        f" alone ({found.alone}): does the supernet rank them as their own trainings do? 1 is the same order,"
        " 0 none. A supernet that does not rank better than the number of parameters has taught nothing that"
        " counting would not."
    )
    points = [(one.scored / word.divisor, one.alone / word.divisor, one.name) for one in found.ranked]
    chart = charts.scatter_chart(points, f"supernet: {word.axis}", f"alone: {word.axis}")
    return (
        f'<h3>Does it rank as trainings alone do?</h3><div class="two"><div><p>{escape(text)}</p>'
        f"{table(columns, rows)}</div>{figure(chart)}</div>"
    )


def _cells(found: Agreement | None) -> Sequence[str]:
    if found is None:
        return ("–", "–")
    return (
        _within(found.kendall, found.kendall_interval),
        _within(found.spearman, found.spearman_interval),
    )


def _within(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def rank_line(data: ReportData) -> str:
    """The same in one line, for a terminal; empty without a comparison."""
    found = data.shared
    if found is None or not found.ranked:
        return ""
    metric = data.objectives.primary
    truth = [metric.cost(one.alone) for one in found.ranked]
    by_score = agreement([metric.cost(one.scored) for one in found.ranked], truth)
    by_size = agreement([-one.parameters for one in found.ranked], truth)
    return (
        f"Kendall's tau of {len(found.ranked)} trained alone with the supernet {_tau(by_score)}, with their"
        f" number of parameters {_tau(by_size)}"
    )


def _tau(found: Agreement | None) -> str:
    if found is None:
        return "not known"
    return _within(found.kendall, found.kendall_interval)
