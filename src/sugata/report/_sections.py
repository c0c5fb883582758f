"""The sections of the page, each a function of the data; empty text where there is nothing to say."""

import shlex
from collections.abc import Mapping, Sequence

from sugata.report import analysis, charts, svg
from sugata.report._story import comparison, lead
from sugata.report.data import ReportData, Winner
from sugata.report.drawing import draw_svg
from sugata.report.svg import escape
from sugata.report.wording import (
    Wording,
    architecture_text,
    count,
    duration,
    number,
    plural,
    value_text,
    wording,
)
from sugata.trial import Status, Trial

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


def headline(data: ReportData, words: Words) -> str:
    """Title, what happened in plain words, warnings. The caller closes the card."""
    sub = [f"space {data.space_name}" if data.space_name else "", plural(len(data.trials), "trial")]
    if data.stages:
        sub.append(f"{duration(sum(seconds for _, seconds in data.stages))} in all")
    started = data.environment.get("started") or data.environment.get("date")
    sub.append(str(started) if started else "")
    warnings = "".join(f'<p class="warn">{escape(warning)}</p>' for warning in data.warnings)
    if not data.finished:
        warnings = '<p class="warn">The run has not finished: this is what is known so far.</p>' + warnings
    return (
        f'<div class="lead-card"><h1>{escape(data.title)}</h1>'
        f'<p class="sub">{escape(" · ".join(part for part in sub if part))}</p>'
        f'<p class="lead">{escape(lead(data, words))}</p>{warnings}'
    )


# -- the winner -------------------------------------------------------------------------------------


def winner(data: ReportData, words: Words) -> str:
    """Numbers, test scores, drawing, baselines beside it, a sample of what it writes."""
    if data.winner is None:
        return ""
    won = data.winner
    tiles = "".join(
        f'<div class="tile"><b>{escape(words[name].text(value))}</b><span>{escape(words[name].label)}</span></div>'
        for name, value in sorted(won.metrics.items(), key=lambda item: list(words).index(item[0]))
    )
    choices = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value_text(value))}</dd>"
        for name, value in won.architecture.items()
    )
    facts = f"<h3>Its choices</h3><dl>{choices}</dl>{_test_scores(won, words)}{_sample(won)}{_files(won)}"
    drawn = f"<figure>{draw_svg(won.outline)}<figcaption>{_DRAWING_NOTE}</figcaption></figure>"
    body = f'<div class="two"><div>{facts}</div>{drawn}</div>' if won.outline else f"<div>{facts}</div>"
    origin = f"Trial {won.number}. " if won.number is not None else ""
    note = f'<p class="note">{origin}Measured of the final model, as it is stored.</p>' if tiles else ""
    return f'{note}<div class="tiles">{tiles}</div>{body}{comparison_table(data, words)}'


_DRAWING_NOTE = "From input to output. The bar at a box's foot is its share of all parameters."


def _test_scores(won: Winner, words: Words) -> str:
    if won.test_score is None and won.exported_test_score is None:
        return ""
    word = words.get(won.test_metric) or wording(won.test_metric)
    rows = [("the trained model", won.test_score), ("the exported file", won.exported_test_score)]
    cells = "".join(
        f'<tr><td>{name}</td><td class="n">{"not measured" if value is None else f"{value / word.divisor:.5f} {word.unit}"}</td></tr>'
        for name, value in rows
    )
    verdict = ""
    if won.test_score is not None and won.exported_test_score is not None:
        gap = abs(won.test_score - won.exported_test_score)
        relative = gap / abs(won.test_score) if won.test_score else gap
        verdict = (
            f'<p class="yes">They agree: {number(100 * relative, 2)} % apart.</p>'
            if relative <= won.test_tolerance
            else f'<p class="no">They do not agree: {number(100 * relative, 2)} % apart, '
            f"more than {number(100 * won.test_tolerance, 2)} %.</p>"
        )
    return (
        f"<h3>Test data, seen once: {escape(word.label)}</h3><table>{cells}</table>{verdict}" if cells else ""
    )


def _sample(won: Winner) -> str:
    if not won.sample:
        return ""
    asked = f"<b>{escape(won.prompt)}</b>" if won.prompt else ""
    written = won.sample.removeprefix(won.prompt) if won.prompt else won.sample
    return f"<h3>What it writes</h3><pre><code>{asked}{escape(written)}</code></pre>"


def _files(won: Winner) -> str:
    if not won.files:
        return ""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{size / 1e6:,.3f} MB</td></tr>'
        for name, size in won.files.items()
    )
    return f"<details><summary>Files it ships as</summary><table>{rows}</table></details>"


def comparison_table(data: ReportData, words: Words) -> str:
    """The winner's trial and the baselines, measured the same way."""
    rows = comparison(data)
    if len(rows) < 2:
        return ""
    names = [name for name in words if any(name in row.metrics for row in rows)][:9]
    head = "".join(f'<th class="n">{escape(words[name].axis)}</th>' for name in names)
    body = ""
    for row in rows:
        cells = "".join(f'<td class="n">{words[name].bare(row.metrics.get(name))}</td>' for name in names)
        broken = [limit.metric for limit in data.objectives.limits if not limit.allows(row.metrics)]
        note = f' <span class="no">over the limit of {escape(", ".join(broken))}</span>' if broken else ""
        body += f"<tr{' class=win' if row.found else ''}><td>{escape(row.name)}{note}</td>{cells}</tr>"
    return (
        "<h3 style='margin-top:1.2em'>Beside the baselines, trained and measured the same way</h3>"
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


# -- the front --------------------------------------------------------------------------------------


def front(data: ReportData, words: Words) -> str:
    """The interactive plot; the script fills it."""
    measured = analysis.comparable(data.trials, data.objectives)
    if not measured:
        return "<p>No trial completed with all objectives measured, so there is nothing to plot.</p>"
    names = [words[metric.name].label for metric in data.objectives.metrics]
    size = len(analysis.front(data.trials, data.objectives))
    if len(names) > 1:
        text = (
            f"{plural(size, 'trial')} that no other of the top rung beats in all of: {', '.join(names)}. "
            "The line joins the best for the two axes shown."
        )
    else:
        text = f"One objective, {names[0]}, so the front is the best trial alone (or its equals)."
    hint = "Rest on a point to see its architecture; click it for all its numbers and its ancestors."
    return (
        f'<p class="note">{escape(text)}</p>'
        '<div class="controls"><label>across <select id="axis-x"></select></label>'
        '<label>up <select id="axis-y"></select></label>'
        '<label><input type="checkbox" id="lower-rungs"> lower rungs too (trained less, not comparable)</label></div>'
        '<div class="front"><div><div class="plot" id="front-plot"><div class="tip" id="front-tip" hidden></div>'
        "<noscript><p>The plot needs JavaScript; plots/front.png shows it without.</p></noscript></div>"
        f"<div>{_front_key(data)}</div></div>"
        f'<div class="panel" id="front-panel" data-hint="{escape(hint)}" aria-live="polite"></div></div>'
    )


def _front_key(data: ReportData) -> str:
    keys = (
        ['<span class="key"><span style="color:var(--orange)">★</span>winner</span>'] if data.winner else []
    )
    keys.append(
        '<span class="key"><i style="background:var(--blue);border-radius:50%"></i>on the front</span>'
    )
    keys.append(
        '<span class="key"><i style="background:var(--grey);opacity:.6;border-radius:50%"></i>beaten</span>'
    )
    if data.baselines:
        keys.append('<span class="key"><span style="color:var(--purple)">◇</span>baseline</span>')
    if data.objectives.limits:
        keys.append('<span class="key"><span style="color:var(--red)">╌</span>limit</span>')
    keys.append(
        '<span class="key"><span style="color:var(--orange)">─</span>ancestors of the chosen one</span>'
    )
    return "".join(keys)


def front_table(data: ReportData, words: Words) -> str:
    """Every trial of the front with objectives and choices; a click shows it in the plot."""
    trials = analysis.front(data.trials, data.objectives)
    if not trials:
        return ""
    names = [name for name in words if any(name in trial.metrics for trial in trials)]
    names = [n for n in names if n in {m.name for m in data.objectives.metrics}] + [
        n for n in names if n not in {m.name for m in data.objectives.metrics}
    ][:5]
    constant = [
        n for n, _ in data.choices if len({repr(t.proposal.architecture.get(n)) for t in trials}) == 1
    ]
    varied = [name for name, _ in data.choices if name not in constant][:20]
    head = "".join(f'<th class="n">{escape(words[name].axis)}</th>' for name in names)
    head += "".join(f"<th>{escape(name)}</th>" for name in varied)
    rows = "".join(_front_row(trial, data, words, names, varied) for trial in trials)
    same = ", ".join(
        f"{name} {value_text(trials[0].proposal.architecture.get(name))}"
        for name in constant
        if name in trials[0].proposal.architecture
    )
    note = f'<p class="note">Common to all: {escape(same)}.</p>' if same and len(trials) > 1 else ""
    if len(trials) == 1:
        note = f'<p class="note">{escape(architecture_text(trials[0].proposal.architecture))}</p>'
    return (
        f'<div class="scroll"><table><thead><tr><th class="n">trial</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
        '<p class="note">Also in pareto.csv; all trials are in history.csv.</p>'
    )


def _front_row(
    trial: Trial, data: ReportData, words: Words, names: Sequence[str], varied: Sequence[str]
) -> str:
    won = data.winner is not None and data.winner.number == trial.number
    cells = "".join(f'<td class="n">{words[name].bare(trial.metrics.get(name))}</td>' for name in names)
    cells += "".join(
        f"<td>{escape(value_text(trial.proposal.architecture.get(name)))}</td>" for name in varied
    )
    mark = " ★" if won else ""
    return (
        f'<tr data-trial="{trial.number}"{" class=win" if won else ""}>'
        f'<td class="n">{trial.number}{mark}</td>{cells}</tr>'
    )


# -- how the search went ----------------------------------------------------------------------------


def progress(data: ReportData, words: Words) -> str:
    """Scores over the run with mean and spread; hypervolume."""
    rungs = analysis.progress(data.trials, data.objectives)
    if not rungs:
        return ""
    name = analysis.score_name(data.objectives)
    word = words.get(name) or wording(name)
    chart = charts.progress_chart(rungs, word, len(data.trials))
    keys = "".join(
        f'<span class="key"><i style="background:var(--{svg.SERIES[i % len(svg.SERIES)]})"></i>'
        f"{escape(rung.name)} ({plural(len(rung.values), 'trial')}, mean of {rung.window})</span>"
        for i, rung in enumerate(rungs)
    )
    better = "higher" if analysis.score_maximized(data.objectives) else "lower"
    figures = (
        f"<figure>{chart}<figcaption>{keys}<br>Each dot a trial; dashed: mean of the last trials of the rung, with "
        f"one standard deviation around it; solid: the best so far. {better.capitalize()} is better; "
        "rungs train for different amounts and are not comparable with each other.</figcaption></figure>"
    )
    volumes = analysis.hypervolume_over_time(data.trials, data.objectives)
    if volumes:
        figures += (
            f"<figure>{charts.hypervolume_chart(volumes, len(data.trials))}<figcaption>How much of what the front "
            "dominates at the end was dominated already, on the top rung; the reference is a tenth of the range "
            "worse than the worst trial.</figcaption></figure>"
        )
    return f'<div class="two">{figures}</div>'


def funnel(data: ReportData, words: Words) -> str:
    """Rungs with what entered, what went on and how trials ended; reasons of those that did not complete."""
    rungs = analysis.funnel(data.trials)
    if not rungs:
        return "<p>No trial has finished yet.</p>"
    most = max(sum(rung.statuses.values()) for rung in rungs)
    body = ""
    for rung in rungs:
        parts = "".join(
            f'<i style="width:{100 * amount / most:.2f}%;background:var(--{_STATUS_COLOURS[status]})" '
            f'title="{amount} {status.value}"></i>'
            for status, amount in rung.statuses.items()
        )
        training = f"{number(rung.amount)} {rung.unit}" if rung.unit else "–"
        went = "the end" if rung is rungs[-1] else f"{rung.promoted:,}"
        body += (
            f'<tr><td>{escape(rung.name)}</td><td class="n">{escape(training)}</td><td class="n">{rung.entered:,}</td>'
            f'<td class="n">{rung.statuses.get(Status.COMPLETED, 0):,}</td><td class="n">{went}</td>'
            f'<td style="width:45%;min-width:140px"><div class="bar">{parts}</div></td></tr>'
        )
    seen = [status for status in Status if any(status in rung.statuses for rung in rungs)]
    keys = "".join(
        f'<span class="key"><i style="background:var(--{_STATUS_COLOURS[status]})"></i>'
        f"{status.value.replace('_', ' ')} {sum(rung.statuses.get(status, 0) for rung in rungs):,}</span>"
        for status in seen
    )
    return (
        '<div class="scroll"><table><thead><tr><th>rung</th><th class="n">training</th><th class="n">entered</th>'
        '<th class="n">completed</th><th class="n">went on</th><th>how they ended</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div><p>{keys}</p>{_failures(data)}"
    )


def _failures(data: ReportData) -> str:
    found = analysis.failures(data.trials)
    if not found:
        return ""
    rows = "".join(
        f'<tr><td class="n">{failure.count:,}</td><td>{escape(failure.status.value.replace("_", " "))}</td>'
        f'<td class="wide">{escape(failure.reason or "no reason given")}</td><td class="n">{failure.example}</td></tr>'
        for failure in found[:12]
    )
    more = f'<p class="note">And {len(found) - 12} more kinds.</p>' if len(found) > 12 else ""
    return (
        '<h3>Why some did not complete</h3><div class="scroll"><table><thead><tr><th class="n">trials</th>'
        '<th>ended</th><th>reason (of the first; others may differ in numbers)</th><th class="n">first</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>{more}"
    )


def importance(data: ReportData, words: Words) -> str:
    """Share of variance by choice, and each option's mean and spread."""
    items = analysis.importance(data.trials, data.choices, data.objectives)
    rung = analysis.importance_rung(data.trials, data.objectives)
    if not items or rung is None:
        return "<p>Too few completed trials to tell what the choices do.</p>" if data.trials else ""
    word = words[data.objectives.primary.name]
    name = next(t.proposal.fidelity.name for t in data.trials if t.proposal.fidelity.rung == rung)
    trials = max(item.trials for item in items)
    real = sum(item.share > item.chance for item in items)
    note = (
        f"How much of the variance of {word.label} each choice explains by itself, over {plural(trials, 'trial')} of "
        f"rung “{name}” (the one with the most trials), corrected for its number of options. The black mark is the "
        "level that 95 % of random shufflings stay below: a grey bar does not reach it and may be chance "
        f"({real} of {len(items)} do reach it). The search did not draw evenly and choices occur together, so this "
        "says what went along with quality, not what caused it; shares need not add up to 100 %."
    )
    shown = [item for item in items if len(item.options) <= 12][:9]
    limits = charts.option_limits(shown, word)
    small = "".join(f"<figure>{charts.options_chart(item, word, limits)}</figure>" for item in shown)
    rest = _importance_rest(items[14:])
    return (
        f'<p class="note">{escape(note)}</p><div class="two"><figure>{charts.importance_chart(items[:14])}{rest}</figure>'
        f"<div></div></div><h3>{escape(word.axis)} by option: mean, one standard deviation, number of trials</h3>"
        f'<div class="small">{small}</div>'
    )


def _importance_rest(items: Sequence[analysis.Importance]) -> str:
    if not items:
        return ""
    rows = "".join(
        f'<tr><td>{escape(i.choice)}</td><td class="n">{100 * i.share:.1f} %</td><td class="n">{i.trials}</td></tr>'
        for i in items
    )
    return f"<details><summary>{len(items)} less important choices</summary><table>{rows}</table></details>"


def curves(data: ReportData, words: Words) -> str:
    """Learning curves of the top rung, and of the winner's final training."""
    found = analysis.top_curves(data.trials, data.objectives)
    number_ = data.winner.number if data.winner else None
    figures = ""
    if found:
        best = found[0][0].number
        chosen = number_ if any(trial.number == number_ for trial, _ in found) else best
        which = "the winner's" if chosen == number_ else f"trial {best}, the best of them"
        shown = f"the best 40 of {len(found)}" if len(found) > 40 else plural(len(found), "trial")
        figures += (
            f"<figure><h3>The rung that trained longest</h3>{charts.curves_chart(found, number_, data.curve_metric, data.curve_step)}"
            f"<figcaption>{shown}; in orange {which}. Rest on a line for its number.</figcaption></figure>"
        )
    if data.winner and len(data.winner.curve) > 1:
        figures += (
            "<figure><h3>The winner's final training</h3>"
            f"{charts.curve_chart(data.winner.curve, data.curve_metric, data.curve_step)}</figure>"
        )
    return f'<div class="two">{figures}</div>' if figures else ""


# -- the rest ---------------------------------------------------------------------------------------


def next_steps(data: ReportData, words: Words) -> str:
    """Commands to go on with."""
    if not data.run_folder:
        return ""
    run = shlex.quote(data.run_folder)
    steps = []
    if data.winner is not None and data.winner.outline:
        prompt = shlex.quote(data.winner.prompt or "def quicksort(xs):")
        steps.append(
            (
                "let the winner write code",
                f"sugata generate {shlex.quote(data.run_folder + '/best')} {prompt}",
            )
        )
        others = [t for t in analysis.front(data.trials, data.objectives) if t.number != data.winner.number]
        if others:
            steps.append(
                ("train and export another trial", f"sugata export {run} --trial {others[0].number}")
            )
    steps.append(("go on where the run stopped, if it has not finished", f"sugata resume {run}"))
    steps.append(("see how far it is", f"sugata status {run}"))
    steps.append(("compare it with another run", f"sugata compare {run} OTHER_RUN"))
    steps.append(("write this page anew", f"sugata report {run}"))
    rows = "".join(f"<dt>{name}</dt><dd><code>{escape(command)}</code></dd>" for name, command in steps)
    return f'<dl class="steps">{rows}</dl>'


def settings(data: ReportData, words: Words) -> str:
    """Command, recipe, objectives, space, environment and durations."""
    facts: list[tuple[str, str]] = []
    if data.command:
        facts.append(("command", f"<code>{escape(data.command)}</code>"))
    goals = ", ".join(f"{m.direction} {words[m.name].label}" for m in data.objectives.metrics)
    facts.append(("objectives", escape(goals)))
    if data.objectives.fitness is not None:
        facts.append(("fitness", f"<code>{escape(data.objectives.fitness)}</code>"))
    for limit in data.objectives.limits:
        word = words.get(limit.metric) or wording(limit.metric, values=[limit.maximum])
        facts.append(("limit", escape(f"{word.label} at most {word.text(limit.maximum)}")))
    size = f", {count(data.space_size)} configurations" if data.space_size is not None else ""
    facts.append(("space", escape(f"{data.space_name or 'own'}{size}")))
    facts += [(f"{name} took", escape(duration(seconds))) for name, seconds in data.stages]
    left = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in facts)
    right = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_plain(value))}</dd>" for name, value in data.environment.items()
    )
    options = "".join(
        f'<tr><td>{escape(name)}</td><td class="wide">{escape(", ".join(value_text(o) for o in values))}</td></tr>'
        for name, values in data.choices
    )
    recipe = (
        f"<details><summary>The recipe, as it was resolved</summary><pre><code>{escape(data.recipe)}</code></pre></details>"
        if data.recipe
        else ""
    )
    return (
        f'<div class="two"><div><h3>The run</h3><dl>{left}</dl></div><div><h3>Machine and versions</h3>'
        f"<dl>{right}</dl></div></div>{recipe}"
        f"<details><summary>All choices and options of the space</summary><table>{options}</table></details>"
    )


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)
