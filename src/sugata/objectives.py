"""What better means: limits, scalar fitness, and Pareto fronts over trials.

Inside, everything is a cost: an array ``(trials, objectives)`` where smaller is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sugata.errors import RecipeError
from sugata.trial import Metric, Trial

Costs = NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """A hard upper bound on a metric; nothing above it is evaluated or kept."""

    metric: str
    maximum: float

    def allows(self, metrics: Mapping[str, float]) -> bool:
        """Whether the metric is within the bound; a metric that was not measured is allowed."""
        return metrics.get(self.metric, -np.inf) <= self.maximum


class Fitness(Protocol):
    """One number for a trial's metrics, larger is better."""

    @property
    def counted(self) -> tuple[str, ...]:
        """The metrics that it needs."""

    def __call__(self, metrics: Mapping[str, float]) -> float: ...


@dataclass(frozen=True)
class WeightedFitness:
    """``w_q quality + w_s (1 - size / size target) + w_l (1 - latency / latency target)``.

    The method's defaults: 0.5 accuracy + 0.3 (1 - size/500 MB) + 0.2 (1 - latency/100 ms).
    """

    quality: str = "accuracy"
    quality_weight: float = 0.5
    size: str = "size_bytes"
    size_weight: float = 0.3
    size_target: float = 500e6
    latency: str = "latency_ms"
    latency_weight: float = 0.2
    latency_target: float = 100.0

    @property
    def counted(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return self.quality, self.size, self.latency

    def __call__(self, metrics: Mapping[str, float]) -> float:
        """The fitness; raises KeyError where a metric is missing."""
        return (
            self.quality_weight * metrics[self.quality]
            + self.size_weight * (1 - metrics[self.size] / self.size_target)
            + self.latency_weight * (1 - metrics[self.latency] / self.latency_target)
        )


@dataclass(frozen=True)
class MnasNetReward:
    """``accuracy x (latency / target) ^ w`` (Tan et al. 2019, equations 2 and 3).

    ``w`` is ``below`` while the latency is within the target and ``above`` beyond it; the paper's soft
    constraint has both at -0.07, its hard one 0 and -1.
    """

    quality: str = "accuracy"
    latency: str = "latency_ms"
    target: float = 10.0
    below: float = -0.07
    above: float = -0.07

    @property
    def counted(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return self.quality, self.latency

    def __call__(self, metrics: Mapping[str, float]) -> float:
        """The reward; raises KeyError where a metric is missing."""
        latency = metrics[self.latency]
        exponent = self.below if latency <= self.target else self.above
        return metrics[self.quality] * float((latency / self.target) ** exponent)


@dataclass(frozen=True)
class Objectives:
    """What a search optimizes.

    Attributes:
        metrics: the objectives; the first is the primary one, which names the winner; those after it break
            ties. On rungs where some are not measured yet the others compare.
        limits: hard upper bounds.
        fitness: a scalar to rank by; None ranks by Pareto dominance and crowding.
    """

    metrics: tuple[Metric, ...]
    limits: tuple[Limit, ...] = ()
    fitness: Fitness | None = None

    def __post_init__(self) -> None:
        names = [metric.name for metric in self.metrics]
        if not names or len(set(names)) != len(names):
            raise RecipeError(f"objectives are {names}; name at least one metric, none twice")

    @property
    def primary(self) -> Metric:
        """The metric that names the winner."""
        return self.metrics[0]

    def on(self, rung: int) -> "Objectives":
        """What trials of a rung are compared by: without the objectives that are measured higher up only."""
        measured = tuple(metric for metric in self.metrics if metric.rung <= rung)
        return replace(self, metrics=measured) if 0 < len(measured) < len(self.metrics) else self

    def costs(self, trials: Sequence[Trial]) -> Costs:
        """Costs of completed trials, ``(trials, objectives)``, all minimized.

        Of the objectives that are measured on the lowest of their rungs.
        """
        lowest = min((trial.proposal.fidelity.rung for trial in trials), default=None)
        metrics = self.metrics if lowest is None else self.on(lowest).metrics
        rows = [[metric.cost(trial.metrics[metric.name]) for metric in metrics] for trial in trials]
        return np.asarray(rows, dtype=np.float64).reshape(len(trials), len(metrics))

    @property
    def scalar(self) -> bool:
        """Whether one number ranks all trials."""
        return self.fitness is not None or len(self.metrics) == 1

    def reward(self, trial: Trial) -> float:
        """A comparable trial in one number, larger is better: its fitness, or else its primary metric."""
        if self.fitness is not None:
            return self.fitness(trial.metrics)
        return -self.primary.cost(trial.metrics[self.primary.name])

    def allows(self, trial: Trial) -> bool:
        """Whether a trial completed and breaks no limit."""
        return trial.ok and all(limit.allows(trial.metrics) for limit in self.limits)

    def comparable(self, trial: Trial) -> bool:
        """Whether a trial can be ranked: allowed, its rung's objectives and fitness are finite numbers."""
        if not self.allows(trial):
            return False
        metrics = self.on(trial.proposal.fidelity.rung).metrics
        if not all(np.isfinite(trial.metrics.get(metric.name, np.nan)) for metric in metrics):
            return False
        if self.fitness is None:
            return True
        try:
            return bool(np.isfinite(self.fitness(trial.metrics)))
        except (KeyError, ArithmeticError):
            return False

    def order(self, trials: Sequence[Trial]) -> list[int]:
        """Positions of trials, all of them comparable, from best to worst.

        By fitness if there is one; else by front, then crowding distance (Deb et al. 2002, NSGA-II),
        then the primary metric. With a single objective that is its order.
        """
        if self.fitness is not None:
            values = [self.fitness(trial.metrics) for trial in trials]
            return sorted(range(len(trials)), key=lambda i: (-values[i], trials[i].number))
        costs = self.costs(trials)
        if costs.shape[1] == 1:
            return sorted(range(len(trials)), key=lambda i: (costs[i, 0], trials[i].number))
        rank = np.zeros(len(trials), dtype=int)
        spread = np.zeros(len(trials))
        for level, front in enumerate(non_dominated_fronts(costs)):
            rank[front] = level
            spread[front] = crowding_distance(costs[front])
        return sorted(range(len(trials)), key=lambda i: (rank[i], -spread[i], costs[i, 0], trials[i].number))

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The winner: the first of those allowed on the highest rung."""
        return next(iter(self.ranked(self.candidates(trials))), None)

    def ranked(self, trials: Sequence[Trial]) -> list[Trial]:
        """Comparable trials of one rung as winners are named, best first: by fitness, or by the objectives.

        The primary metric decides, the next ones where it is equal, at last who came first.
        """
        if self.fitness is not None:
            return [trials[i] for i in self.order(trials)]
        costs = self.costs(trials)
        return [trials[i] for i in sorted(range(len(trials)), key=lambda i: (*costs[i], trials[i].number))]

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """The Pareto front of those allowed on the highest rung, best primary metric first."""
        candidates = self.candidates(trials)
        if not candidates:
            return []
        costs = self.costs(candidates)
        front = non_dominated_fronts(costs)[0]
        return [candidates[i] for i in sorted(front, key=lambda i: (*costs[i], candidates[i].number))]

    def candidates(self, trials: Sequence[Trial]) -> list[Trial]:
        """Comparable trials of the highest rung that any of them reached."""
        allowed = [trial for trial in trials if self.comparable(trial)]
        top = max((trial.proposal.fidelity.rung for trial in allowed), default=0)
        return [trial for trial in allowed if trial.proposal.fidelity.rung == top]


def dominates(a: Costs, b: Costs) -> bool:
    """Whether costs ``a`` are nowhere worse and somewhere better than ``b``."""
    return bool(np.all(a <= b) and np.any(a < b))


def non_dominated_fronts(costs: Costs) -> list[list[int]]:
    """Sort ``(trials, objectives)`` into fronts: the first is dominated by none, and so on.

    The fast non-dominated sort of NSGA-II (Deb et al. 2002, section III-A).
    """
    beats = _domination(costs)
    dominators = beats.sum(axis=0)  # of each trial, among those not yet in a front
    fronts = []
    while (front := np.flatnonzero(dominators == 0)).size:
        fronts.append([int(i) for i in front])
        dominators -= beats[front].sum(axis=0)
        dominators[front] = -1
    return fronts


def _domination(costs: Costs) -> NDArray[np.bool_]:
    """``(trials, trials)``: whether the row's trial dominates the column's."""
    no_worse = np.ones((len(costs), len(costs)), dtype=bool)
    better = np.zeros_like(no_worse)
    for column in costs.T:
        no_worse &= column[:, None] <= column[None, :]
        better |= column[:, None] < column[None, :]
    return no_worse & better


def crowding_distance(costs: Costs) -> NDArray[np.float64]:
    """How alone each point of one front is (Deb et al. 2002, section III-B); infinite at the ends."""
    count, objectives = costs.shape
    distance = np.zeros(count)
    for column in range(objectives):
        order = np.argsort(costs[:, column], kind="stable")
        values = costs[order, column]
        width = values[-1] - values[0]
        distance[order[0]] = distance[order[-1]] = np.inf
        if width > 0 and count > 2:
            distance[order[1:-1]] += (values[2:] - values[:-2]) / width
    return distance


def hypervolume(costs: Costs, reference: NDArray[np.float64]) -> float:
    """The volume that the points dominate below ``reference``, exact, by slicing the last objective.

    Args:
        costs: ``(points, objectives)``; points not below the reference add nothing.
        reference: ``(objectives,)``, worse than every point of interest.
    """
    points = costs[np.all(costs < reference, axis=1)]
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(reference[0] - points.min())
    if points.shape[1] == 2:
        return _area(points, reference)
    points = points[np.argsort(points[:, -1], kind="stable")]
    ends = np.append(points[1:, -1], reference[-1])
    return float(
        sum(
            (ends[i] - points[i, -1]) * hypervolume(points[: i + 1, :-1], reference[:-1])
            for i in range(len(points))
            if ends[i] > points[i, -1]
        )
    )


def _area(points: Costs, reference: NDArray[np.float64]) -> float:
    points = points[np.lexsort((points[:, 1], points[:, 0]))]
    lowest = np.minimum.accumulate(points[:, 1])
    widths = np.append(points[1:, 0], reference[0]) - points[:, 0]
    return float(np.sum(widths * (reference[1] - lowest)))
