"""The benchmark of strategies from the command line: run it, show how far it is, write everything down."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sugata.bench.curves import Panel, panel
from sugata.bench.drawing import write_html, write_png
from sugata.bench.replay import best_value
from sugata.bench.strategies import RESULTS, Row, Step, compare, expected
from sugata.bench.summary import cell, markdown, queries, reported
from sugata.bench.tasks import Contender, Task, evaluator_of, table_of
from sugata.errors import RunFolderError
from sugata.report.svg import escape
from sugata.run.folder import environment
from sugata.run.progress import Progress

TABLE, PICTURE, PAGE = "strategies.md", "strategies.png", "strategies.html"


def bench_strategies(
    contenders: Sequence[Contender],
    tasks: Sequence[Task],
    *,
    seeds: int | None = None,
    workers: int = 2,
    to: Path,
) -> str:
    """Compare strategies on tables, and write Markdown, PNG, HTML and every single search into ``to``.

    Returns:
        The tables as Markdown.

    Raises:
        RunFolderError: the folder holds a benchmark already, or cannot be written.
    """
    _new_folder(to)
    progress = Progress()
    started = time.monotonic()
    with progress:
        progress.say(
            f"{len(contenders)} strategies on {len(tasks)} tasks, {workers} processes; results in {to}"
        )
        for note in dict.fromkeys(_note(task) for task in tasks):
            progress.say(note)
        rows = compare(
            contenders,
            tasks,
            seeds=seeds,
            workers=workers,
            to=to,
            on_step=lambda step: progress.now(_text(step), _left(step, started)),
            on_row=lambda row: progress.say(_line(row, tasks)),
        )
        progress.now("writing tables and curves")
        machine = environment() | {"seconds": time.monotonic() - started, "workers": workers}
        text = markdown(rows, tasks, machine, expectations(tasks))
        _write(rows, tasks, text, to)
        progress.say(f"written: {to / TABLE}, {PICTURE}, {PAGE}, {RESULTS}")
    return text


def _new_folder(to: Path) -> None:
    if (to / RESULTS).exists():
        raise RunFolderError(f"--to {to}: holds a benchmark already; give another folder")
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"--to {to}: cannot be made ({error.strerror})") from None


def _write(rows: Sequence[Row], tasks: Sequence[Task], text: str, to: Path) -> None:
    (to / TABLE).write_text(text, encoding="utf-8")
    panels = panels_of(rows, tasks)
    if panels:
        write_png(panels, to / PICTURE)
        notes = [line[2:].replace("`", "") for line in text.splitlines() if line.startswith("- ")]
        write_html(panels, to / PAGE, "Strategies on benchmark tables", html_tables(text), notes)


def expectations(tasks: Sequence[Task]) -> dict[str, float]:
    """By the key of each task with a report, what random search is expected to report in the end."""
    found = {}
    for task in tasks:
        if task.report is None:
            continue
        evaluator = evaluator_of(task)
        sign = 1 if task.direction == "maximize" else -1
        table = evaluator.table
        found[task.key] = expected(
            sign * evaluator.rungs[-1], table.column(task.report), table.multiplicity, task.budget
        )
    return found


def panels_of(rows: Sequence[Row], tasks: Sequence[Task]) -> list[Panel]:
    """A drawing for each task, the strategies from best to worst."""
    panels = []
    for task in tasks:
        evaluator = evaluator_of(task)
        best = best_value(evaluator)
        if task.report is not None:
            values = evaluator.table.column(task.report)
            best = float(values.max() if task.direction == "maximize" else values.min())
        ran = [row for row in rows if row.of(task)]
        sign = -1 if task.direction == "maximize" else 1
        ranked = sorted(
            ran,
            key=lambda row: (
                queries(row.of(task), task.budget).mean if task.oracle else sign * reported(row.of(task))[0]
            ),
        )
        if ranked:
            panels.append(panel(task, [(row.contender.name, row.of(task)) for row in ranked], best))
    return panels


def html_tables(text: str) -> str:
    """The Markdown's tables as HTML; nothing else of it."""
    parts: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        cells = [_inline(part.strip()) for part in line.strip("|").split("|")]
        if line.startswith("**"):
            parts.append(f"<h3>{_inline(line)}</h3>")
        elif line.startswith("| ---"):
            continue
        elif line.startswith("|"):
            heading = number + 1 < len(lines) and lines[number + 1].startswith("| ---")
            tag = "th" if heading else "td"
            row = "".join(f'<{tag} class="{"n" if i else ""}">{part}</{tag}>' for i, part in enumerate(cells))
            parts.append(f"<tr>{row}</tr>" if not heading else f'<div class="scroll"><table><tr>{row}</tr>')
            if number + 1 == len(lines) or not lines[number + 1].startswith("|"):
                parts.append("</table></div>")
    return "".join(parts)


def _inline(text: str) -> str:
    escaped = escape(text)
    for mark, tag in ((r"\*\*", "b"), (r"\*", "i"), ("`", "code")):
        escaped = re.sub(rf"{mark}(.+?){mark}", rf"<{tag}>\1</{tag}>", escaped)
    return escaped


def _note(task: Task) -> str:
    metrics = (task.metric,) if task.report is None else (task.metric, task.report)
    table = table_of(task.table, metrics)
    return f"{table.name}: {table.note}"


def _text(step: Step) -> str:
    return f"{step.contender} on {step.task}; {step.done:,} searches done, at most {step.left:,} to go"


def _left(step: Step, started: float) -> float:
    return (time.monotonic() - started) / max(1, step.done) * step.left


def _line(row: Row, tasks: Sequence[Task]) -> str:
    """A finished strategy, in a line."""
    if row.error:
        return f"{row.contender.name}: not run: {row.error}"
    cells = "; ".join(f"{task.key} {cell(row.of(task), task)}" for task in tasks)
    return f"{row.contender.name} ({row.seeds} seeds, {row.ask_milliseconds(tasks):.2g} ms an ask): {cells}"


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """Options of a strategy from ``name=value`` texts."""
    from sugata.recipe import assignments

    return {name.removeprefix("strategy."): value for name, value in assignments(texts).items()}
