"""What everything that promotes trials from rung to rung has in common: the ladder, and who is better."""

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.trial import Fidelity, Proposal, Trial


@dataclass
class Level:
    """The state of one rung.

    Attributes:
        asked: trials, those that were refused not counted.
        pending: trials that were not told.
        told: ended trials, those that were refused not counted.
        ranked: those of them that can be compared, best first.
        promoted: numbers of those that went on.
    """

    asked: int = 0
    pending: int = 0
    told: int = 0
    ranked: list[Trial] = field(default_factory=list)
    promoted: set[int] = field(default_factory=set)


class Ranking:
    """The order of the trials of one rung.

    Args:
        by: the name of an objective, ``fitness``, or ``pareto`` (fronts and crowding; with a fitness, that).

    Raises:
        RecipeError: there is no such objective.
    """

    def __init__(self, objectives: Objectives, by: str = "pareto") -> None:
        names = [metric.name for metric in objectives.metrics]
        names += ["pareto"] if objectives.fitness is None else ["pareto", "fitness"]
        if by not in names:
            raise RecipeError(f"promote_by is {by!r}; use {', '.join(names)}")
        self.objectives = objectives
        self._metric = next((metric for metric in objectives.metrics if metric.name == by), None)

    def has_place_for(self, trial: Trial) -> bool:
        """Whether a trial can be compared: completed, within the limits, with finite numbers."""
        if self._metric is None:
            return self.objectives.comparable(trial)
        needed = (self._metric.name, self.objectives.primary.name)
        return self.objectives.allows(trial) and all(
            math.isfinite(trial.metrics.get(name, math.nan)) for name in needed
        )

    def insert(self, ranked: list[Trial], trial: Trial) -> None:
        """Put a trial into its place among others, which are sorted from best to worst."""
        key = self._key()
        if key is not None:
            bisect.insort(ranked, trial, key=key)
            return
        ranked.append(trial)
        ranked[:] = [ranked[i] for i in self.objectives.order(ranked)]

    def _key(self) -> Callable[[Trial], tuple[float, int]] | None:
        """What trials are sorted by; None where that is not one number."""
        fitness, metric = self.objectives.fitness, self._metric
        if metric is None and fitness is not None:
            return lambda trial: (-fitness(trial.metrics), trial.number)
        if metric is None and len(self.objectives.metrics) > 1:
            return None
        chosen = metric or self.objectives.primary
        return lambda trial: (chosen.cost(trial.metrics[chosen.name]), trial.number)


def promotion(number: int, trial: Trial, fidelity: Fidelity) -> Proposal:
    """The proposal that goes on with a trial at a higher fidelity."""
    return Proposal(
        number,
        trial.proposal.architecture,
        fidelity,
        continues=trial.number,
        origin="promotion",
        parents=(trial.number,),
    )


def check_ladder(fidelities: Sequence[Fidelity]) -> None:
    """Make sure that rungs are numbered from 0 and that each gives more than the one below.

    Raises:
        RecipeError: they do not.
    """
    if not fidelities:
        raise RecipeError("funnel is empty; give at least one rung")
    for position, fidelity in enumerate(fidelities):
        if fidelity.rung != position:
            raise RecipeError(
                f"funnel.{position}.fidelity.rung is {fidelity.rung}; number rungs 0, 1, 2 in order"
            )
    for position, (lower, upper) in enumerate(pairwise(fidelities), start=1):
        larger = upper.channels > lower.channels or upper.cells > lower.cells  # trains anew
        more = upper.amount > lower.amount or (larger and upper.amount == lower.amount)
        if lower.unit == upper.unit and not more:
            raise RecipeError(
                f"funnel.{position}.amount is {upper.amount:g}; give more than the"
                f" {lower.amount:g} of the rung below"
            )


def check_eta(eta: int) -> None:
    """Make sure that fewer go on than were there.

    Raises:
        RecipeError: they do not.
    """
    if isinstance(eta, bool) or not isinstance(eta, int) or eta < 2:
        raise RecipeError(f"promotion.eta is {eta!r}; give a whole number of at least 2")
