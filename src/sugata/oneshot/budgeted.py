"""The best network within a budget, found by scores of a trained supernet."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import nn

from sugata.errors import LimitError, RecipeError
from sugata.objectives import Objectives
from sugata.oneshot.elastic import ElasticSupernet
from sugata.space import Architecture
from sugata.strategies import strategy_class
from sugata.tasks import Task
from sugata.trial import TIMED, Status, Trial

_MOST_REFUSED = 1000  # proposals in a row that break a limit


@dataclass(frozen=True)
class Found:
    """The winner of a search on a supernet.

    Attributes:
        architecture: within the limits.
        metrics: its validation scores and the limited costs.
        network: extracted, with weights of its own.
        scored: how many architectures were compared.
    """

    architecture: Architecture
    metrics: Mapping[str, float]
    network: nn.Module
    scored: int


def best_under(
    supernet: ElasticSupernet,
    limits: Mapping[str, float],
    *,
    task: Task | None,
    strategy: str,
    trials: int,
    limit: int | None,
    seed: int,
    exclusive: AbstractContextManager[None],
) -> Found:
    """Search as :meth:`ElasticSupernet.best_under` says; ``limits`` by the names of metrics."""
    task = task or supernet.task
    if task is None:
        raise RecipeError("best_under: the supernet was not trained here; give task=, whose data score")
    evaluator = supernet.evaluator(task, limit)
    found = strategy_class(strategy)(supernet.space, Objectives((task.primary,)), seed=seed)
    within = Within(supernet, limits, exclusive)
    completed: list[Trial] = []
    refused = 0
    while len(completed) < trials and refused < _MOST_REFUSED and (proposal := found.ask()) is not None:
        reason = within(proposal.architecture)
        refused = 0 if reason is None else refused + 1
        if reason is not None:
            found.tell(Trial(proposal, Status.REFUSED, reason=reason))
            continue
        trial = Trial(proposal, Status.COMPLETED, evaluator.score(proposal.architecture))
        completed.append(trial)
        found.tell(trial)
    best = found.objectives.best(completed)
    if best is None:
        raise LimitError(
            f"{supernet.space.name}: none of {refused} architectures is within the limits"
            f" ({within.reason or 'the strategy proposed none'}); loosen them"
        )
    architecture = supernet.space.architecture(best.architecture)
    metrics = {**best.metrics, **within.costs[architecture]}
    return Found(architecture, metrics, supernet.extract(architecture), len(completed))


class Within:
    """Whether an architecture meets upper limits; what can be counted is asked before what is timed."""

    def __init__(
        self,
        supernet: ElasticSupernet,
        limits: Mapping[str, float],
        exclusive: AbstractContextManager[None],
    ) -> None:
        self.supernet, self.limits, self.exclusive = supernet, limits, exclusive
        self.costs: dict[Architecture, dict[str, float]] = {}
        self.reason = ""

    def __call__(self, architecture: Mapping[str, object]) -> str | None:
        """None, or the limit that it breaks."""
        made = self.supernet.space.architecture(architecture)  # type: ignore[arg-type]
        costs: dict[str, float] = self.costs.setdefault(made, {})
        timed = TIMED & self.limits.keys()
        for names in (frozenset(self.limits) - timed, timed):
            if names - costs.keys():
                costs |= self.supernet.costs(made, frozenset(names), self.exclusive)
            for name in sorted(names):
                if costs[name] > self.limits[name]:
                    self.reason = f"{name} {costs[name]:g} is over {self.limits[name]:g}"
                    return self.reason
        return None
