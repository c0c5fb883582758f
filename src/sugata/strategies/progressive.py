"""Progressive spaces: a strategy begins in a small space and carries what it found into larger ones."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace, translated
from sugata.strategies.base import Start, Strategy
from sugata.trial import Proposal, Status, Trial, Value

Make = Callable[[SearchSpace, Sequence[Mapping[str, Value]]], Strategy]

_READY = 0.75
_MOST_REFUSED = 100  # in a row; a search ends after twice as many
_SAMPLES = 20


class Progressive(Strategy):
    """Searches a sequence of spaces, each a part of the next, with the same strategy.

    To the run there is one space, the last. A proposal of a smaller one is completed with the defaults of
    the choices that are missing there, and its origin names the space.

    The next space is begun when its predecessor has had its number of trials (refused ones not counted) and
    three quarters of them are told, when nothing is left there, or when a hundred in a row were refused.
    The strategy there is a new one that takes note of all trials so far, as if it had asked for them itself:
    so an evolution begins with the population that it had, a model with all observations, and nothing is
    evaluated twice. What is still pending is told to it when it ends.

    Liu et al. 2018 ("Progressive Neural Architecture Search") grow the architectures themselves, block by
    block, under a surrogate; here options are added, and any strategy looks.

    Args:
        spaces: from the smallest to the whole one.
        trials: how many each of the spaces but the last gets at most.
        make: makes the strategy in a space, given the architectures to begin with there.
        starts: architectures of the whole space; in the smaller ones those of them that exist there.

    Raises:
        RecipeError: a space is not part of the next; names the choice.
    """

    def __init__(
        self,
        spaces: Sequence[SearchSpace],
        trials: Sequence[int],
        make: Make,
        objectives: Objectives,
        *,
        seed: int = 0,
        starts: Sequence[Mapping[str, Value]] = (),
    ) -> None:
        super().__init__(spaces[-1], objectives, seed=seed, starts=starts)
        for position, (smaller, larger) in enumerate(pairwise(spaces)):
            _check_part(f"field 'space.{position}':", smaller, larger)
        self.spaces = tuple(spaces)
        self.trials = tuple(trials)
        self._make = make
        self._given = tuple(starts)
        self._events: list[Proposal | Trial] = []
        self._stage = 0
        self._asked = self._told = self._pending = self._refused_in_a_row = 0
        self._ready: tuple[int, int, Strategy] | None = None
        inners = [self._made(stage) for stage in range(len(spaces))]  # what one cannot do is said at once
        self.inner = inners[0]
        self.repeats = self.inner.repeats

    # -- the contract -----------------------------------------------------------------------------

    def tell(self, trial: Trial) -> None:
        """Let the strategy of the present space learn the trial, of whatever space."""
        self._events.append(trial)
        self._pending -= 1
        refused = trial.status is Status.REFUSED
        self._refused_in_a_row = self._refused_in_a_row + 1 if refused else 0
        if self._stage_of(trial.proposal) == self._stage:
            self._asked -= refused
            self._told += not refused
        self.inner.tell(self._trial_within(trial, self._stage))

    def _propose(self, number: int) -> Proposal | None:
        stage, inner = self._stage, self.inner
        if self._enough():
            if self._told < _READY * self._asked:
                return None
            stage, inner = stage + 1, self._begun(stage + 1)
        while True:
            drawn = inner._propose(number)
            if drawn is not None:
                return self._of_the_run(drawn, stage)
            if stage + 1 == len(self.spaces) or self._pending:
                return None
            stage, inner = stage + 1, self._begun(stage + 1)

    def _asked_for(self, proposal: Proposal) -> None:
        stage = self._stage_of(proposal)
        if stage != self._stage:
            self.inner, self._stage = self._begun(stage), stage
            self._asked = self._told = self._refused_in_a_row = 0
            self._ready = None
        self._events.append(proposal)
        self._asked += 1
        self._pending += 1
        self.inner._record(self._within(proposal, stage))

    # -- from space to space ----------------------------------------------------------------------

    def _enough(self) -> bool:
        """Whether the present space has had its trials."""
        if self._stage + 1 == len(self.spaces):
            return False
        return self._asked >= self.trials[self._stage] or self._refused_in_a_row >= _MOST_REFUSED

    def _made(self, stage: int) -> Strategy:
        """The strategy in a space, with the starts that exist there."""
        starts: list[Mapping[str, Value]] = []
        for given, start in zip(self._given, self.starts, strict=True):
            within = _narrowed(start, self.spaces[stage])
            if within is not None and translated(within, self.space) == start:
                starts.append(Start(within, given.origin) if isinstance(given, Start) else within)
        return self._make(self.spaces[stage], starts)

    def _begun(self, stage: int) -> Strategy:
        """The strategy in a later space, which knows all that happened; made once between two events."""
        if self._ready is None or self._ready[:2] != (stage, len(self._events)):
            made = self._made(stage)
            for event in self._events:
                if isinstance(event, Proposal):
                    made._record(self._within(event, stage))
                else:
                    made.tell(self._trial_within(event, stage))
            self._ready = stage, len(self._events), made
        return self._ready[2]

    def _stage_of(self, proposal: Proposal) -> int:
        named = (i for i in range(len(self.trials)) if proposal.origin.endswith(self._mark(i)))
        return next(named, len(self.spaces) - 1)

    def _mark(self, stage: int) -> str:
        """What the origin of a smaller space's proposals ends with."""
        return f" in space {stage + 1} of {len(self.spaces)}"

    def _of_the_run(self, drawn: Proposal, stage: int) -> Proposal:
        """A proposal of a space's strategy as one of the run."""
        if stage + 1 == len(self.spaces):
            return drawn
        whole = translated(drawn.architecture, self.space)
        return replace(drawn, architecture=whole, origin=drawn.origin + self._mark(stage))

    def _within(self, proposal: Proposal, stage: int) -> Proposal:
        """A proposal of the run, of this or a smaller space, as one of the space's strategy."""
        if stage + 1 == len(self.spaces):
            return proposal
        within = _narrowed(proposal.architecture, self.spaces[stage])
        assert within is not None
        origin = proposal.origin.removesuffix(self._mark(self._stage_of(proposal)))
        return replace(proposal, architecture=within, origin=origin)

    def _trial_within(self, trial: Trial, stage: int) -> Trial:
        return replace(trial, proposal=self._within(trial.proposal, stage))


def _narrowed(architecture: Mapping[str, Value], space: SearchSpace) -> Architecture | None:
    """An architecture of a larger space in a smaller one; None where it is not there."""
    known = {choice.name for choice in space.choices}
    try:
        return space.architecture({name: value for name, value in architecture.items() if name in known})
    except InvalidArchitecture:
        return None


def in_part(proposal: Proposal) -> bool:
    """Whether a proposal came from one of the smaller spaces."""
    return re.search(r" in space \d+ of \d+$", proposal.origin) is not None


def shared_out(trials: int, spaces: int) -> list[int]:
    """How many trials each space but the last gets: an equal part of all."""
    return [math.ceil(trials / spaces)] * (spaces - 1)


def _check_part(field: str, smaller: SearchSpace, larger: SearchSpace) -> None:
    """Make sure that every architecture of the smaller space is one of the larger."""
    where = f"{field} {smaller.name} is not part of the next, {larger.name}:"
    there = {choice.name: choice for choice in larger.choices}
    for choice in smaller.choices:
        if choice.name not in there:
            raise RecipeError(f"{where} that has no choice {choice.name!r}; order spaces from small to large")
        for option in choice.options:
            if there[choice.name].option(option) is None:
                raise RecipeError(
                    f"{where} {choice.name}={option!r} is no option there; order spaces from small to large"
                )
    rng = np.random.default_rng(0)
    for _ in range(_SAMPLES):
        drawn = smaller.sample(rng)
        try:
            back = _narrowed(translated(drawn, larger), smaller)
        except InvalidArchitecture as error:
            raise RecipeError(f"{where} {error}") from error
        if back is None or dict(back) != dict(drawn):
            raise RecipeError(f"{where} {dict(drawn)} is another architecture there")
