"""The funnel: many architectures trained a little, the better ones longer, the best in full."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sugata.errors import RecipeError
from sugata.strategies.base import Strategy
from sugata.strategies.inner import Inner
from sugata.strategies.rungs import Level, Ranking, check_ladder, promotion
from sugata.trial import Fidelity, Proposal, Status, Trial


@dataclass(frozen=True)
class Rung:
    """One step of the funnel, and who goes on from it.

    Attributes:
        fidelity: how much training, counted from its start: a promotion adds the difference.
        keep: the top share that goes on; None lets all go on that pass the threshold.
        threshold: what the primary metric must reach to go on.
        capacity: the most trials of this rung, refused ones not counted; None is unlimited.
    """

    fidelity: Fidelity
    keep: float | None = None
    threshold: float | None = None
    capacity: int | None = None


CLASSIFICATION: tuple[Rung, ...] = (
    Rung(Fidelity(0, "small", 5, "epochs", samples=1_000), threshold=0.3),
    Rung(Fidelity(1, "medium", 10, "epochs", samples=10_000), threshold=0.6),
    Rung(Fidelity(2, "full", 20, "epochs", samples=100_000)),
)
"""The method's defaults for classification; the thresholds are accuracies."""

LANGUAGE: tuple[Rung, ...] = (
    Rung(Fidelity(0, "small", 2e6, "tokens"), keep=1 / 3),
    Rung(Fidelity(1, "medium", 8e6, "tokens"), keep=1 / 3),
    Rung(Fidelity(2, "full", 32e6, "tokens")),
)
"""Top shares for language models, to be used with ``by="bits_per_byte"``; a recipe sets its own amounts."""


class Funnel(Strategy):
    """Runs any strategy on the lowest rung and promotes its better trials, rung by rung.

    Promotion is asynchronous as in ASHA (Li et al. 2020, algorithm 2): a trial goes on as soon as it is
    in the top share of those told so far on its rung and passes its threshold; the highest rung comes
    first, and new architectures are only asked for when no promotion is due. So a search that is stopped
    by the clock has filled its upper rungs.

    Departures. A rung may have a capacity. Then never more than the share go on from the rung below, so
    that the first do not use up the places (ASHA promotes more: whoever was in the top share once). Once
    a rung can get no more trials, the best that remain are promoted until the capacity of the next rung
    is used (without one: its share, at least one trial); this waits for pending trials only while they
    could still take the last places. So a share below the ratio of the capacities keeps places for the
    best of all. Failed trials count as the worst of their rung; they, and those that miss the threshold
    or break a limit, never go on.

    The inner strategy sees consecutive numbers of its own and the results of the lowest rung only.

    Args:
        inner: proposes architectures; its space, objectives and seed are used.
        rungs: from the cheapest to the full fidelity.
        by: what the share is the top of: the name of an objective, ``fitness``, or ``pareto`` (fronts and
            crowding; with a fitness, that).

    Raises:
        RecipeError: the rungs or ``by`` contradict themselves.
    """

    def __init__(self, inner: Strategy, rungs: Sequence[Rung], *, by: str = "pareto") -> None:
        super().__init__(inner.space, inner.objectives, seed=inner.seed)
        _check(rungs)
        self.inner = inner
        self.rungs = tuple(rungs)
        self.repeats = inner.repeats
        self._ranking = Ranking(inner.objectives, by)
        self._within = Inner(inner)
        self._levels = [Level() for _ in rungs]

    # -- the contract -----------------------------------------------------------------------------

    def tell(self, trial: Trial) -> None:
        """Rank a finished trial on its rung, and pass it on to the inner strategy if it is the lowest."""
        level = self._levels[trial.proposal.fidelity.rung]
        level.pending -= 1
        if trial.status is Status.REFUSED:
            level.asked -= 1
        else:
            level.told += 1
            if self._ranking.has_place_for(trial):
                self._ranking.insert(level.ranked, trial)
        self._within.tell(trial)

    def _propose(self, number: int) -> Proposal | None:
        due = self._promotion(number, lowest_closed=self._full(0))
        if due is not None or self._full(0):
            return due
        drawn = self._within.propose(number, self.rungs[0].fidelity)
        if drawn is None and self._levels[0].pending == 0:
            return self._promotion(number, lowest_closed=True)
        return drawn

    def _asked_for(self, proposal: Proposal) -> None:
        rung = proposal.fidelity.rung
        self._levels[rung].asked += 1
        self._levels[rung].pending += 1
        if proposal.continues is None:
            self._within.record(proposal)
        else:
            self._levels[rung - 1].promoted.add(proposal.continues)

    # -- who goes on ------------------------------------------------------------------------------

    def _promotion(self, number: int, lowest_closed: bool) -> Proposal | None:
        """The promotion that is due, from the highest rung that has one."""
        due: list[Trial | None] = []
        closed = lowest_closed
        for rung in range(len(self.rungs) - 1):
            best = None if self._full(rung + 1) else self._due(rung, closed)
            due.append(best)
            level = self._levels[rung]
            closed = self._full(rung + 1) or (closed and level.pending == 0 and best is None)
        for rung, trial in reversed(list(enumerate(due))):
            if trial is not None:
                return promotion(number, trial, self.rungs[rung + 1].fidelity)
        return None

    def _due(self, rung: int, closed: bool) -> Trial | None:
        """The best trial of that rung that may go on now; ``closed``: the rung gets no more trials."""
        level = self._levels[rung]
        waiting = (i for i, trial in enumerate(level.ranked) if self._may_go_on(rung, trial))
        best = next(waiting, None)
        if best is None:
            return None
        if best < self._share(rung, closed) and self._in_pace(rung):
            return level.ranked[best]
        capacity = self.rungs[rung + 1].capacity
        if closed and capacity is not None and level.pending < capacity - self._levels[rung + 1].asked:
            return level.ranked[best]
        return None

    def _share(self, rung: int, closed: bool) -> float:
        """How many of the rung's best may go on, whatever the capacity of the next."""
        keep = self.rungs[rung].keep
        if keep is None:
            return math.inf if self.rungs[rung].threshold is not None else 0
        share = math.floor(keep * self._levels[rung].told + 1e-9)
        finished = closed and self._levels[rung].pending == 0
        return max(1, share) if finished else share

    def _in_pace(self, rung: int) -> bool:
        """Whether one more may go on now, or the next rung's places have to last for trials to come."""
        own, next_capacity = self.rungs[rung], self.rungs[rung + 1].capacity
        if next_capacity is None:
            return True
        rate = own.keep if own.keep is not None else next_capacity / (own.capacity or next_capacity)
        return self._levels[rung + 1].asked < math.floor(rate * self._levels[rung].told + 1e-9)

    def _may_go_on(self, rung: int, trial: Trial) -> bool:
        if trial.number in self._levels[rung].promoted:
            return False
        threshold, primary = self.rungs[rung].threshold, self.objectives.primary
        return threshold is None or primary.cost(trial.metrics[primary.name]) <= primary.cost(threshold)

    def _full(self, rung: int) -> bool:
        capacity = self.rungs[rung].capacity
        return capacity is not None and self._levels[rung].asked >= capacity


def _check(rungs: Sequence[Rung]) -> None:
    check_ladder([rung.fidelity for rung in rungs])
    for position, rung in enumerate(rungs):
        name = f"funnel.{position}"
        if rung.keep is not None and not 0 < rung.keep <= 1:
            raise RecipeError(f"{name}.keep is {rung.keep}; give a share above 0 and at most 1")
        if rung.threshold is not None and not math.isfinite(rung.threshold):
            raise RecipeError(f"{name}.threshold is {rung.threshold}; give a value of the primary metric")
        if rung.capacity is not None and rung.capacity < 1:
            raise RecipeError(f"{name}.capacity is {rung.capacity}; give at least 1, or leave it out")
        if position == 0:
            continue
        lower = rungs[position - 1]
        if lower.keep is None and lower.threshold is None and rung.capacity is None:
            raise RecipeError(
                f"funnel.{position - 1} says nothing of who goes on; set keep, threshold,"
                " or the capacity of the next rung"
            )
