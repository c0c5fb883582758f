"""The contract of a search strategy: who is looked at next."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sugata.objectives import Objectives
from sugata.space import SearchSpace
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value


class Start(dict[str, Value]):
    """An architecture to begin a search with, and what the proposal of it gives as its origin."""

    def __init__(self, values: Mapping[str, Value], origin: str) -> None:
        super().__init__(values)
        self.origin = origin


class Strategy(ABC):
    """Proposes trials and learns from finished ones.

    A proposal may depend only on the seed, its own number, the proposals before it and the trials told
    before it was asked for: that makes a recorded run repeatable. Every random draw comes from
    :meth:`generator`. Several proposals may be pending at a time, and trials may be told in any order,
    with any status.

    Attributes:
        repeats: whether what was proposed before may be proposed again, as by a controller that samples from
            its policy. All others propose no architecture twice, by deployment key and fidelity.
    """

    repeats: bool = False

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
    ) -> None:
        """Search ``space`` for ``objectives``; all proposals ask for ``fidelity`` (default: the only one).

        Args:
            starts: architectures to begin with: known good ones, one that meets the limits, incumbents of
                another run.

        Raises:
            InvalidArchitecture: a start is not in the space.
        """
        self.space = space
        self.objectives = objectives
        self.seed = seed
        self.fidelity = fidelity or Fidelity()
        self.starts = tuple(space.architecture(start) for start in starts)
        named = zip(self.starts, starts, strict=True)
        self._origins = {made: start.origin for made, start in named if isinstance(start, Start)}
        self.asked = 0

    def ask(self) -> Proposal | None:
        """The next proposal, numbered in the order of asking.

        None means: tell me more first, or, when nothing is pending, that the search is finished.
        """
        proposal = self._propose(self.asked)
        if proposal is not None:
            self._record(proposal)
        return proposal

    def restore(self, events: Iterable[Proposal | Trial]) -> None:
        """Rebuild the state from recorded proposals and trials, in their order, without drawing anew."""
        for event in events:
            if isinstance(event, Proposal):
                self._record(event)
            else:
                self.tell(event)

    def generator(self, number: int) -> np.random.Generator:
        """Random numbers for the proposal of that number."""
        return np.random.default_rng([self.seed, number])

    def _unseen_start(self, number: int, seen: Seen) -> Proposal | None:
        """The next start that was not proposed, as the proposal of that number."""
        for start in self.starts:
            if start not in seen:
                return Proposal(number, start, self.fidelity, origin=self._origins.get(start, "start"))
        return None

    def _record(self, proposal: Proposal) -> None:
        """Take note of a proposal, drawn or replayed."""
        self.asked = proposal.number + 1
        self._asked_for(proposal)

    @abstractmethod
    def _propose(self, number: int) -> Proposal | None:
        """Draw the proposal of that number, without changing any state."""

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from a finished trial."""

    def _asked_for(self, proposal: Proposal) -> None:  # noqa: B027 - most strategies need only some hooks
        """Change the state as the proposal demands; the only place besides ``tell`` that does."""
