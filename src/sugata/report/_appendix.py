"""Sections at the end: how to go on, and everything needed to repeat the run."""

import shlex
from collections.abc import Mapping

from sugata.report import analysis
from sugata.report._markup import Column, definitions, details, table
from sugata.report.data import ReportData
from sugata.report.svg import escape
from sugata.report.wording import Wording, count, duration, value_text, wording

Words = Mapping[str, Wording]


def next_steps(data: ReportData, words: Words) -> str:
    """Commands to go on with."""
    if not data.run_folder:
        return ""
    run = shlex.quote(data.run_folder)
    steps = []
    if data.winner is not None and data.winner.outline:
        best = shlex.quote(f"{data.run_folder.rstrip('/')}/best")
        if data.winner.prompt:
            steps.append(
                ("let the winner write code", f"sugata generate {best} {shlex.quote(data.winner.prompt)}")
            )
        others = [t for t in analysis.front(data.trials, data.objectives) if t.number != data.winner.number]
        if others:
            steps.append(
                ("export another trial of the front", f"sugata export {run} --trial {others[0].number}")
            )
    if not data.finished:
        steps.append(("go on where the run stopped", f"sugata resume {run}"))
        steps.append(("see how far it is", f"sugata status {run}"))
    steps.append(("compare it with another run", f"sugata compare {run} OTHER_RUN"))
    steps.append(("write this page anew", f"sugata report {run}"))
    return definitions(((name, f"<code>{escape(command)}</code>") for name, command in steps), stacked=True)


def settings(data: ReportData, words: Words) -> str:
    """Command, objectives, space, durations, environment, recipe and options."""
    machine = definitions((name, escape(_plain(value))) for name, value in data.environment.items())
    columns = (Column("choice"), Column("options"))
    rows = [
        (
            escape(name),
            f'<span class="wrap">{escape(", ".join(value_text(option) for option in options))}</span>',
        )
        for name, options in data.choices
    ]
    recipe = details("The recipe, as it was resolved", f"<pre><code>{escape(data.recipe)}</code></pre>")
    right = f"<div><h3>Machine and versions</h3>{machine}</div>" if data.environment else ""
    return (
        f'<div class="two"><div><h3>The run</h3>{definitions(_run(data, words))}</div>{right}</div>'
        f"{recipe if data.recipe else ''}{details('All choices and their options', table(columns, rows))}"
    )


def _run(data: ReportData, words: Words) -> list[tuple[str, str]]:
    facts = [("command", f"<code>{escape(data.command)}</code>")] if data.command else []
    goals = ", ".join(f"{metric.direction} {words[metric.name].label}" for metric in data.objectives.metrics)
    facts.append(("objectives", escape(goals)))
    if data.objectives.fitness is not None:
        facts.append(("fitness", f"<code>{escape(data.objectives.fitness)}</code>"))
    for limit in data.objectives.limits:
        word = words.get(limit.metric) or wording(limit.metric, values=[limit.maximum])
        facts.append(("limit", escape(f"{word.label} at most {word.text(limit.maximum)}")))
    size = f", {count(data.space_size)} configurations" if data.space_size is not None else ""
    facts.append(("space", escape(f"{data.space_name or 'own'}{size}")))
    return facts + [(f"{name} took", escape(duration(seconds))) for name, seconds in data.stages]


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)
