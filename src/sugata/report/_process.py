"""Sections of how the search went: progress, funnel, importance, learning curves."""

from collections.abc import Mapping, Sequence

from sugata.report import analysis, charts, svg
from sugata.report._markup import Column, details, figure, key, note, table
from sugata.report.data import ReportData
from sugata.report.svg import escape
from sugata.report.wording import Wording, number, plural, wording
from sugata.trial import Status

Words = Mapping[str, Wording]
_STATUS_COLOURS = {
    Status.COMPLETED: "green",
    Status.STOPPED: "sky",
    Status.REFUSED: "grey",
    Status.FAILED: "orange",
    Status.DIVERGED: "purple",
    Status.OUT_OF_MEMORY: "gold",
    Status.TIMEOUT: "blue",
    Status.KILLED: "ink",
}
_BARS, _SMALL_CHARTS, _CURVES, _REASONS = 14, 9, 40, 12


def progress(data: ReportData, words: Words) -> str:
    """Scores over the run with mean and spread; hypervolume."""
    rungs = analysis.progress(data.trials, data.objectives)
    if not rungs:
        return ""
    name = analysis.score_name(data.objectives)
    total = len(data.trials)
    better = "Higher" if analysis.score_maximized(data.objectives) else "Lower"
    keys = "".join(
        key(svg.SERIES[i % len(svg.SERIES)], f"{rung.name}: {plural(len(rung.values), 'trial')}")
        for i, rung in enumerate(rungs)
    )
    windows = " and ".join(dict.fromkeys(str(rung.window) for rung in rungs))
    text = (
        f"A dot is a trial. Dashed: the mean of the last {windows} of the rung, with one standard deviation "
        f"on either side. Solid: the best so far. {better} is better."
    )
    if len(rungs) > 1:
        text += " Rungs train for different amounts, so compare within a colour only."
    chart = charts.progress_chart(rungs, words.get(name) or wording(name), total)
    figures = figure(chart, f"{keys}<br>{escape(text)}")
    volumes = analysis.hypervolume_over_time(data.trials, data.objectives)
    if volumes:
        caption = (
            "How much of what the front dominates at the end was dominated already, on the top rung. "
            "The reference point is a tenth of the range worse than the worst trial there."
        )
        figures += figure(charts.hypervolume_chart(volumes, total), caption)
    return f'<div class="two">{figures}</div>'


def funnel(data: ReportData, words: Words) -> str:
    """What entered each rung, what went on and how trials ended; why some did not complete."""
    rungs = analysis.funnel(data.trials)
    if not rungs:
        return "<p>No trial has finished yet.</p>"
    most = max(sum(rung.statuses.values()) for rung in rungs)
    rows = []
    for rung in rungs:
        training = f"{number(rung.amount)} {rung.unit}" if rung.unit else "–"
        completed = rung.statuses.get(Status.COMPLETED, 0)
        went_on = "(the top)" if rung is rungs[-1] else f"{rung.promoted:,}"
        numbers = (training, f"{rung.entered:,}", f"{completed:,}", went_on)
        rows.append((escape(rung.name), *map(escape, numbers), _bar(rung, most)))
    titles = ("training", "entered", "completed", "went on")
    columns = (Column("rung"), *(Column(title, numeric=True) for title in titles), Column("how they ended"))
    keys = "".join(
        key(_STATUS_COLOURS[status], f"{status.value.replace('_', ' ')}: {amount:,}")
        for status in Status
        if (amount := sum(rung.statuses.get(status, 0) for rung in rungs))
    )
    cached = sum(rung.cached for rung in rungs)
    answered = note(
        f"{plural(cached, 'trial')} answered from an earlier one, without training." if cached else ""
    )
    return f"{table(columns, rows)}<p>{keys}</p>{answered}{_failures(data)}"


def _bar(rung: analysis.RungCount, most: int) -> str:
    parts = "".join(
        f'<i style="width:{100 * amount / most:.2f}%;background:var(--{_STATUS_COLOURS[status]})" '
        f'title="{status.value.replace("_", " ")}: {amount}"></i>'
        for status, amount in rung.statuses.items()
    )
    return f'<div class="bar">{parts}</div>'


def _failures(data: ReportData) -> str:
    found = analysis.failures(data.trials)
    if not found:
        return ""
    rows = [
        (
            f"{failure.count:,}",
            escape(failure.status.value.replace("_", " ")),
            f'<span class="wrap">{escape(failure.reason or "no reason given")}</span>',
            str(failure.example),
        )
        for failure in found[:_REASONS]
    ]
    columns = (
        Column("trials", numeric=True),
        Column("ended"),
        Column("why (the first's words; the others differ in numbers at most)"),
        Column("first", numeric=True),
    )
    more = note(f"And {len(found) - _REASONS} more reasons." if len(found) > _REASONS else "")
    return f"<h3>Why some did not complete</h3>{table(columns, rows)}{more}"


def importance(data: ReportData, words: Words) -> str:
    """Share of variance by choice, and each option's mean and spread."""
    items = analysis.importance(data.trials, data.choices, data.objectives)
    rung = analysis.importance_rung(data.trials, data.objectives)
    if not items or rung is None:
        return "<p>Too few completed trials to tell what the choices do.</p>" if data.trials else ""
    word = words[data.objectives.primary.name]
    small = [item for item in items if len(item.options) <= 12][:_SMALL_CHARTS]
    limits = charts.option_limits(small, word)
    options = "".join(figure(charts.options_chart(item, word, limits)) for item in small)
    title = f"{word.axis} by option: mean, one standard deviation, number of trials"
    return (
        f'<div class="two">{figure(charts.importance_chart(items[:_BARS]))}'
        f"<div>{_caveats(data, items, rung, word)}{_less_important(items[_BARS:])}</div></div>"
        f'<h3>{escape(title)}</h3><div class="small">{options}</div>'
    )


def _caveats(data: ReportData, items: Sequence[analysis.Importance], rung: int, word: Wording) -> str:
    name = next(t.proposal.fidelity.name for t in data.trials if t.proposal.fidelity.rung == rung)
    trials = max(item.trials for item in items)
    reach = sum(item.share > item.chance for item in items)
    several = len(analysis.funnel(data.trials)) > 1
    where = f" of rung “{name}”, the one with the most" if several else ""
    texts = (
        f"The bars show how much of the variance of {word.label} each choice explains by itself, over "
        f"{plural(trials, 'trial')}{where}. They are corrected for the number of options, so that a choice "
        "with many options does not look important just because of that.",
        "The dark mark is the level that 95 % of random shufflings stay below. A grey bar does not reach it: "
        f"it may be chance. Here {reach} of {len(items)} do reach it.",
        "Read it with care: the search draws good options more often, and options that occur together share "
        "the credit. This is what went along with quality, not proof of what caused it; the shares need not "
        "add up to 100 %.",
    )
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _less_important(items: Sequence[analysis.Importance]) -> str:
    if not items:
        return ""
    rows = [(escape(item.choice), f"{100 * item.share:.1f} %", f"{item.trials:,}") for item in items]
    columns = (Column("choice"), Column("share", numeric=True), Column("trials", numeric=True))
    return details(f"{plural(len(items), 'less important choice')}", table(columns, rows))


def curves(data: ReportData, words: Words) -> str:
    """Learning curves of the top rung, and of the winner's final training."""
    found = analysis.top_curves(data.trials, data.objectives)
    won = data.winner.number if data.winner else None
    label, step = data.curve_metric, data.curve_step
    figures = ""
    if found:
        best = found[0][0].number
        chosen = next((trial.number for trial, _ in found[:_CURVES] if trial.number == won), best)
        which = "the winner's" if chosen == won else f"that of trial {best}, the best of them"
        shown = (
            f"The best {_CURVES} of {len(found):,} trials"
            if len(found) > _CURVES
            else plural(len(found), "trial")
        )
        caption = f"{shown}; in orange {which}. Rest on a line for its number."
        chart = charts.curves_chart(found[:_CURVES], chosen, label, step)
        figures += figure(chart, escape(caption), "The trials that trained longest")
    if data.winner and len(data.winner.curve) > 1:
        figures += figure(
            charts.curve_chart(data.winner.curve, label, step), "", "The winner's final training"
        )
    return f'<div class="two">{figures}</div>' if figures else ""
