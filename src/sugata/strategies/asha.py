"""ASHA: asynchronous successive halving."""

from collections.abc import Sequence

from sugata.strategies.base import Strategy
from sugata.strategies.inner import Inner
from sugata.strategies.rungs import Level, Ranking, check_eta, check_ladder, promotion
from sugata.trial import Fidelity, Proposal, Status, Trial


class Asha(Strategy):
    """Promotes whoever is in the top 1/eta of those told so far on its rung, and never waits.

    The asynchronous successive halving algorithm (Li et al. 2020, "A System for Massively Parallel
    Hyperparameter Tuning", algorithm 2): a free worker gets the promotion that is due on the highest rung,
    else a new architecture on the lowest. A promotion that later results prove wrong is not undone.

    Departures: new architectures come from any strategy, not from random search alone, which sees the
    results of the lowest rung only; failed trials and those that break a limit count as the worst of their
    rung. Refused trials do not count. Finished when the inner strategy is and nothing is due.

    Args:
        inner: proposes architectures; its space, objectives and seed are used.
        ladder: the fidelities, from the cheapest to the full one.
        eta: one of so many goes on.
        by: what ranks a rung: the name of an objective, ``fitness``, or ``pareto``.

    Raises:
        RecipeError: the ladder, ``eta`` or ``by`` cannot be used.
    """

    def __init__(
        self, inner: Strategy, ladder: Sequence[Fidelity], *, eta: int = 3, by: str = "pareto"
    ) -> None:
        super().__init__(inner.space, inner.objectives, seed=inner.seed)
        check_ladder(ladder)
        check_eta(eta)
        self.inner = inner
        self.ladder = tuple(ladder)
        self.repeats = inner.repeats
        self.eta = eta
        self._ranking = Ranking(inner.objectives, by)
        self._within = Inner(inner)
        self._levels = [Level() for _ in ladder]

    def tell(self, trial: Trial) -> None:
        """Rank a finished trial on its rung, and pass it on to the inner strategy if it is the lowest."""
        if trial.status is not Status.REFUSED:
            level = self._levels[trial.proposal.fidelity.rung]
            level.told += 1
            if self._ranking.has_place_for(trial):
                self._ranking.insert(level.ranked, trial)
        self._within.tell(trial)

    def _propose(self, number: int) -> Proposal | None:
        for level, upper in reversed(list(zip(self._levels, self.ladder[1:], strict=False))):
            for trial in level.ranked[: level.told // self.eta]:
                if trial.number not in level.promoted:
                    return promotion(number, trial, upper)
        return self._within.propose(number, self.ladder[0])

    def _asked_for(self, proposal: Proposal) -> None:
        if proposal.continues is None:
            self._within.record(proposal)
        else:
            self._levels[proposal.fidelity.rung - 1].promoted.add(proposal.continues)
