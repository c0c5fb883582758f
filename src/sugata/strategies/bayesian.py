"""Bayesian optimization with Gaussian processes on structural features of architectures."""

from collections.abc import Mapping, Sequence

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.strategies.surrogate.acquisition import targets
from sugata.strategies.surrogate.guide import Guide
from sugata.trial import Fidelity, Proposal, Trial, Value

_FEWEST = 2  # results without which there is nothing to model


class BayesianSearch(Strategy):
    """Proposes where Gaussian processes expect the largest improvement.

    The first proposals are random. Then, at every ask, processes with several kernels and noises are fitted
    to all results, and their expected improvements averaged by marginal likelihood: see
    :mod:`sugata.strategies.surrogate`. Kernels compare the choices of architectures and, where the space has
    graphs, their neighbourhoods, paths and sizes; NASBOT (Kandasamy et al. 2018) and NAS-BOWL (Ru et al.
    2021) compare graphs by other kernels. The same kernels are offered to every space.

    In a space of at most 20,000 different architectures every unseen one is a candidate; in a larger one,
    mutants of the best ten and a hundred random ones.

    Pending proposals count as observed at their predicted mean. Several objectives are scalarized, with
    other weights at every ask (ParEGO, Knowles 2006). Trials that were refused, failed or break a limit are
    learned by a process of their own, and expected improvements multiplied by the probability of success.

    Finished when nothing new can be proposed.

    Args:
        first: how many random proposals come before the first guided one.

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
        first: int = 5,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        if isinstance(first, bool) or not isinstance(first, int) or first < 1:
            raise RecipeError(f"strategy.first is {first!r}; give a whole number of at least 1")
        self.first = first
        self._seen = Seen(space)
        self._pending: dict[int, Architecture] = {}
        self._ended: list[Trial] = []  # in the order in which they were told
        self._guide: Guide | None = None

    def tell(self, trial: Trial) -> None:
        """Take a finished trial into account."""
        self._pending.pop(trial.number)
        self._ended.append(trial)

    def _asked_for(self, proposal: Proposal) -> None:
        architecture = self.space.architecture(proposal.architecture)
        self._seen.add(architecture)
        self._pending[proposal.number] = architecture

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        rng = self.generator(number)
        good = [trial for trial in self._ended if self.objectives.comparable(trial)]
        if number < self.first or len(good) < _FEWEST:
            drawn = self._seen.draw(rng)
            return None if drawn is None else Proposal(number, drawn, self.fidelity, origin="random")
        if self._guide is None:
            self._guide = Guide(self.space)
        worth = dict(zip((t.number for t in good), targets(good, self.objectives, rng), strict=True))
        ended = [self.space.architecture(trial.architecture) for trial in self._ended]
        values = [worth.get(trial.number) for trial in self._ended]
        chosen = self._guide.choose(ended, values, list(self._pending.values()), self._seen, rng)
        return None if chosen is None else Proposal(number, chosen, self.fidelity, origin="surrogate")
