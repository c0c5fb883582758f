"""What the page's script needs to draw the front: plain JSON, cut to a size that a browser likes."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sugata.report import analysis
from sugata.report._story import winning_trial
from sugata.report.data import ReportData
from sugata.report.wording import Wording, value_text
from sugata.trial import Trial, Value

_MOST_LOWER = 1500


def payload(data: ReportData, words: Mapping[str, Wording]) -> dict[str, Any]:
    """Metrics, choices, trials and baselines for ``assets/report.js``; NaN and infinity become null."""
    names = list(words)
    choices = [name for name, _ in data.choices]
    front = {trial.number for trial in analysis.front(data.trials, data.objectives)}
    top = analysis.top_rung(data.trials, data.objectives)
    best = winning_trial(data)
    winner = best.number if best else None
    kept = _kept(data.trials, top, front | ({winner} if winner is not None else set()))
    objectives = {metric.name for metric in data.objectives.metrics}
    limits = {limit.metric: limit.maximum for limit in data.objectives.limits}
    return {
        "metrics": [
            {
                "label": word.label,
                "unit": word.unit,
                "divisor": word.divisor,
                "maximize": word.maximize,
                "objective": name in objectives,
                "limit": _finite(limits.get(name)),
            }
            for name, word in words.items()
        ],
        "choices": choices,
        "rungs": {str(t.proposal.fidelity.rung): t.proposal.fidelity.name for t in data.trials},
        "top": top,
        "final": data.winner is not None,
        "start": _start(data, names),
        "trials": [
            {
                "n": trial.number,
                "r": trial.proposal.fidelity.rung,
                "o": trial.proposal.origin,
                "c": trial.proposal.continues,
                "p": list(trial.proposal.parents),
                "ok": data.objectives.allows(trial),
                "f": trial.number in front,
                "w": trial.number == winner,
                "a": _values(trial.proposal.architecture, choices),
                "m": [_finite(trial.metrics.get(name)) for name in names],
            }
            for trial in kept
        ],
        "baselines": [
            {
                "name": baseline.name,
                "a": _values(baseline.architecture, choices),
                "m": [_finite(baseline.metrics.get(name)) for name in names],
            }
            for baseline in data.baselines
        ],
    }


def script_json(content: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _start(data: ReportData, names: Sequence[str]) -> list[int]:
    """The axes to begin with: the primary metric against the next objective, size or the trial's number."""
    others = [metric.name for metric in data.objectives.metrics[1:]]
    others += [name for name in ("size_bytes", "parameters") if name in names]
    return [names.index(others[0]) if others else -1, 0]


def _kept(trials: Sequence[Trial], top: int | None, important: set[int]) -> list[Trial]:
    """The whole top rung, the ancestors of the front and the newest of the rest."""
    by_number = {trial.number: trial for trial in trials}
    wanted, queue = set(important), list(important)
    while queue:
        trial = by_number.get(queue.pop())
        if trial is None:
            continue
        proposal = trial.proposal
        for parent in (*proposal.parents, *(() if proposal.continues is None else (proposal.continues,))):
            if parent not in wanted:
                wanted.add(parent)
                queue.append(parent)
    measured = [trial for trial in trials if trial.ok]
    rest = [t for t in measured if t.proposal.fidelity.rung != top and t.number not in wanted]
    newest = {trial.number for trial in rest[-_MOST_LOWER:]}
    return [
        t for t in measured if t.proposal.fidelity.rung == top or t.number in wanted or t.number in newest
    ]


def _values(architecture: Mapping[str, Value], choices: Sequence[str]) -> list[str | None]:
    return [value_text(architecture[name]) if name in architecture else None for name in choices]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
