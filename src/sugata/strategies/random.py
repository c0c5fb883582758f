"""Random search: the baseline that every other strategy has to beat."""

from collections.abc import Mapping, Sequence

from sugata.objectives import Objectives
from sugata.space import SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value


class RandomSearch(Strategy):
    """Draws uniformly among the valid architectures, none twice (Bergstra & Bengio 2012).

    Finished when nothing new can be drawn.
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
        """Random search learns nothing."""

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        architecture = self._seen.draw(self.generator(number))
        if architecture is None:
            return None
        return Proposal(number, architecture, self.fidelity, origin="random")

    def _asked_for(self, proposal: Proposal) -> None:
        self._seen.add(proposal.architecture)
