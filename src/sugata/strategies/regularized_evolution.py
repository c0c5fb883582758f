"""Regularized evolution: the oldest die, not the worst."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Status, Trial, Value

_MOST_KNOWN = 10  # children in a row that are known already, before one is looked for further away
_MOST_STEPS = 50


class _Bred(NamedTuple):
    """A child that was never proposed, if one was found, its parent, and the population after that."""

    child: Architecture | None
    parent: Trial
    members: list[Trial]


class RegularizedEvolution(Strategy):
    """Aging evolution (Real et al. 2019, algorithm 1): the best of a random sample has one mutant.

    The first ``population`` architectures are random. Then, for each child, ``tournament`` members of the
    population are drawn, and the best of them is mutated in one choice. The child joins the population when
    its result is known, and the oldest member leaves, however good.

    Several objectives: the best of the sample is the one on the best non-dominated front of the population,
    then the least crowded (Deb et al. 2002, section III); age alone decides who leaves.

    A child that was evaluated before is not proposed again: it joins the population at once with its known
    result, as if it had been trained again, and the next child is bred. After 10 such children, the parent's
    mutant is mutated again and again until it is something new.

    Departures. The sample is drawn without replacement. Failed trials do not join the population. Parallel:
    children are bred from whatever is known, at least one member, and join in the order of telling. The
    paper's second mutation, of connections, is the same as the first here: both are choices.

    Args:
        population: members; older ones have left.
        tournament: how many are drawn for each child: the paper's sample size.

    Raises:
        RecipeError: a parameter is out of its range.
        InvalidArchitecture: a start is not in the space.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        population: int = 20,
        tournament: int = 10,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        for name, count in {"population": population, "tournament": tournament}.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise RecipeError(f"strategy.{name} is {count!r}; give a whole number of at least 1")
        self.population = population
        self.tournament = tournament
        self._first = 0  # proposals of the first generation, refused ones not counted
        self._seen = Seen(space)
        self._known: dict[str, Trial | None] = {}  # by deployment key; None: pending, or cannot be compared
        self._rewards: dict[int, tuple[float, int]] = {}  # of trials that can be compared; the elder first
        self._members: list[Trial] = []  # oldest first
        self._last_bred: tuple[int, _Bred] | None = None  # for that number, since the last tell

    def tell(self, trial: Trial) -> None:
        """Let a trial that can be compared join the population; the oldest member makes room."""
        self._last_bred = None
        if trial.status is Status.REFUSED and not trial.proposal.parents:
            self._first -= 1
        if self.objectives.comparable(trial):
            self._known[self.space.deployment_key(trial.architecture)] = trial
            self._rewards[trial.number] = self.objectives.reward(trial), -trial.number
            self._members = self._joined(self._members, trial)

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        bred = self._bred(number) if self._first >= self.population and self._members else None
        if bred is None or bred.child is None:
            drawn = self._seen.draw(self.generator(number))
            return None if drawn is None else Proposal(number, drawn, self.fidelity, origin="random")
        parents = (bred.parent.number,)
        return Proposal(number, bred.child, self.fidelity, origin="mutation", parents=parents)

    def _asked_for(self, proposal: Proposal) -> None:
        if proposal.parents:  # those that joined on the way to this child, drawn as they were then
            self._members = self._bred(proposal.number).members
        self._first += not proposal.parents
        self._seen.add(proposal.architecture)
        self._known[self.space.deployment_key(proposal.architecture)] = None

    def _bred(self, number: int) -> _Bred:
        """What is bred for that number, from the population as it is."""
        if self._last_bred is None or self._last_bred[0] != number:
            self._last_bred = number, self._breed(self.generator(number))
        return self._last_bred[1]

    def _breed(self, rng: np.random.Generator) -> _Bred:
        members = self._members
        for _ in range(_MOST_KNOWN):
            parent = self._winner(members, rng)
            child, key = self._mutant(parent.architecture, rng)
            if key not in self._known:
                return _Bred(child, parent, members)
            known = self._known[key]
            if known is not None:
                members = self._joined(members, known)
        for _ in range(_MOST_STEPS):
            child, key = self._mutant(child, rng)
            if key not in self._known:
                return _Bred(child, parent, members)
        return _Bred(None, parent, members)

    def _winner(self, members: list[Trial], rng: np.random.Generator) -> Trial:
        """The best of a sample of the population."""
        sample: list[int] = rng.permutation(len(members))[: self.tournament].tolist()
        if self.objectives.scalar:
            return max((members[place] for place in sample), key=lambda trial: self._rewards[trial.number])
        return members[next(place for place in self.objectives.order(members) if place in sample)]

    def _mutant(
        self, architecture: Mapping[str, Value], rng: np.random.Generator
    ) -> tuple[Architecture, str]:
        """With one choice changed, and its deployment key."""
        mutant = self.space.mutate(architecture, rng, 0.0)
        return mutant, self.space.deployment_key(mutant)

    def _joined(self, members: list[Trial], trial: Trial) -> list[Trial]:
        return [*members, trial][-self.population :]
