"""Evolutionary search: one class for a scalar fitness and, as NSGA-II, for a Pareto front."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.space.search_space import Crossover
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Status, Trial, Value

_READY = 0.75
_BASELINE_RATE = 0.1
_REMUTATIONS = 20
_RARE_DRAWS = 50


class Evolution(Strategy):
    """A generational evolutionary algorithm that never waits for stragglers.

    The first generation has ``population`` members: the starts, then alternately mutants of them
    (``first_random`` says how much of the generation is random instead) and random architectures, which
    take the options of the space's first choice in turn. Every later one has ``population`` less the
    elites. A parent wins a tournament; ``crossover_rate`` of the children have two parents; then each
    choice mutates with probability ``mutation_rate``.

    Survival: with ``objectives.fitness``, the elites and the newest generation form the next population.
    Without, the best of the old population and the newcomers together do, by front and crowding distance
    (NSGA-II, Deb et al. 2002, section III-C; departure: a generation has 80 % of the population's size as
    children, because the elites are not evaluated again).

    Parallel: generation g + 1 is bred as soon as all of generation g was asked for and 75 % of it told.
    Its parents are fixed then; later results join the next selection. So one worker gives the plain
    generational form, and up to a quarter of the population may be pending without anyone idling.

    Failed, stopped and limit-breaking trials fill a place in their generation but are no parents; refused
    ones are replaced. Without any parent, and where no new child is found, architectures are random. None
    is proposed twice (by deployment key).

    Args:
        population: members of the first generation, and the most parents.
        generations: after so many the search is finished.
        elites: share of the best that always survives, at least one unless it is 0.
        tournament: entrants of a tournament, at most the number of parents.
        crossover: how two parents mix: at one point, at two, or each choice from either.
        crossover_rate: share of children that have two parents.
        mutation_rate: chance of each choice to change.
        first_random: share of the first generation that is random instead of a mutant of a start.
        starts: known good architectures; without any, the whole first generation is random. Those that
            are refused have no mutants: few of them would meet the limits.

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
        population: int = 50,
        generations: int = 100,
        elites: float = 0.2,
        tournament: int = 3,
        crossover: Crossover = "uniform",
        crossover_rate: float = 0.7,
        mutation_rate: float = 0.3,
        first_random: float = 0.5,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        counts = {"population": population, "generations": generations, "tournament": tournament}
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise RecipeError(f"strategy.{name} is {count!r}; give a whole number of at least 1")
        shares = {
            "elites": elites,
            "crossover_rate": crossover_rate,
            "mutation_rate": mutation_rate,
            "first_random": first_random,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise RecipeError(f"strategy.{name} is {share!r}; give a share between 0 and 1")
        if crossover not in get_args(Crossover):
            raise RecipeError(f"strategy.crossover is {crossover!r}; use {', '.join(get_args(Crossover))}")
        self.population = population
        self.generations = generations
        self.elites = min(population, max(1, round(elites * population))) if elites else 0
        self.tournament = tournament
        self.crossover: Crossover = crossover
        self.crossover_rate = crossover_rate
        self.mutation_rate = mutation_rate
        self.first_random = first_random
        self.generation = 0
        self._asked_now = 0  # proposals of this generation, refused ones included
        self._members = 0  # those of them that were not refused
        self._told = 0  # those of them that ended
        self._generation_of: dict[int, int] = {}
        self._seen = Seen(space)
        self._tried: Counter[Value | None] = Counter()  # options of the space's first choice
        self._refused: set[str] = set()
        self._parents: list[Trial] = []  # best first
        self._newcomers: list[Trial] = []  # told since the parents were selected

    # -- the contract -----------------------------------------------------------------------------

    def tell(self, trial: Trial) -> None:
        """Take a finished trial into account, whatever its generation."""
        current = self._generation_of[trial.number] == self.generation
        if trial.status is Status.REFUSED:
            self._refused.add(self.space.deployment_key(trial.proposal.architecture))
            self._members -= current
            return
        self._told += current
        if self.objectives.comparable(trial):
            self._newcomers.append(trial)

    def _propose(self, number: int) -> Proposal | None:
        rng = self.generator(number)
        if not self._complete():
            return (
                self._first(number, rng) if self.generation == 0 else self._bred(number, self._parents, rng)
            )
        if self.generation + 1 == self.generations or self._told < math.ceil(_READY * self._members):
            return None
        return self._bred(number, self._survivors(), rng)

    def _asked_for(self, proposal: Proposal) -> None:
        if self._complete():
            self._parents, self._newcomers = self._survivors(), []
            self.generation += 1
            self._asked_now = self._members = self._told = 0
        self._asked_now += 1
        self._members += 1
        self._generation_of[proposal.number] = self.generation
        self._seen.add(proposal.architecture)
        self._tried[proposal.architecture.get(self.space.choices[0].name)] += 1

    # -- survival ---------------------------------------------------------------------------------

    def _complete(self) -> bool:
        size = self.population if self.generation == 0 else max(1, self.population - self.elites)
        return self._members >= size

    def _survivors(self) -> list[Trial]:
        """The next parents, best first."""
        old_and_new = self._ranked(self._parents + self._newcomers)
        if self.objectives.fitness is None:
            return self._ranked(old_and_new[: self.population])
        newest = {trial.number for trial in self._newcomers}
        rest = sorted(old_and_new[self.elites :], key=lambda trial: trial.number not in newest)
        return self._ranked((old_and_new[: self.elites] + rest)[: self.population])

    def _ranked(self, trials: list[Trial]) -> list[Trial]:
        return [trials[i] for i in self.objectives.order(trials)]

    # -- variation --------------------------------------------------------------------------------

    def _first(self, number: int, rng: np.random.Generator) -> Proposal | None:
        """A member of the first generation."""
        place = self._asked_now - len(self.starts)
        if place < 0:
            baseline = self.starts[place]
            if baseline not in self._seen:
                origin = self._origins.get(baseline, "baseline")
                return Proposal(number, baseline, self.fidelity, origin=origin)
        allowed = [one for one in self.starts if self.space.deployment_key(one) not in self._refused]
        if not allowed or (place >= 0 and not self._is_mutant(place, len(allowed))):
            return self._rare(number, rng)
        baseline = allowed[int(rng.integers(len(allowed)))]
        mutant = self.space.mutate(baseline, rng, _BASELINE_RATE)
        origin = self._origins.get(baseline, "baseline")
        return self._unseen(number, mutant, _BASELINE_RATE, f"{origin} mutation", (), rng)

    def _is_mutant(self, place: int, baselines: int) -> bool:
        """Whether that place after the baselines is for a mutant of one: spread evenly over all places.

        Args:
            baselines: how many there are, without those that were refused.
        """
        places = self.population - baselines
        mutants = round((1 - self.first_random) * self.population) - baselines
        if not baselines or mutants <= 0:
            return False
        return (place + 1) * mutants // places > place * mutants // places

    def _bred(self, number: int, parents: list[Trial], rng: np.random.Generator) -> Proposal | None:
        """A child of parents, which are sorted from best to worst."""
        if not parents:
            return self._fresh(number, rng)
        first = self._winner(parents, rng)
        child = self.space.architecture(first.proposal.architecture)
        origin, numbers = "mutation", [first.number]
        others = [trial for trial in parents if trial is not first]
        if others and rng.random() < self.crossover_rate:
            second = self._winner(others, rng)
            child = self.space.crossover(child, second.proposal.architecture, rng, self.crossover)
            origin, numbers = "crossover", [first.number, second.number]
        if rng.random() >= (1 - self.mutation_rate) ** len(child):  # mutate() changes at least one choice
            child = self.space.mutate(child, rng, self.mutation_rate)
        return self._unseen(number, child, self.mutation_rate, origin, tuple(numbers), rng)

    def _winner(self, parents: list[Trial], rng: np.random.Generator) -> Trial:
        entrants = rng.choice(len(parents), size=min(self.tournament, len(parents)), replace=False)
        return parents[int(entrants.min())]

    def _unseen(
        self,
        number: int,
        child: Architecture,
        rate: float,
        origin: str,
        parents: tuple[int, ...],
        rng: np.random.Generator,
    ) -> Proposal | None:
        """Propose the child; while it was before, mutated ever more strongly; at last a random one."""
        for attempt in range(_REMUTATIONS + 1):
            if child not in self._seen:
                return Proposal(number, child, self.fidelity, origin=origin, parents=parents)
            mutant = self.space.mutate(child, rng, rate + (1 - rate) * attempt / _REMUTATIONS)
            if mutant == child:  # it has no valid mutant
                break
            child = mutant
        return self._fresh(number, rng)

    def _rare(self, number: int, rng: np.random.Generator) -> Proposal | None:
        """A random one with the option of the space's first choice that was proposed least so far.

        A first generation of a few would otherwise miss some of the options that matter most.
        """
        first = self.space.choices[0]
        least = min(self._tried[option] for option in first.options)
        proposal = self._fresh(number, rng)
        for _ in range(_RARE_DRAWS):
            if proposal is None or self._tried[proposal.architecture.get(first.name)] == least:
                break
            proposal = self._fresh(number, rng)
        return proposal

    def _fresh(self, number: int, rng: np.random.Generator) -> Proposal | None:
        architecture = self._seen.draw(rng)
        if architecture is None:
            return None
        return Proposal(number, architecture, self.fidelity, origin="random")
