"""The benchmark's tables, in Markdown, with everything that is needed to run them again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sugata.bench.replay import Replay
from sugata.bench.strategies import Row
from sugata.bench.tasks import Task

#: Published mean queries to the optimum of NAS-Bench-201's data sets (Wu et al. 2021, "Stronger NAS with
#: Weaker Predictors"), rounded: cited, not measured here, and without a budget of 500.
PUBLISHED = (
    ("WeakNAS, as published (Wu et al. 2021)", (182, 78, 268)),
    ("regularized evolution, as published there", (563, 438, 715)),
)
_NB201 = ("cifar10", "cifar100", "imagenet16-120")


@dataclass(frozen=True)
class Queries:
    """Queries to the optimum over seeds; a search that did not find it counts its whole budget."""

    mean: float
    median: float
    percentile: float  # the 90th
    failures: int

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.median:.0f}, {self.percentile:.0f}, {self.failures})"


def queries(replays: Sequence[Replay], budget: int) -> Queries:
    """Statistics of an oracle's task."""
    counts = np.array([budget if one.found is None else one.found for one in replays], float)
    return Queries(
        float(counts.mean()),
        float(np.median(counts)),
        float(np.percentile(counts, 90)),
        sum(one.found is None for one in replays),
    )


def reported(replays: Sequence[Replay]) -> tuple[float, float]:
    """Mean and sample standard deviation of what was reported at the end."""
    finals = np.array([one.final for one in replays])
    return float(finals.mean()), float(finals.std(ddof=1)) if len(finals) > 1 else 0.0


def markdown(
    rows: Sequence[Row], tasks: Sequence[Task], about: Mapping[str, Any], exact: Mapping[str, float]
) -> str:
    """Both tables, the reference rows, and where and how they were measured.

    Args:
        about: the environment, with ``cost``: seconds and processes.
        exact: by the task's key, what random search is expected to report.
    """
    parts = []
    validation = [task for task in tasks if not task.oracle]
    if validation:
        first = validation[0]
        parts += [
            f"**`{first.report}` after {first.budget} evaluations chosen by `{first.metric}`**"
            " (mean ± standard deviation over seeds)",
            "",
            *_table(rows, validation),
            *_expectation(validation, exact),
            "",
        ]
    oracle = [task for task in tasks if task.oracle]
    if oracle:
        parts += [
            "**Oracle: distinct queries until the optimum**: mean (median, 90th percentile, failures); budget"
            f" {oracle[0].budget}, a failure counts as that",
            "",
            *_table(rows, oracle),
            "",
        ]
    failed = [
        f"- {row.contender.name} on {key}: {error}" for row in rows for key, error in row.errors.items()
    ]
    if failed:
        parts += ["Not run:", "", *failed, ""]
    parts += [f"- {line}" for line in _about(about, rows, tasks)]
    return "\n".join(parts) + "\n"


def _table(rows: Sequence[Row], tasks: Sequence[Task]) -> list[str]:
    lines = [
        "| strategy | " + " | ".join(task.title for task in tasks) + " | seeds | ms an ask |",
        "| --- |" + " ---: |" * (len(tasks) + 2),
    ]
    apart = [row for row in rows if row.contender.zero_cost]
    for row in [*(row for row in rows if row not in apart), *apart]:
        if not any(row.of(task) for task in tasks):
            continue
        cells = [cell(row.of(task), task) for task in tasks]
        cells += [str(row.seeds), f"{row.ask_milliseconds(tasks):.2g}"]
        lines.append(f"| {row.contender.name} | {' | '.join(cells)} |")
    titles = [task.title for task in tasks]
    if tasks[0].oracle and titles[:3] == list(_NB201):
        for name, figures in PUBLISHED:
            shown = [f"{figure}" for figure in figures] + [""] * (len(titles) - 3)
            lines.append(f"| *{name}* | {' | '.join(shown)} | | |")
    return lines


def _expectation(tasks: Sequence[Task], exact: Mapping[str, float]) -> list[str]:
    """What random search must come to, as a check of everything above."""
    if not all(task.key in exact for task in tasks):
        return []
    shown = " | ".join(f"{exact[task.key]:.2f}" for task in tasks)
    return [f"| *random search, exact expectation* | {shown} | | |"]


def cell(replays: Sequence[Replay], task: Task) -> str:
    """One cell of a table."""
    if not replays:
        return "–"
    if task.oracle:
        return str(queries(replays, task.budget))
    mean, deviation = reported(replays)
    return f"{mean:.2f} ± {deviation:.2f}"


def _about(about: Mapping[str, Any], rows: Sequence[Row], tasks: Sequence[Task]) -> list[str]:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    settings = [
        f"{row.contender.name}: {', '.join(f'{k}={v}' for k, v in row.contender.options.items())}"
        for row in rows
        if row.contender.options
    ]
    batches = sorted({task.batch for task in tasks})
    return [
        f"command: `{about['command']}`; seeds 0, 1, 2 ... as many as the column says"
        + (f"; proposals in batches of {batches[0]}" if batches != [1] else ""),
        "settings other than defaults: " + ("; ".join(settings) or "none"),
        f"machine: {about['cpu']}, {about['cores']} cores, {about['system']}; Python {about['python']},"
        f" sugata {about['sugata']}, {packages}; {about['cost']}",
    ]
