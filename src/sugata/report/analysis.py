"""What a run's trials say: pure functions, shared by the page, the plots, the tables and the terminal."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sugata.objectives import Objectives, dominates, hypervolume
from sugata.report.data import Curve
from sugata.trial import Proposal, Status, Trial, Value

_SHUFFLES = 200
_CHECKPOINTS = 60


def comparable(trials: Sequence[Trial], objectives: Objectives) -> list[Trial]:
    """Completed trials whose rung's objectives were all measured and are finite."""
    return [trial for trial in trials if trial.ok and _finite(trial, objectives)]


def _finite(trial: Trial, objectives: Objectives) -> bool:
    needed = objectives.on(trial.proposal.fidelity.rung).metrics
    return all(math.isfinite(trial.metrics.get(metric.name, math.nan)) for metric in needed)


def front(trials: Sequence[Trial], objectives: Objectives) -> list[Trial]:
    """The Pareto front of the highest rung, best primary metric first."""
    return objectives.front(comparable(trials, objectives))


def top_rung(trials: Sequence[Trial], objectives: Objectives) -> int | None:
    """The rung that the front and the winner come from; None where nothing was measured."""
    candidates = objectives.candidates(comparable(trials, objectives))
    if candidates:
        return candidates[0].proposal.fidelity.rung
    return max((t.proposal.fidelity.rung for t in comparable(trials, objectives)), default=None)


def score_name(objectives: Objectives) -> str:
    """What progress is measured in: the fitness where there is one, else the primary metric."""
    return "fitness" if objectives.fitness is not None else objectives.primary.name


def score_maximized(objectives: Objectives) -> bool:
    """Whether a larger score is better."""
    return objectives.fitness is not None or objectives.primary.direction == "maximize"


def score(trial: Trial, objectives: Objectives) -> float | None:
    """A completed trial's fitness or primary metric; None where it cannot be had."""
    if not trial.ok:
        return None
    value: float | None
    if objectives.fitness is not None:
        try:
            value = objectives.fitness(trial.metrics)
        except (KeyError, ArithmeticError):
            return None
    else:
        value = trial.metrics.get(objectives.primary.name)
    return value if value is not None and math.isfinite(value) else None


# -- progress ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RungProgress:
    """How the scores of one rung went: positions in the run (from 1), values, and what follows from them.

    Attributes:
        mean: rolling mean over the last ``window`` trials of the rung.
        spread: standard deviation over the same trials.
    """

    rung: int
    name: str
    positions: tuple[int, ...]
    values: tuple[float, ...]
    numbers: tuple[int, ...]
    best: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    window: int


def best_so_far(values: Sequence[float], maximize: bool) -> list[float]:
    """The best of the values up to each."""
    array = np.asarray(values, dtype=float)
    accumulate = np.maximum.accumulate if maximize else np.minimum.accumulate
    return [float(value) for value in accumulate(array)] if len(array) else []


def rolling(values: Sequence[float], window: int) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the last ``window`` values up to each."""
    parts = [np.asarray(values[max(0, i + 1 - window) : i + 1], dtype=float) for i in range(len(values))]
    return [float(part.mean()) for part in parts], [float(part.std()) for part in parts]


def progress(trials: Sequence[Trial], objectives: Objectives) -> list[RungProgress]:
    """The scores of each rung over the run, lowest rung first; cached answers are left out."""
    points: dict[int, list[tuple[int, float, Trial]]] = {}
    for position, trial in enumerate(trials, start=1):
        value = score(trial, objectives)
        if value is not None and not trial.cached:
            points.setdefault(trial.proposal.fidelity.rung, []).append((position, value, trial))
    result = []
    for rung, rows in sorted(points.items()):
        values = [value for _, value, _ in rows]
        window = max(5, round(len(rows) / 8))
        mean, spread = rolling(values, window)
        result.append(
            RungProgress(
                rung=rung,
                name=rows[0][2].proposal.fidelity.name,
                positions=tuple(position for position, _, _ in rows),
                values=tuple(values),
                numbers=tuple(trial.number for _, _, trial in rows),
                best=tuple(best_so_far(values, score_maximized(objectives))),
                mean=tuple(mean),
                spread=tuple(spread),
                window=window,
            )
        )
    return result


def reference_point(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A point a tenth of the range worse than the worst of ``(trials, objectives)``, for hypervolumes."""
    worst, width = costs.max(axis=0), np.ptp(costs, axis=0)
    return np.asarray(worst + 0.1 * np.where(width > 0, width, np.maximum(np.abs(worst), 1e-12)))


def hypervolume_over_time(trials: Sequence[Trial], objectives: Objectives) -> list[tuple[int, float]]:
    """Position in the run and hypervolume of the top rung's front so far, as a share of its last value.

    The reference is a tenth of the range worse than the worst candidate. Empty for a single objective, and
    where an exact hypervolume would take too long (more than four objectives).
    """
    if not 2 <= len(objectives.metrics) <= 4:
        return []
    allowed = {trial.number for trial in objectives.candidates(comparable(trials, objectives))}
    kept = [(position, t) for position, t in enumerate(trials, start=1) if t.number in allowed]
    if len(kept) < 2:
        return []
    costs = objectives.costs([trial for _, trial in kept])
    reference = reference_point(costs)
    costs = (reference - costs) / np.where(reference > costs.min(axis=0), reference - costs.min(axis=0), 1.0)
    archive: list[NDArray[np.float64]] = []
    changes: list[tuple[int, list[NDArray[np.float64]]]] = []
    for (position, _), row in zip(kept, -costs, strict=True):
        if any(dominates(other, row) or np.array_equal(other, row) for other in archive):
            continue
        archive = [other for other in archive if not dominates(row, other)] + [row]
        changes.append((position, archive))
    steps = np.unique(np.linspace(0, len(changes) - 1, min(_CHECKPOINTS, len(changes))).astype(int))
    volumes = [
        (changes[i][0], hypervolume(np.asarray(changes[i][1]), np.zeros(costs.shape[1]))) for i in steps
    ]
    last = volumes[-1][1]
    return [(position, volume / last) for position, volume in volumes] if last > 0 else []


# -- importance -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OptionScore:
    """How the trials with one option did: mean and standard deviation of the primary metric."""

    option: Value
    count: int
    mean: float
    spread: float


@dataclass(frozen=True)
class Importance:
    """How much of the variance of the primary metric one choice explains by itself.

    Attributes:
        share: adjusted share in [0, 1] (epsilon squared of a one-way analysis of variance).
        chance: the share that 95 % of random shufflings of the metric stay below.
        trials: how many trials it rests on.
        options: what each option that occurred did.
    """

    choice: str
    share: float
    chance: float
    trials: int
    options: tuple[OptionScore, ...]


def importance_rung(trials: Sequence[Trial], objectives: Objectives) -> int | None:
    """The rung with the most measured trials, the higher of equals: importance is computed there."""
    counts = Counter(t.proposal.fidelity.rung for t in _with_primary(trials, objectives))
    return max(counts, key=lambda rung: (counts[rung], rung), default=None)


def importance(
    trials: Sequence[Trial], choices: Sequence[tuple[str, tuple[Value, ...]]], objectives: Objectives
) -> list[Importance]:
    """Importance of every choice that varied, most important first.

    Each choice by itself, over the trials it applies to; the shares do not add up to one. Corrected for the
    number of options as epsilon squared is (Kelley 1935), so that many options with few trials each do not
    look important. Choices with fewer than four trials or one option are left out.
    """
    rung = importance_rung(trials, objectives)
    rows = [t for t in _with_primary(trials, objectives) if t.proposal.fidelity.rung == rung]
    rng = np.random.default_rng(0)
    result = []
    for name, options in choices:
        having = [trial for trial in rows if name in trial.proposal.architecture]
        present = [o for o in options if any(_same(t.proposal.architecture[name], o) for t in having)]
        labels = np.array([_position(t.proposal.architecture[name], present) for t in having], dtype=int)
        values = np.array([t.metrics[objectives.primary.name] for t in having])
        values, labels = values[labels >= 0], labels[labels >= 0]
        if len(values) < 4 or len(present) < 2 or len(values) <= len(present):
            continue
        shuffled = [_explained(rng.permutation(values), labels, len(present)) for _ in range(_SHUFFLES)]
        scores = [
            OptionScore(
                o,
                int((labels == i).sum()),
                float(values[labels == i].mean()),
                float(values[labels == i].std()),
            )
            for i, o in enumerate(present)
        ]
        share = _explained(values, labels, len(present))
        result.append(Importance(name, share, float(np.quantile(shuffled, 0.95)), len(values), tuple(scores)))
    return sorted(result, key=lambda item: -item.share)


def _with_primary(trials: Sequence[Trial], objectives: Objectives) -> list[Trial]:
    name = objectives.primary.name
    return [t for t in trials if t.ok and not t.cached and math.isfinite(t.metrics.get(name, math.nan))]


def _same(a: Value, b: Value) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _position(value: Value, options: Sequence[Value]) -> int:
    return next((i for i, option in enumerate(options) if _same(value, option)), -1)


def _explained(values: NDArray[np.float64], labels: NDArray[np.int_], groups: int) -> float:
    values = values / (float(np.abs(values).max()) or 1.0)
    total = float(((values - values.mean()) ** 2).sum())
    if total <= 1e-24:
        return 0.0
    counts = np.bincount(labels, minlength=groups)
    sums = np.bincount(labels, weights=values, minlength=groups)
    means = sums / np.maximum(counts, 1)
    within = float(((values - means[labels]) ** 2).sum())
    size = len(values)
    return max(0.0, 1 - (within / (size - groups)) / (total / (size - 1)))


# -- the funnel -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RungCount:
    """How many trials entered a rung, how they ended, and how many went on to a higher one."""

    rung: int
    name: str
    amount: float
    unit: str
    entered: int
    promoted: int
    cached: int
    statuses: Mapping[Status, int]


def funnel(trials: Sequence[Trial]) -> list[RungCount]:
    """The rungs, lowest first; refused proposals count apart, since they were never evaluated.

    A trial went on if another continues it, or if its architecture was trained anew on a higher rung.
    """
    result = []
    continued = {trial.proposal.continues for trial in trials}
    anew: dict[str, int] = {}
    for proposal in (trial.proposal for trial in trials if trial.proposal.continues is None):
        anew[_key(proposal)] = max(anew.get(_key(proposal), 0), proposal.fidelity.rung)
    for rung in sorted({trial.proposal.fidelity.rung for trial in trials}):
        here = [trial for trial in trials if trial.proposal.fidelity.rung == rung]
        fidelity = here[0].proposal.fidelity
        statuses = Counter(trial.status for trial in here)
        went_on = [t.number in continued or (t.ok and anew.get(_key(t.proposal), 0) > rung) for t in here]
        result.append(
            RungCount(
                rung=rung,
                name=fidelity.name,
                amount=fidelity.amount,
                unit=fidelity.unit,
                entered=len(here) - statuses[Status.REFUSED],
                promoted=sum(went_on),
                cached=sum(trial.cached for trial in here),
                statuses={status: statuses[status] for status in Status if statuses[status]},
            )
        )
    return result


def _key(proposal: Proposal) -> str:
    return repr(sorted((name, repr(value)) for name, value in proposal.architecture.items()))


@dataclass(frozen=True)
class Failure:
    """Trials that ended the same way for the same reason (numbers in the reason aside)."""

    status: Status
    reason: str
    count: int
    example: int


def failures(trials: Sequence[Trial]) -> list[Failure]:
    """Why trials did not complete, most frequent first, each with the first trial it happened to."""
    groups: dict[tuple[Status, str], list[Trial]] = {}
    for trial in trials:
        if not trial.ok:
            pattern = re.sub(r"\d+(?:[.,]\d+)*", "#", trial.reason)
            groups.setdefault((trial.status, pattern), []).append(trial)
    found = [
        Failure(status, group[0].reason, len(group), group[0].number) for (status, _), group in groups.items()
    ]
    return sorted(found, key=lambda failure: (-failure.count, failure.example))


# -- curves and lineage -----------------------------------------------------------------------------


def full_curve(trial: Trial, by_number: Mapping[int, Trial]) -> Curve:
    """A trial's curve with those of the trials it continued before it; finite values only."""
    points = [point for point in trial.curve if math.isfinite(point[0]) and math.isfinite(point[1])]
    seen = {trial.number}
    earlier = trial.proposal.continues
    while earlier is not None and earlier in by_number and earlier not in seen:
        seen.add(earlier)
        start = points[0][0] if points else math.inf
        before = by_number[earlier].curve
        points = [p for p in before if p[0] < start and math.isfinite(p[1])] + points
        earlier = by_number[earlier].proposal.continues
    return tuple(points)


def top_curves(trials: Sequence[Trial], objectives: Objectives) -> list[tuple[Trial, Curve]]:
    """The curves of the trials that reached the top rung, best score first."""
    rung = max((t.proposal.fidelity.rung for t in trials if t.curve), default=None)
    by_number = {trial.number: trial for trial in trials}
    sign = -1.0 if score_maximized(objectives) else 1.0
    chosen = [t for t in trials if t.curve and t.proposal.fidelity.rung == rung]

    def rank(trial: Trial) -> tuple[float, int]:
        value = score(trial, objectives)
        return (math.inf if value is None else sign * value, trial.number)

    curves = [(trial, full_curve(trial, by_number)) for trial in sorted(chosen, key=rank)]
    return [(trial, curve) for trial, curve in curves if len(curve) > 1]
