"""What all strategies with a surrogate share: random proposals first, then guided ones."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.strategies.surrogate.acquisition import targets
from sugata.strategies.surrogate.results import Results
from sugata.trial import Fidelity, Proposal, Trial, Value

_FEWEST = 2  # results without which there is nothing to model


class SurrogateSearch(Strategy):
    """Proposes at random, then what :meth:`_guided` chooses.

    Args:
        first: how many proposals, starts included, come before the first guided one.

    Raises:
        RecipeError: ``first`` is below 1.
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
        first: int = 5,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        self.first = at_least_one("first", first)
        self._seen = Seen(space)
        self._pending: dict[int, Architecture] = {}
        self._ended: list[Trial] = []  # in the order in which they were told
        self._architectures: list[Architecture] = []  # theirs
        self._good: list[int] = []  # positions in ``_ended`` of those that can be compared

    def tell(self, trial: Trial) -> None:
        """Take a finished trial into account."""
        if self.objectives.comparable(trial):
            self._good.append(len(self._ended))
        self._ended.append(trial)
        self._architectures.append(self._pending.pop(trial.number))

    def _asked_for(self, proposal: Proposal) -> None:
        architecture = self.space.architecture(proposal.architecture)
        self._seen.add(architecture)
        self._pending[proposal.number] = architecture

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        rng = self.generator(number)
        if number < self.first or len(self._good) < _FEWEST:
            drawn = self._seen.draw(rng)
            return None if drawn is None else Proposal(number, drawn, self.fidelity, origin="random")
        chosen = self._guided(self._results(rng), rng)
        return None if chosen is None else Proposal(number, chosen, self.fidelity, origin="surrogate")

    def _results(self, rng: np.random.Generator) -> Results:
        good = [self._ended[i] for i in self._good]
        return Results(
            tuple(self._architectures),
            tuple(self._good),
            targets(good, self.objectives, rng),
            tuple(self._pending.values()),
            self._seen,
        )

    @abstractmethod
    def _guided(self, results: Results, rng: np.random.Generator) -> Architecture | None:
        """The next architecture; None where all have been proposed."""


def at_least_one(name: str, value: int) -> int:
    """The option's value.

    Raises:
        RecipeError: it is no whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RecipeError(f"strategy.{name} is {value!r}; give a whole number of at least 1")
    return value
