"""Weights trained path by path, and the evaluator that scores architectures with them."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot.base import sampled
from sugata.oneshot.fitting import DERIVE, TrainedMethod
from sugata.oneshot.scores import best_scored
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.trial import Value


class SinglePath(TrainedMethod):
    """Trains a random path a step (Guo et al. 2020), or every option once (FairNAS, Chu et al. 2021).

    Args:
        settings: of the weights.
        sampling: ``uniform``: a path a step, each option of each decision equally likely. ``fair``: in a
            step, as many paths as a decision has options, in which each option is taken once (strict
            fairness, algorithm 1); their gradients are added up before the weights move.
        candidates: how many random architectures :meth:`derive` scores; a search with any strategy over
            :class:`SupernetEvaluator` finds better ones.
    """

    nesterov = True

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        sampling: Literal["uniform", "fair"] = "uniform",
        candidates: int = 200,
    ) -> None:
        if sampling not in ("uniform", "fair"):
            raise RecipeError(f"supernet.sampling is {sampling!r}; use uniform or fair")
        super().__init__(settings)
        self.sampling = sampling
        self.candidates = candidates

    def derive(self, count: int) -> list[Architecture]:
        """The best of random architectures by the supernet's validation score.

        Raises:
            LimitError: fewer within the limits were found.
        """
        rng = np.random.default_rng([self.context.seed, DERIVE])
        drawn = (sampled(self.supernet, rng, self.feasible) for _ in range(self.candidates))
        return best_scored(self.supernet.evaluator(self.task), drawn, count)

    def _step(self) -> float:
        batch, losses = self._batch(), []
        for architecture in self._paths():
            self.supernet.activate(architecture)
            loss = self.task.loss(self.supernet, batch)
            loss.backward()
            losses.append(float(loss.detach()))
        self._descend()
        return sum(losses) / len(losses)

    def _paths(self) -> list[Architecture]:
        """Of one step."""
        if self.sampling == "fair":
            return self._fair(self.rng)
        return [sampled(self.supernet, self.rng, self.feasible)]

    def _fair(self, rng: np.random.Generator) -> list[Architecture]:
        """Paths that together take each option equally often; those that break a limit are left out."""
        decisions = self.supernet.decisions
        rounds = max(len(options) for options in decisions.values())
        orders = {
            name: [options[i % len(options)] for i in rng.permutation(rounds)]
            for name, options in decisions.items()
        }
        paths = [{name: order[i] for name, order in orders.items()} for i in range(rounds)]
        architectures = [self._made(path) for path in paths]
        allowed = [one for one in architectures if one is not None and self.feasible(one) is None]
        return allowed or [sampled(self.supernet, rng, self.feasible)]

    def _made(self, path: Mapping[str, Value]) -> Architecture | None:
        """The architecture of these options; None where the space does not combine them."""
        try:
            return self.supernet.architecture(path)
        except InvalidArchitecture:
            return None
