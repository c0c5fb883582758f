"""Architectures that were found elsewhere, one after the other."""

from collections.abc import Mapping, Sequence

from sugata.objectives import Objectives
from sugata.space import SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value


class Listed(Strategy):
    """Proposes its starts in their order, and is finished then.

    What a one-shot method derives is tried so: in the same journal and on the same rungs as anything else.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        self._seen = Seen(space)

    def tell(self, trial: Trial) -> None:
        """A list learns nothing."""

    def _propose(self, number: int) -> Proposal | None:
        return self._unseen_start(number, self._seen)

    def _asked_for(self, proposal: Proposal) -> None:
        self._seen.add(proposal.architecture)
