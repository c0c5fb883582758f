"""Random search: the baseline that every other strategy has to beat."""

from collections.abc import Mapping, Sequence, Set
from itertools import islice

import numpy as np

from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.trial import Fidelity, Proposal, Trial, Value

_DRAWS = 200
_WALK = 50_000


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
        self._seen: set[str] = set()

    def tell(self, trial: Trial) -> None:
        """Random search learns nothing."""

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        architecture = draw_unseen(self.space, self._seen, self.generator(number))
        if architecture is None:
            return None
        return Proposal(number, architecture, self.fidelity, origin="random")

    def _asked_for(self, proposal: Proposal) -> None:
        self._seen.add(self.space.deployment_key(proposal.architecture))


def draw_unseen(space: SearchSpace, seen: Set[str], rng: np.random.Generator) -> Architecture | None:
    """Draw an architecture whose deployment key is not in ``seen``; None when the space is exhausted.

    After 200 draws of seen ones little can be left: then the space is walked in order, as far as its first
    50,000 architectures.
    """
    for _ in range(_DRAWS):
        architecture = space.sample(rng)
        if space.deployment_key(architecture) not in seen:
            return architecture
    walk = islice(space.enumerate(), _WALK)
    return next((found for found in walk if space.deployment_key(found) not in seen), None)
