"""Sections of what was found: headline, winner, front. Empty text where there is nothing to say."""

from collections.abc import Mapping, Sequence

from sugata.report import analysis
from sugata.report._markup import Column, definitions, details, figure, note, sign, table
from sugata.report._story import comparison, lead, winning_trial
from sugata.report.data import ReportData, Winner
from sugata.report.drawing import draw_svg
from sugata.report.svg import escape
from sugata.report.wording import Wording, architecture_text, duration, number, plural, value_text, wording
from sugata.trial import Value

Words = Mapping[str, Wording]


def headline(data: ReportData, words: Words) -> str:
    """Title, what happened in plain words, warnings."""
    sub = [f"space {data.space_name}" if data.space_name else "", plural(len(data.trials), "trial")]
    if data.stages:
        sub.append(f"{duration(sum(seconds for _, seconds in data.stages))} in all")
    sub.append(str(data.environment.get("started", "")))
    texts = () if data.finished else ("The run has not finished: this is what is known so far.",)
    warnings = "".join(f'<p class="warn">{escape(text)}</p>' for text in (*texts, *data.warnings))
    return (
        f'<h1>{escape(data.title)}</h1><p class="sub">{escape(" · ".join(filter(None, sub)))}</p>'
        f'<p class="lead">{escape(lead(data, words))}</p>{warnings}'
    )


# -- the winner -------------------------------------------------------------------------------------


def winner(data: ReportData, words: Words) -> str:
    """Numbers, test scores, drawing, baselines beside it, a sample of what it writes."""
    best = winning_trial(data)
    won = data.winner
    if won is None and best is not None:
        won = Winner(architecture=best.proposal.architecture, metrics=best.metrics, number=best.number)
    if won is None:
        return _table_of_baselines(data, words)
    names = [name for name in words if name in won.metrics]
    tiles = "".join(_tile(words[name], won.metrics[name]) for name in names)
    origin = f"Trial {won.number}. " if won.number is not None else ""
    what = "Measured of the final model, as it is stored." if won.files else "As the search measured it."
    above = note(f"{origin}{what} {won.again}" if tiles else "")
    choices = definitions((name, escape(value_text(value))) for name, value in won.architecture.items())
    facts = f"<div><h3>Its choices</h3>{choices}{_test_scores(won, words)}{_judged(won)}{_files(won)}</div>"
    if won.outline:
        caption = "From input to output. The bar at a box's foot is its share of all parameters."
        facts = f'<div class="two">{facts}{figure(draw_svg(won.outline), caption)}</div>'
    if won.cells:
        caption = "What a cell computes: its operations, from its inputs to its output."
        facts += figure(draw_svg((), cells=won.cells), caption)
    return f'{above}<div class="tiles">{tiles}</div>{facts}{_sample(won)}{_table_of_baselines(data, words)}'


def _tile(word: Wording, value: float) -> str:
    return f'<div class="tile"><b>{escape(word.text(value))}</b><span>{escape(word.label)}</span></div>'


def _test_scores(won: Winner, words: Words) -> str:
    model, exported = won.test_score, won.exported_test_score
    if won.untested:
        return note("No test data were given: its scores are those on validation data, which chose it.")
    if model is None and exported is None:
        return ""
    word = words.get(won.test_metric) or wording(won.test_metric or "score")

    def cell(value: float | None) -> str:
        return "not measured" if value is None else escape(f"{value / word.divisor:.5f} {word.unit}".strip())

    columns = (Column(""), Column("", numeric=True))
    rows = [("the trained model", cell(model)), ("the exported file", cell(exported))]
    if exported is None and not won.files:
        rows = [("the winner", cell(model))]  # a table's, of which nothing was exported
    verdict = "" if model is None or exported is None else _verdict(model, exported, won.test_tolerance)
    return f"<h3>On test data, used only once: {escape(word.label)}</h3>{table(columns, rows)}{verdict}"


def _judged(won: Winner) -> str:
    """What the finished model scored on test problems, benchmarks side by side."""
    if not won.judged:
        return ""
    figures = list(dict.fromkeys(name for found in won.judged.values() for name in found))
    rows = [
        (escape(name.replace("_", " ")), *(escape(_figure(found.get(name))) for found in won.judged.values()))
        for name in figures
    ]
    columns = (Column(""), *(Column(name, numeric=True) for name in won.judged))
    return f"<h3>On problems that judge it</h3>{table(columns, rows)}"


def _figure(value: float | int | str | None) -> str:
    return "–" if value is None else value if isinstance(value, str) else number(value)


def _verdict(model: float, exported: float, tolerance: float) -> str:
    gap = abs(model - exported) / (abs(model) or 1.0)
    apart = f"{number(100 * gap, 2)} % apart"
    if gap <= tolerance:
        return f'<p class="yes">✓ They agree: {apart}.</p>'
    return f'<p class="no">✗ They do not agree: {apart}, more than {number(100 * tolerance, 2)} %.</p>'


def _sample(won: Winner) -> str:
    if not won.sample:
        return ""
    written = won.sample.removeprefix(won.prompt)
    text = f"<b>{escape(won.prompt)}</b>{escape(written)}"
    return f"<h3>What it writes when given the line in bold</h3><pre><code>{text}</code></pre>"


def _files(won: Winner) -> str:
    if not won.files:
        return ""
    rows = [(escape(name), f"{size / 1e6:,.3f} MB") for name, size in won.files.items()]
    return details("Files it ships as", table((Column("file"), Column("size", numeric=True)), rows))


def _table_of_baselines(data: ReportData, words: Words) -> str:
    rows = comparison(data)
    if not data.baselines:
        return ""
    names = [name for name in words if any(name in row.metrics for row in rows)][:10]
    cells, attributes = [], []
    for row in rows:
        broken = [
            words[limit.metric].label for limit in data.objectives.limits if not limit.allows(row.metrics)
        ]
        over = f' <span class="no">over the limit: {escape(", ".join(broken))}</span>' if broken else ""
        values = [escape(words[name].bare(row.metrics.get(name))) for name in names]
        cells.append([escape(row.name) + over, *values])
        attributes.append("class=win" if row.found else "")
    columns = [Column(""), *(Column(words[name].axis, numeric=True) for name in names)]
    title = "Beside the baselines, which had the same training and the same measurements"
    return f"<h3>{title}</h3>{table(columns, cells, attributes)}"


# -- the front --------------------------------------------------------------------------------------


def front(data: ReportData, words: Words) -> str:
    """The interactive plot; the script fills it."""
    if not analysis.comparable(data.trials, data.objectives):
        return "<p>No trial completed with all objectives measured, so there is nothing to plot.</p>"
    names = ", ".join(words[metric.name].label for metric in data.objectives.metrics)
    size = len(analysis.front(data.trials, data.objectives))
    if len(data.objectives.metrics) > 1:
        text = (
            f"{plural(size, 'trial')} of the top rung that no other matches or beats in all of: {names}. "
            "The line joins the best for the two axes shown."
        )
    else:
        text = f"There is one objective, {names}, so the front is just the best."
    hint = "Rest on a point to see its architecture; click it for all its numbers and its ancestors."
    return (
        note(f"{text} {hint}") + '<div class="controls"><label>across <select id="axis-x"></select></label>'
        '<label>up <select id="axis-y"></select></label>'
        f"{_LOWER_RUNGS if len(analysis.funnel(data.trials)) > 1 else _NO_LOWER_RUNGS}</div>"
        '<div class="front"><div><div class="plot" id="front-plot">'
        '<div class="tip" id="front-tip" hidden></div>'
        "<noscript><p>The plot needs JavaScript; plots/front.png shows it without.</p></noscript></div>"
        f'<div>{_front_key(data)}</div><div class="note" id="front-limits"></div></div>'
        f'<div class="panel" id="front-panel" data-hint="{escape(hint)}" aria-live="polite"></div></div>'
    )


_LOWER_RUNGS = (
    '<label><input type="checkbox" id="lower-rungs"> lower rungs too (trained less, not comparable)</label>'
)
_NO_LOWER_RUNGS = '<input type="checkbox" id="lower-rungs" hidden>'


def _front_key(data: ReportData) -> str:
    multiple = len(data.objectives.metrics) > 1
    parts = [sign("orange", "★", "winner")] if winning_trial(data) else []
    parts.append(sign("blue", "●", "on the front" if multiple else "best"))
    parts.append(sign("grey", "●", "beaten"))
    if data.baselines:
        parts.append(sign("purple", "◇", "baseline"))
    if data.objectives.limits:
        parts.append(sign("red", "╌", "limit"))
    if any(trial.proposal.parents or trial.proposal.continues is not None for trial in data.trials):
        parts.append(sign("orange", "╌○", "ancestors of the one clicked"))
    return "".join(parts)


def leading(data: ReportData, words: Words) -> str:
    """The best architectures as a list, where the run asks for one."""
    if not data.leading:
        return ""
    names = [name for name in words if any(name in trial.metrics for trial in data.leading)][:7]
    rows = [
        [
            str(place),
            str(trial.number),
            *(escape(words[name].bare(trial.metrics.get(name))) for name in names),
            f'<span class="wrap">{escape(architecture_text(trial.proposal.architecture))}</span>',
        ]
        for place, trial in enumerate(data.leading, start=1)
    ]
    columns = [Column("", numeric=True), Column("trial", numeric=True)]
    columns += [Column(words[name].axis, numeric=True) for name in names] + [Column("architecture")]
    text = "Trials of the top rung as the search measured them, in the order in which a winner is named."
    return note(text) + table(columns, rows)


def front_table(data: ReportData, words: Words) -> str:
    """Every trial of the front with its metrics and choices; a click shows it in the plot."""
    trials = analysis.front(data.trials, data.objectives)
    if not trials:
        return ""
    names = [name for name in words if any(name in trial.metrics for trial in trials)][:7]
    choices = [name for name, _ in data.choices]
    common = [n for n in choices if len({repr(t.proposal.architecture.get(n)) for t in trials}) == 1]
    varied = [name for name in choices if name not in common][:16] if len(trials) > 1 else []
    best = winning_trial(data)
    won = best.number if best else None
    rows, attributes = [], []
    for trial in trials:
        values = [escape(words[name].bare(trial.metrics.get(name))) for name in names]
        options = [escape(value_text(trial.proposal.architecture.get(name))) for name in varied]
        rows.append([f"{trial.number}{' ★' if trial.number == won else ''}", *values, *options])
        attributes.append(f'data-trial="{trial.number}"{" class=win" if trial.number == won else ""}')
    columns = [Column("trial", numeric=True), *(Column(words[name].axis, numeric=True) for name in names)]
    columns += [Column(name.replace("_", " ")) for name in varied]
    below = _common(trials[0].proposal.architecture, common if len(trials) > 1 else choices, len(trials))
    files = note("Also in pareto.csv; all trials are in history.csv. Click a row to see it in the plot.")
    return table(columns, rows, attributes) + below + files


def _common(architecture: Mapping[str, Value], names: Sequence[str], trials: int) -> str:
    shared = {name: value for name, value in architecture.items() if name in names}
    if not shared:
        return ""
    text = architecture_text(shared)
    return note(f"All of them have {text}." if trials > 1 else f"It has {text}.")
