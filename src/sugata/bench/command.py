"""Benchmarks from the command line: run them, show how far they are, write everything down."""

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sugata.bench import workers
from sugata.bench.clock import cost_of
from sugata.bench.curves import Panel, panel
from sugata.bench.page import write_html
from sugata.bench.picture import write_png
from sugata.bench.replay import best_value
from sugata.bench.strategies import RESULTS, Row, Step, compare, expected
from sugata.bench.summary import cell, markdown, queries, reported
from sugata.bench.tasks import Contender, Task, evaluator_of, table_of
from sugata.errors import RunFolderError
from sugata.run.folder import environment
from sugata.run.progress import Progress

_PACKAGES = ("numpy", "torch", "optuna")
_STRATEGIES, _WORKERS = "strategies", "workers"


def bench_strategies(
    contenders: Sequence[Contender],
    tasks: Sequence[Task],
    *,
    seeds: int | None = None,
    processes: int = 2,
    to: Path,
) -> str:
    """Compare strategies on tables, and write Markdown, PNG, HTML and every single search into ``to``.

    Returns:
        The tables as Markdown.

    Raises:
        RunFolderError: the folder holds a benchmark already, or cannot be written.
    """
    _new_folder(to, RESULTS)
    progress = Progress()
    started = time.monotonic()
    with progress:
        progress.say(
            f"{len(contenders)} strategies on {len(tasks)} tasks, {processes} processes; results in {to}"
        )
        for note in dict.fromkeys(_note(task) for task in tasks):
            progress.say(note)
        rows = compare(
            contenders,
            tasks,
            seeds=seeds,
            processes=processes,
            to=to,
            on_step=lambda step: progress.now(_text(step), _left(step, started)),
            on_row=lambda row: progress.say(_line(row, tasks)),
        )
        progress.now("writing tables and curves")
        machine = _about(started, processes)
        text = markdown(rows, tasks, machine, expectations(tasks))
        _write(to, _STRATEGIES, "Strategies on benchmark tables", text, panels_of(rows, tasks))
        progress.say(f"written: {to / _STRATEGIES}.md, .png, .html and {RESULTS}")
    return text


def bench_workers(
    contenders: Sequence[Contender],
    task: Task,
    *,
    counts: Sequence[int] = workers.COUNTS,
    seeds: int = 10,
    processes: int = 2,
    to: Path,
) -> str:
    """Simulate many workers on a table, and write Markdown, PNG, HTML and every single search into ``to``.

    Returns:
        The table as Markdown.

    Raises:
        RunFolderError: the folder holds a benchmark already, or cannot be written.
        TaskError: a strategy does not work on the table.
    """
    _new_folder(to, workers.RESULTS)
    started = time.monotonic()
    _, stated = cost_of(evaluator_of(task))
    with Progress() as progress:
        progress.say(_note(task))
        progress.say(f"clock: {stated}")

        def show(setting: workers.Setting, done: int, left: int) -> None:
            seconds = (time.monotonic() - started) / done * left
            progress.now(
                f"{setting.strategy}, {setting.kind}, {setting.workers:,} workers; {done:,} searches done",
                seconds,
            )

        found = workers.simulate(
            contenders, task, counts=counts, seeds=seeds, processes=processes, to=to, on_step=show
        )
        machine = _about(started, processes)
        text = workers.markdown(found, task, machine, stated)
        _write(to, _WORKERS, "Simulated workers", text, workers.panels(found, task))
        progress.say(f"written: {to / _WORKERS}.md, .png, .html and {workers.RESULTS}")
    return text


def _about(started: float, processes: int) -> dict[str, Any]:
    """The environment, and what the benchmark has cost: wall clock, and CPU time of everything that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cost = f"{time.monotonic() - started:.0f} s in all on {processes} processes"
    machine = environment()
    packages = {name: version for name, version in machine["packages"].items() if name in _PACKAGES}
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    return machine | {"packages": packages, "cost": f"{cost}, {seconds:.0f} s of CPU"}


def _new_folder(to: Path, results: str) -> None:
    if (to / results).exists():
        raise RunFolderError(f"--to {to}: holds such a benchmark already; give another folder")
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"--to {to}: cannot be made ({error.strerror})") from None


def _write(to: Path, name: str, title: str, text: str, panels: Sequence[Panel]) -> None:
    (to / f"{name}.md").write_text(text, encoding="utf-8")
    if panels:
        write_png(panels, to / f"{name}.png")
        notes = [line[2:].replace("`", "") for line in text.splitlines() if line.startswith("- ")]
        page = to / f"{name}.html"
        write_html(panels, page, title, text, notes, tables_first=text.count("\n| ") <= 30)


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
    if not row.ran:
        return f"{row.contender.name}: not run: {next(iter(row.errors.values()))}"
    cells = "; ".join(f"{task.key} {cell(row.of(task), task)}" for task in tasks)
    return f"{row.contender.name} ({row.seeds} seeds, {row.ask_milliseconds(tasks):.2g} ms an ask): {cells}"


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """Options of a strategy from ``name=value`` texts."""
    from sugata.recipe import assignments

    return {name.removeprefix("strategy."): value for name, value in assignments(texts).items()}
