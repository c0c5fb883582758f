"""Regularized evolution: the oldest die, not the worst."""

from collections.abc import Mapping, Sequence

import numpy as np

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Status, Trial, Value

_MOST_KNOWN = 20  # children in a row that are known already, before one is looked for further away
_MOST_STEPS = 50


class RegularizedEvolution(Strategy):
    """Aging evolution (Real et al. 2019, algorithm 1): the best of a random sample has one mutant.

    The first ``population`` architectures are random. Then, for each child, ``tournament`` members of the
    population are drawn, and the best of them is mutated in one choice. The child joins the population when
    its result is known, and the oldest member leaves, however good.

    Several objectives: the best of the sample is the one on the best non-dominated front of the population,
    then the least crowded (Deb et al. 2002, section III); age alone decides who leaves.

    A child that was evaluated before is not proposed again: it joins the population at once with its known
    result, as if it had been trained again, and the next child is bred. After 20 such children, the parent's
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
        self._known: dict[str, Trial] = {}  # trials that can be compared, by deployment key
        self._members: list[Trial] = []  # oldest first

    def tell(self, trial: Trial) -> None:
        """Let a trial that can be compared join the population; the oldest member makes room."""
        if trial.status is Status.REFUSED and not trial.proposal.parents:
            self._first -= 1
        if self.objectives.comparable(trial):
            self._known[self.space.deployment_key(trial.architecture)] = trial
            self._members = self._joined(self._members, trial)

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        rng = self.generator(number)
        if self._first < self.population or not self._members:
            return self._random(number, rng)
        child, parent, _ = self._bred(rng)
        if child is None:
            return self._random(number, rng)
        return Proposal(number, child, self.fidelity, origin="mutation", parents=(parent.number,))

    def _asked_for(self, proposal: Proposal) -> None:
        if proposal.parents:  # those that joined on the way to this child, drawn as they were then
            _, _, self._members = self._bred(self.generator(proposal.number))
        self._first += not proposal.parents
        self._seen.add(proposal.architecture)

    def _bred(self, rng: np.random.Generator) -> tuple[Architecture | None, Trial, list[Trial]]:
        """A child that was never proposed, its parent, and the population with all that joined before."""
        members = self._members
        for _ in range(_MOST_KNOWN):
            parent = self._winner(members, rng)
            child = self._mutant(parent.architecture, rng)
            if child not in self._seen:
                return child, parent, members
            known = self._known.get(self.space.deployment_key(child))
            if known is not None:  # neither pending nor failed
                members = self._joined(members, known)
        for _ in range(_MOST_STEPS):
            child = self._mutant(child, rng)
            if child not in self._seen:
                return child, parent, members
        return None, parent, members

    def _winner(self, members: list[Trial], rng: np.random.Generator) -> Trial:
        """The best of a sample of the population."""
        drawn = rng.permutation(len(members))[: self.tournament]
        sample = set(drawn.tolist())
        return members[next(place for place in self.objectives.order(members) if place in sample)]

    def _mutant(self, architecture: Mapping[str, Value], rng: np.random.Generator) -> Architecture:
        return self.space.mutate(architecture, rng, 0.0)  # one choice

    def _joined(self, members: list[Trial], trial: Trial) -> list[Trial]:
        return [*members, trial][-self.population :]

    def _random(self, number: int, rng: np.random.Generator) -> Proposal | None:
        architecture = self._seen.draw(rng)
        if architecture is None:
            return None
        return Proposal(number, architecture, self.fidelity, origin="random")
