"""Optuna's samplers behind the contract of a strategy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, Choice, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value

try:
    from optuna import samplers
    from optuna.distributions import BaseDistribution, IntDistribution
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, TrialState

    from sugata.strategies.optuna_study import Categories, Sketch, frozen, quiet
except ImportError as error:
    raise RecipeError(
        f"field 'strategy.kind': optuna needs the extra hpo ({error}); pip install 'sugata[hpo]'"
    ) from error

Sampler = Literal["tpe", "gp", "nsga2", "nsga3", "cmaes", "qmc", "random"]
_TRIES = 5
_REPAIRS = 200
_MUTATIONS = 20
_MOST_SEED = 2**31


@dataclass(frozen=True)
class _Drawn:
    """What a sampler wants next, and what it wants to remember."""

    architecture: Architecture | None  # None: nothing is left
    origin: str
    trial_attributes: Mapping[str, Any]
    study_attributes: Mapping[str, Any]


class OptunaSearch(Strategy):
    """Search with one of the samplers of Optuna (Akiba et al. 2019).

    ``tpe`` (Bergstra et al. 2011; several objectives: Ozaki et al. 2022), ``gp`` (a Gaussian process with
    expected improvement of value or hypervolume), ``nsga2`` (Deb et al. 2002), ``nsga3`` (Deb & Jain 2014),
    ``cmaes`` (Hansen & Ostermeier 2001; one objective), ``qmc`` (a scrambled Sobol sequence), ``random``.

    Choices are suggested one by one, those alone that apply. Ordered ones are integers, the positions of
    their options, to the samplers, others categories. ``cmaes`` moves ordered choices that always apply;
    what a sampler cannot model (conditional choices in ``gp``, all others in ``cmaes``) is drawn by ``tpe``.

    Where the constraints do not allow what was drawn, or it was proposed before, the sampler is asked again;
    after five times the architecture is repaired by as few changes as possible, then mutated until it is new.
    At last it is random. So proposals are not always what the sampler wanted (their origin says so), but
    it learns from them as they are, in canonical form.

    Trials that failed, were refused or break a limit are ``pruned`` to Optuna: ``tpe`` counts them among the
    bad ones, other samplers ignore them. Pending ones: ``tpe`` takes them for bad (a constant liar), ``gp``
    integrates over what they may be, the others do not look at them.

    Every proposal is drawn by a new sampler, seeded by its number, over the study of the trials before. What
    samplers store in a study (the distribution of ``cmaes``, generations, positions in a sequence) is not in
    the journal: when a run is resumed, these samplers draw again what they drew, and get the same.

    Args:
        sampler: tpe, gp, nsga2, nsga3, cmaes, qmc or random.
        startup: tpe, gp: random architectures before the model is used.
        population: nsga2, nsga3: the size of a generation.

    Raises:
        RecipeError: an option is out of its range, or the sampler does not suit the space or objectives.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        sampler: Sampler = "tpe",
        startup: int = 10,
        population: int = 50,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        if sampler not in get_args(Sampler):
            raise RecipeError(f"strategy.sampler is {sampler!r}; use {', '.join(get_args(Sampler))}")
        for name, value, least in (("startup", startup, 1), ("population", population, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise RecipeError(f"strategy.{name} is {value!r}; give a whole number of at least {least}")
        self.sampler = sampler
        self.startup = startup
        self.population = population
        self._directions = _directions(objectives)
        self._distributions = {choice.name: self._distribution(choice) for choice in space.choices}
        self._options = {choice.name: choice.options for choice in space.choices}
        if sampler == "cmaes":
            self._check_cmaes()
        self._keeps_attributes = sampler in ("nsga2", "nsga3", "cmaes", "qmc")
        self._trials: list[FrozenTrial] = []  # by number
        self._attributes: Mapping[str, Any] = {}
        self._seen = Seen(space)
        self._events = 0
        self._last: tuple[tuple[int, int], _Drawn] | None = None  # so that asking does not draw twice

    # -- the contract -----------------------------------------------------------------------------

    def tell(self, trial: Trial) -> None:
        """Put a finished trial into the study."""
        self._events += 1
        asked = self._trials[trial.number]
        comparable = self.objectives.comparable(trial)
        self._trials[trial.number] = frozen(
            trial.number,
            TrialState.COMPLETE if comparable else TrialState.PRUNED,
            asked.params,
            asked.distributions,
            asked.system_attrs,
            self._values(trial) if comparable else None,
        )

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        drawn = self._drawn(number)
        if drawn.architecture is None:
            return None
        return Proposal(number, drawn.architecture, self.fidelity, origin=drawn.origin)

    def _asked_for(self, proposal: Proposal) -> None:
        attributes: Mapping[str, Any] = {}
        if self._keeps_attributes:
            drawn = self._drawn(proposal.number)
            attributes, self._attributes = drawn.trial_attributes, drawn.study_attributes
        self._events += 1
        known = self.space.canonical(proposal.architecture)
        self._trials.append(
            frozen(
                proposal.number,
                TrialState.RUNNING,
                {name: self._external(name, value) for name, value in known.items()},
                {name: self._distributions[name] for name in known},
                attributes,
            )
        )
        self._seen.add(proposal.architecture)

    # -- drawing ----------------------------------------------------------------------------------

    def _drawn(self, number: int) -> _Drawn:
        """What the sampler wants as the proposal of that number; changes nothing that matters."""
        place = (number, self._events)
        if self._last is None or self._last[0] != place:
            with quiet():
                self._last = place, self._draw(self.generator(number))
        return self._last[1]

    def _draw(self, rng: np.random.Generator) -> _Drawn:
        attributes = self._attributes
        valid: Architecture | None = None
        for _ in range(1 if self.sampler == "gp" else _TRIES):  # the best of a model remains its best
            sketch = Sketch(self._directions, self._trials, attributes)
            values = self._suggested(sketch, self._sampler(int(rng.integers(_MOST_SEED))))
            attributes = sketch.attributes
            assert sketch.trial is not None
            kept = sketch.trial.system_attrs, attributes
            try:
                valid = self.space.architecture(values)
            except InvalidArchitecture:
                continue
            if valid not in self._seen:
                return _Drawn(valid, self.sampler, *kept)
        origin = "mutation"
        valid = valid or self._repaired(values, rng)
        found = None if valid is None else self._near(valid, rng)
        if found is None:
            found, origin = self._seen.draw(rng), "random"
        return _Drawn(found, origin, *kept)

    def _suggested(self, sketch: Sketch, sampler: samplers.BaseSampler) -> dict[str, Value]:
        """A value for every choice that applies."""
        trial = sketch.ask(sampler)
        values: dict[str, Value] = {}
        for choice in self.space.choices:
            if not choice.applies(values):
                continue
            distribution = self._distributions[choice.name]
            value = trial._suggest(choice.name, distribution)  # suggest_* would make another distribution
            position = value if isinstance(distribution, IntDistribution) else choice.options.index(value)
            values[choice.name] = choice.options[position]
        return values

    def _repaired(self, values: Mapping[str, Value], rng: np.random.Generator) -> Architecture | None:
        """A valid architecture that differs from the values in few choices; None where that is not found."""
        for attempt in range(_REPAIRS):
            changed: dict[str, Value] = {**{c.name: _any(c, rng) for c in self.space.choices}, **values}
            for i in rng.permutation(len(self.space.choices))[: 1 + attempt * 4 // _REPAIRS]:
                choice = self.space.choices[int(i)]
                changed[choice.name] = _any(choice, rng)
            try:
                return self.space.architecture(changed)
            except InvalidArchitecture:
                continue
        return None

    def _near(self, architecture: Architecture, rng: np.random.Generator) -> Architecture | None:
        """The architecture or a mutant of it that was not proposed; None where that is not found."""
        for attempt in range(_MUTATIONS):
            if architecture not in self._seen:
                return architecture
            architecture = self.space.mutate(architecture, rng, attempt / _MUTATIONS)
        return None

    # -- what Optuna needs ------------------------------------------------------------------------

    def _sampler(self, seed: int) -> samplers.BaseSampler:
        tpe = samplers.TPESampler(seed=seed, n_startup_trials=self.startup, constant_liar=True)
        sequence = int(self.generator(0).integers(_MOST_SEED))  # one for the whole run
        made: Mapping[str, Callable[[], samplers.BaseSampler]] = {
            "tpe": lambda: tpe,
            "gp": lambda: samplers.GPSampler(
                seed=seed, n_startup_trials=self.startup, independent_sampler=tpe
            ),
            "nsga2": lambda: samplers.NSGAIISampler(seed=seed, population_size=self.population),
            "nsga3": lambda: samplers.NSGAIIISampler(seed=seed, population_size=self.population),
            "cmaes": lambda: samplers.CmaEsSampler(seed=seed, independent_sampler=tpe),
            "qmc": lambda: samplers.QMCSampler(
                scramble=True, seed=sequence, independent_sampler=samplers.RandomSampler(seed)
            ),
            "random": lambda: samplers.RandomSampler(seed),
        }
        return made[self.sampler]()

    def _distribution(self, choice: Choice) -> BaseDistribution:
        """How Optuna sees a choice. To CMA-ES conditional ones are categories: its dimensions are fixed."""
        if choice.ordered and not (self.sampler == "cmaes" and choice.when):
            return IntDistribution(0, len(choice.options) - 1)
        return Categories(choice.options)

    def _external(self, name: str, value: Value) -> Value:
        """A choice's value as Optuna records it."""
        if not isinstance(self._distributions[name], IntDistribution):
            return value
        return self._options[name].index(value)

    def _values(self, trial: Trial) -> list[float]:
        if self.objectives.fitness is not None:
            return [float(self.objectives.fitness(trial.metrics))]
        return [float(trial.metrics[metric.name]) for metric in self.objectives.metrics]

    def _check_cmaes(self) -> None:
        if len(self._directions) > 1:
            names = ", ".join(metric.name for metric in self.objectives.metrics)
            raise RecipeError(
                f"strategy.sampler cmaes has one objective, not {names}; name one, give a fitness, or use"
                " tpe, gp, nsga2 or nsga3"
            )
        moved = [
            name
            for name, known in self._distributions.items()
            if isinstance(known, IntDistribution) and not known.single()
        ]
        if len(moved) < 2:
            raise RecipeError(
                f"strategy.sampler cmaes needs two ordered choices that always apply; {self.space.name} has"
                f" {len(moved)}: use tpe or gp"
            )


def _directions(objectives: Objectives) -> list[StudyDirection]:
    if objectives.fitness is not None:
        return [StudyDirection.MAXIMIZE]
    known = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}
    return [known[metric.direction] for metric in objectives.metrics]


def _any(choice: Choice, rng: np.random.Generator) -> Value:
    return choice.options[int(rng.integers(len(choice.options)))]
