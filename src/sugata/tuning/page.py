"""What came of it as one HTML page that needs nothing else."""

from importlib import resources

from sugata.report._markup import Column, definitions, details, figure, note, table
from sugata.report.svg import escape
from sugata.report.wording import duration
from sugata.tuning.charts import history_chart, importance_chart, slice_chart
from sugata.tuning.summary import Summary, setting_text, settings_text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_SHOWN = 25  # trials in the table that is open at first


def html(summary: Summary, recipe: str) -> str:
    """The page.

    Args:
        recipe: the recipe with its ranges, as YAML.
    """
    style = resources.files("sugata.report").joinpath("assets", "report.css").read_text(encoding="utf-8")
    sections = [
        ("Every trial, and which fields mattered", _overview(summary)),
        ("Each field by itself", _slices(summary)),
        ("The trials, from best to worst", _trials(summary)),
        ("How it was done", _settings(summary, recipe)),
    ]
    bodies = "".join(f"<section><h2>{title}</h2>{body}</section>\n" for title, body in sections if body)
    title = f"Tuning {summary.title}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><main><header><h1>{escape(title)}</h1>{_headline(summary)}</header>\n{bodies}</main></body></html>\n"
    )


def _headline(summary: Summary) -> str:
    best = summary.best
    if best is None:
        return f'<p class="lead">No run has succeeded: {escape(summary.about_trials)}.</p>'
    tiles = [(summary.words.text(best.score), f"{summary.words.label} of the best, trial {best.number}")]
    if summary.own is not None and summary.own is not best:
        tiles.append((summary.words.text(summary.own.score), "with the recipe's own values"))
    tiles += [(setting_text(value), summary.names[path]) for path, value in best.values.items()]
    shown = "".join(f'<div class="tile"><b>{escape(a)}</b><span>{escape(b)}</span></div>' for a, b in tiles)
    steps = "<br>".join(f"{escape(what)}: <code>{escape(how)}</code>" for what, how in summary.next_steps)
    return (
        f'<p class="sub">{escape(summary.about_trials)}, chosen by {summary.sampler}; scores are of the'
        f' winner of each run, on validation data</p><div class="tiles">{shown}</div>'
        f"<p>{steps}</p>"
    )


def _overview(summary: Summary) -> str:
    if not summary.scored:
        return ""
    failed = " Crosses at the foot: runs that failed." if summary.failed else ""
    tried = figure(history_chart(summary), f"Line: the best so far. Orange: the best.{failed}")
    if not summary.importances:
        return tried + note("Too few different scores to say which fields mattered.")
    warning = f'<p class="warn">{escape(summary.caution)}</p>' if summary.caution else ""
    said = f"<p><b>{escape(summary.verdict)}</b></p>{warning}"
    mattered = said + figure(importance_chart(summary), escape(summary.about_importances))
    return f'<div class="two">{tried}<div>{mattered}</div></div>'


def _slices(summary: Summary) -> str:
    if not summary.scored:
        return ""
    made = "".join(figure(slice_chart(summary, field)) for field in summary.ranking)
    caption = (
        f"{summary.words.axis} over the values of each field; darker: later trials; orange: the best. What is"
        " far worse than the others lies at the edge."
    )
    return f'<div class="small">{made}</div>{note(caption)}'


def _trials(summary: Summary) -> str:
    columns = [
        Column("trial", True),
        Column(summary.words.axis, True),
        Column("time", True),
        *(Column(summary.names[field.path], not field.options) for field in summary.fields),
        Column(""),
    ]
    rows = []
    for one in summary.scored:
        marks = ["best"] * (one is summary.best) + ["the recipe's own"] * one.own
        marks += [f"as trial {one.same_as}"] * (one.same_as is not None)
        values = [
            escape(setting_text(one.values[field.path])) if field.path in one.values else "–"
            for field in summary.fields
        ]
        took = "–" if one.same_as is not None else escape(duration(one.seconds))
        rows.append(
            [str(one.number), escape(summary.words.bare(one.score)), took, *values, escape(", ".join(marks))]
        )
    shown = table(columns, rows[:_SHOWN]) if rows else ""
    more = details(f"{len(rows) - _SHOWN} more", table(columns, rows[_SHOWN:])) if len(rows) > _SHOWN else ""
    return shown + more + _failed(summary)


def _failed(summary: Summary) -> str:
    if not summary.failed:
        return ""
    columns = [Column("trial", True), Column("why"), Column("settings")]
    rows = [
        [str(one.number), escape(one.reason), escape(settings_text(one.values, summary.names))]
        for one in summary.failed
    ]
    return f"<h3>Runs that failed</h3>{table(columns, rows)}"


def _settings(summary: Summary, recipe: str) -> str:
    machine = summary.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.get("packages", {}).items())
    pairs = [
        ("command", f"<code>{escape(summary.command)}</code>"),
        ("sampler", escape(summary.sampler)),
        ("machine", escape(f"{machine.get('cpu', '')}, {machine.get('cores', '')} cores")),
        ("versions", escape(f"sugata {machine.get('sugata', '')}, {packages}")),
    ]
    return definitions(pairs) + details("The recipe, with its ranges", f"<pre>{escape(recipe)}</pre>")
