"""Local search: from a random architecture downhill, one change at a time, again and again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value

Move = Literal["best", "first"]
_WEIGHTS = 1  # what a second generator of a trial's number is for


class LocalSearch(Strategy):
    """Hill climbing with restarts (White et al. 2021, algorithm 1; Den Ottelander et al. 2021).

    A climb begins at a random architecture. Its neighbours, which differ in one choice, are evaluated in
    random order, and the climb moves to a better one, until there is none; then another one begins.

    Several objectives: each climb has random weights and minimizes the weighted sum of the costs, scaled by
    their range so far. So the climbs end all along the front; by front and crowding distance all would end
    where the primary metric is best.

    Parallel: workers that would have to wait for the last neighbours draw random architectures, of which the
    best is where the next climb begins. Neighbours that were evaluated in another climb are not again.
    Failed ones are no better than any.

    Args:
        move: to the ``best`` neighbour, when all are known, or to the ``first`` that is better.

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
        move: Move = "first",
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        if move not in get_args(Move):
            raise RecipeError(f"strategy.move is {move!r}; use {', '.join(get_args(Move))}")
        self.move: Move = move
        self._seen = Seen(space)
        self._known: dict[str, Trial] = {}  # trials that can be compared, by deployment key
        self._pending: dict[int, str] = {}  # deployment keys of proposals without a result
        self._bases: dict[str, Trial] = {}  # where a climb may begin: random ones that no climb has begun at
        self._centre: Trial | None = None
        self._neighbours: dict[str, Architecture] = {}  # of the centre
        self._weights = np.ones(len(objectives.metrics))
        self._lowest = np.full(len(objectives.metrics), np.inf)  # of the costs so far
        self._highest = -self._lowest

    # -- the contract -----------------------------------------------------------------------------

    def tell(self, trial: Trial) -> None:
        """Move if the trial, or that nothing else is pending, is a reason to."""
        key = self._pending.pop(trial.number)
        if self.objectives.comparable(trial):
            self._known[key] = trial
            if not trial.proposal.parents:
                self._bases[key] = trial
            costs = self.objectives.costs([trial])[0]
            self._lowest = np.minimum(self._lowest, costs)
            self._highest = np.maximum(self._highest, costs)
        self._climb(key)

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        rng = self.generator(number)
        new = [architecture for architecture in self._neighbours.values() if architecture not in self._seen]
        if self._centre is not None and new:
            neighbour = new[int(rng.integers(len(new)))]
            parents = (self._centre.number,)
            return Proposal(number, neighbour, self.fidelity, origin="neighbor", parents=parents)
        architecture = self._seen.draw(rng)
        if architecture is None:
            return None
        return Proposal(number, architecture, self.fidelity, origin="random")

    def _asked_for(self, proposal: Proposal) -> None:
        self._pending[proposal.number] = self.space.deployment_key(proposal.architecture)
        self._seen.add(proposal.architecture)

    # -- climbing ---------------------------------------------------------------------------------

    def _climb(self, told: str) -> None:
        """Move, or begin another climb, as long as what is known allows it.

        Args:
            told: the key of the trial that has just ended. Before all neighbours are known, only it can be a
                reason to move: known ones would lead every climb to where an earlier one has been.
        """
        while True:
            if self._centre is None:
                if not self._bases or any(start not in self._seen for start in self.starts):
                    return
                self._begin()
            if self._complete():
                self._stand_at(self._better(self._neighbours))
                continue
            better = self._better([told]) if self.move == "first" and told in self._neighbours else None
            if better is None:
                return
            self._stand_at(better)

    def _begin(self) -> None:
        """Begin a climb at the best of the architectures that were not drawn as neighbours."""
        number = next(iter(self._bases.values())).number
        self._weights = self._drawn_weights(number)
        base = min(self._bases.values(), key=self._order)
        del self._bases[self.space.deployment_key(base.architecture)]
        self._stand_at(base)

    def _stand_at(self, trial: Trial | None) -> None:
        """Make it the centre; None ends the climb."""
        self._centre = trial
        neighbours = () if trial is None else self.space.neighbors(trial.architecture)
        self._neighbours = {self.space.deployment_key(neighbour): neighbour for neighbour in neighbours}
        if trial is not None:
            self._neighbours.pop(self.space.deployment_key(trial.architecture), None)

    def _better(self, keys: Iterable[str]) -> Trial | None:
        """The best of these neighbours, as far as they are known, if it is better than the centre."""
        known = [self._known[key] for key in keys if key in self._known]
        best = min(known, key=self._order, default=None)
        if best is None or self._centre is None or self._cost(best) >= self._cost(self._centre):
            return None
        return best

    def _complete(self) -> bool:
        """Whether all neighbours have ended."""
        pending = self._pending.values()
        return all(
            neighbour in self._seen and key not in pending for key, neighbour in self._neighbours.items()
        )

    # -- what is better ---------------------------------------------------------------------------

    def _order(self, trial: Trial) -> tuple[float, int]:
        return self._cost(trial), trial.number

    def _cost(self, trial: Trial) -> float:
        """What this climb minimizes."""
        if self.objectives.fitness is not None:
            return -self.objectives.fitness(trial.metrics)
        costs: NDArray[np.float64] = self.objectives.costs([trial])[0]
        width = self._highest - self._lowest
        return float(self._weights @ ((costs - self._lowest) / np.where(width > 0, width, 1.0)))

    def _drawn_weights(self, number: int) -> NDArray[np.float64]:
        """Weights of a climb, uniform among those that sum to 1."""
        rng = np.random.default_rng([self.seed, number, _WEIGHTS])
        return rng.dirichlet(np.ones(len(self._weights)))
