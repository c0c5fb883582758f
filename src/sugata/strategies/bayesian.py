"""Bayesian optimization with Gaussian processes on structural features of architectures."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.surrogate.features import Scores
from sugata.strategies.surrogate.guide import Guide
from sugata.strategies.surrogate.results import Results
from sugata.strategies.surrogate.search import SurrogateSearch
from sugata.trial import Fidelity, Value


class BayesianSearch(SurrogateSearch):
    """Proposes where Gaussian processes expect the largest improvement.

    The first proposals are random. Then, at every ask, processes with several kernels and noises are fitted
    to all results, and their expected improvements averaged by their evidence: see
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
        scores: further features: a function from an architecture to numbers by name, such as zero-cost
            proxies, or its ``module:name``.

    Raises:
        RecipeError: a parameter is out of its range, or the function cannot be imported.
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
        scores: str | Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts, first=first)
        self._scores: Scores | None = _imported(scores) if isinstance(scores, str) else scores
        self._guide: Guide | None = None

    def _guided(self, results: Results, rng: np.random.Generator) -> Architecture | None:
        if self._guide is None:
            self._guide = Guide(self.space, self._scores)
        return self._guide.choose(results, rng)


def _imported(name: str) -> Scores:
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:  # as `python` itself would; installed commands do not have it there
        sys.path.append(os.getcwd())
    try:
        found: Scores = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise RecipeError(
            f"strategy.scores {name!r} cannot be imported ({error}); give module:function"
        ) from error
    return found
