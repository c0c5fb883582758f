"""Synchronous successive halving, and Hyperband, which repeats it from different rungs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sugata.errors import RecipeError
from sugata.strategies.base import Strategy
from sugata.strategies.inner import Inner
from sugata.strategies.rungs import Ranking, check_eta, check_ladder, promotion
from sugata.trial import Fidelity, Proposal, Status, Trial


@dataclass
class _Bracket:
    """One tournament: so many begin on a rung, and of each rung one in eta goes on.

    Attributes:
        start: the rung on which architectures begin.
        size: how many begin.
        rung: the rung that is evaluated now.
        asked: trials on it, those that were refused not counted.
        pending: those of them that were not told.
        ranked: those of them that ended and can be compared, best first.
        waiting: trials of the rung below that will go on to it.
    """

    start: int
    size: int
    rung: int
    asked: int = 0
    pending: int = 0
    ranked: list[Trial] = field(default_factory=list)
    waiting: list[Trial] = field(default_factory=list)


class Halving(Strategy):
    """Successive halving, one bracket after the other; a rung ends before the next begins.

    The common part of :class:`SuccessiveHalving` and :class:`Hyperband`. While a rung has pending trials
    and no more to ask for, ``ask`` returns None. A refused trial is replaced; failed ones and those that
    break a limit are the worst of their rung and never go on; where all fail, the bracket ends. Where the
    inner strategy has nothing more to propose, a bracket goes on with those that it has.

    Args:
        inners: a strategy for each rung that brackets begin on, from the lowest rung; they take turns.
        sizes: with how many architectures the brackets of each begin.
        ladder: the fidelities, from the cheapest to the full one.
        eta: one of so many goes on.
        by: what ranks a rung: the name of an objective, ``fitness``, or ``pareto``.

    Raises:
        RecipeError: the ladder, ``eta`` or ``by`` cannot be used.
    """

    def __init__(
        self,
        inners: Sequence[Strategy],
        sizes: Sequence[int],
        ladder: Sequence[Fidelity],
        *,
        eta: int,
        by: str,
    ) -> None:
        super().__init__(inners[0].space, inners[0].objectives, seed=inners[0].seed)
        self.inners = tuple(inners)
        self.sizes = tuple(sizes)
        self.ladder = tuple(ladder)
        self.repeats = len(inners) > 1 or inners[0].repeats
        self.eta = eta
        self._ranking = Ranking(self.objectives, by)
        self._within = [Inner(inner) for inner in inners]
        self._bracket = self._begun(0)

    def tell(self, trial: Trial) -> None:
        """Rank a finished trial, and let its inner strategy learn it if it began on this rung."""
        bracket = self._bracket
        bracket.pending -= 1
        if trial.status is Status.REFUSED:
            bracket.asked -= 1
        elif self._ranking.has_place_for(trial):
            self._ranking.insert(bracket.ranked, trial)
        if trial.proposal.continues is None:
            self._within[bracket.start].tell(trial)
        if bracket.pending == 0 and bracket.asked >= self._places(bracket):
            self._bracket = self._next(bracket)

    def _propose(self, number: int) -> Proposal | None:
        bracket = self._bracket
        if bracket.waiting:
            return promotion(number, bracket.waiting[0], self.ladder[bracket.rung])
        if bracket.asked < self._places(bracket):
            drawn = self._within[bracket.start].propose(number, self.ladder[bracket.start])
            if drawn is not None:
                return drawn
        if bracket.pending:
            return None
        # The inner strategy has nothing more: the bracket goes on with those that it has.
        following = self._next(bracket)
        if following.waiting:
            return promotion(number, following.waiting[0], self.ladder[following.rung])
        for turn in range(len(self._within)):
            start = (following.start + turn) % len(self._within)
            drawn = self._within[start].propose(number, self.ladder[start])
            if drawn is not None:
                return drawn
        return None

    def _asked_for(self, proposal: Proposal) -> None:
        rung = proposal.fidelity.rung
        if proposal.continues is not None:
            if rung != self._bracket.rung:
                self._bracket = self._next(self._bracket)
            self._bracket.waiting.pop(0)
        else:
            if rung != self._bracket.start or self._bracket.asked >= self._places(self._bracket):
                self._bracket = self._begun(rung)
            self._within[rung].record(proposal)
        self._bracket.asked += 1
        self._bracket.pending += 1

    def _begun(self, start: int) -> _Bracket:
        return _Bracket(start, self.sizes[start], start)

    def _places(self, bracket: _Bracket) -> int:
        """How many trials the rung gets."""
        if bracket.rung == bracket.start:
            return bracket.size
        return bracket.asked + len(bracket.waiting)

    def _next(self, bracket: _Bracket) -> _Bracket:
        """The bracket on its next rung, or, where none goes on, the next bracket."""
        size = bracket.asked if bracket.rung == bracket.start else bracket.size
        rung = bracket.rung + 1
        if rung < len(self.ladder) and bracket.ranked:
            going_on = max(1, size // self.eta ** (rung - bracket.start))
            return _Bracket(bracket.start, size, rung, waiting=bracket.ranked[:going_on])
        return self._begun((bracket.start + 1) % len(self._within))


class SuccessiveHalving(Halving):
    """A rung is evaluated whole, then its best 1/eta go on to the next, until the top; then anew.

    Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
    figure 1, with the rungs of Li et al. 2018 (algorithm 1, the inner loop): the ladder says how much
    training each rung gives, instead of a budget that is shared out over the rungs.

    Departures: new architectures come from any strategy, not from random search alone, which sees the
    results of the lowest rung only; brackets are repeated until the budget of the search ends.

    Args:
        inner: proposes architectures; its space, objectives and seed are used.
        ladder: the fidelities, from the cheapest to the full one; at least two.
        eta: one of so many goes on.
        initial: how many a bracket begins with; None is eta^(rungs - 1), of which one reaches the top.
        by: what ranks a rung: the name of an objective, ``fitness``, or ``pareto``.

    Raises:
        RecipeError: a parameter cannot be used; names it.
    """

    def __init__(
        self,
        inner: Strategy,
        ladder: Sequence[Fidelity],
        *,
        eta: int = 3,
        initial: int | None = None,
        by: str = "pareto",
    ) -> None:
        _check(ladder, eta)
        least = eta ** (len(ladder) - 1)
        if initial is not None and initial < least:
            raise RecipeError(
                f"promotion.initial is {initial}; with eta {eta} give at least {least}, so that one of them"
                f" reaches the top of {len(ladder)} rungs"
            )
        super().__init__([inner], [initial or least], ladder, eta=eta, by=by)
        self.inner = inner


class Hyperband(Halving):
    """Successive halving from every rung in turn: from many architectures trained little to a few in full.

    Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", algorithm 1:
    with ``m`` rungs, a bracket that passes through ``s + 1`` of them begins with
    ``ceil(m / (s + 1) x eta^s)`` architectures. Brackets cost about the same where each rung's amount is
    eta times that of the rung below.

    Departures: new architectures come from any strategy. Results of different rungs cannot be compared, so
    the brackets that begin on one rung have a strategy of their own, as every fidelity has a population of
    its own in DEHB (Awad et al. 2021). Their draws are independent, and may meet an architecture again that
    another bracket has evaluated on that rung: a search answers that without an evaluation and free.

    Args:
        inners: proposes architectures, a strategy for each rung that brackets begin on, from the lowest.
        ladder: the fidelities, from the cheapest to the full one; at least two.
        eta: one of so many goes on.
        by: what ranks a rung: the name of an objective, ``fitness``, or ``pareto``.

    Raises:
        RecipeError: a parameter cannot be used; names it.
    """

    def __init__(
        self, inners: Sequence[Strategy], ladder: Sequence[Fidelity], *, eta: int = 3, by: str = "pareto"
    ) -> None:
        _check(ladder, eta)
        if not 1 <= len(inners) <= len(ladder):
            raise RecipeError(
                f"promotion.brackets is {len(inners)}; give at least 1 and at most {len(ladder)}, as many as"
                " there are rungs"
            )
        sizes = bracket_sizes(len(ladder), eta)[: len(inners)]
        super().__init__(inners, sizes, ladder, eta=eta, by=by)


def bracket_sizes(rungs: int, eta: int) -> list[int]:
    """With how many architectures Hyperband's brackets begin, by the rung they begin on."""
    return [-(-rungs * eta ** (rungs - 1 - start) // (rungs - start)) for start in range(rungs)]


def _check(ladder: Sequence[Fidelity], eta: int) -> None:
    check_ladder(ladder)
    check_eta(eta)
    if len(ladder) < 2:
        raise RecipeError("funnel has one rung; successive halving and hyperband need at least two")
