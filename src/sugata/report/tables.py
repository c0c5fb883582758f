"""``history.csv``: a row a trial. ``pareto.csv``: a row a trial of the front."""

import csv
from collections.abc import Iterable
from pathlib import Path

from sugata.report import analysis
from sugata.report.data import ReportData
from sugata.trial import Trial

_FIXED = (
    "trial",
    "status",
    "rung",
    "rung_name",
    "amount",
    "unit",
    "origin",
    "parents",
    "continues",
    "cached",
    "seconds",
    "on_front",
    "score",
    "reason",
)


def write_history(data: ReportData, path: Path) -> Path:
    """All trials in the order they were told."""
    return _write(data, data.trials, path)


def write_pareto(data: ReportData, path: Path) -> Path:
    """The front, best primary metric first."""
    return _write(data, analysis.front(data.trials, data.objectives), path)


def _write(data: ReportData, trials: Iterable[Trial], path: Path) -> Path:
    front = {trial.number for trial in analysis.front(data.trials, data.objectives)}
    choices = [name for name, _ in data.choices]
    metrics = [metric.name for metric in data.objectives.metrics]
    metrics += sorted({name for trial in data.trials for name in trial.metrics} - set(metrics))
    taken = set(_FIXED)
    choice_columns = [_column(name, "choice", taken) for name in choices]
    metric_columns = [_column(name, "metric", taken) for name in metrics]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_FIXED, *choice_columns, *metric_columns])
        for trial in trials:
            proposal, fidelity = trial.proposal, trial.proposal.fidelity
            score = analysis.score(trial, data.objectives)
            writer.writerow(
                [
                    trial.number,
                    trial.status.value,
                    fidelity.rung,
                    fidelity.name,
                    fidelity.amount,
                    fidelity.unit,
                    proposal.origin,
                    " ".join(str(parent) for parent in proposal.parents),
                    "" if proposal.continues is None else proposal.continues,
                    int(trial.cached),
                    round(trial.seconds, 3),
                    int(trial.number in front),
                    "" if score is None else score,
                    trial.reason,
                    *(proposal.architecture.get(name, "") for name in choices),
                    *(trial.metrics.get(name, "") for name in metrics),
                ]
            )
    return path


def _column(name: str, kind: str, taken: set[str]) -> str:
    """A column's name; prefixed where another column has it already."""
    column = f"{kind}_{name}" if name in taken else name
    taken.add(column)
    return column
