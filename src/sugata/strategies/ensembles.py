"""Search with ensembles of small neural networks: BANANAS-like and NPENAS-like strategies."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from sugata.objectives import Objectives
from sugata.space import Architecture, SearchSpace
from sugata.strategies.surrogate.acquisition import Vector, standardized
from sugata.strategies.surrogate.candidates import mutants, sampled_featurizer, unseen, whole_space
from sugata.strategies.surrogate.networks import Ensemble
from sugata.strategies.surrogate.results import Results
from sugata.strategies.surrogate.search import SurrogateSearch, at_least_one
from sugata.strategies.surrogate.tables import FeatureTable, Floats
from sugata.trial import Fidelity, Value

_NETWORK = 1  # what a second generator of a number is for
_STEPS = 150
_PARENTS = 10
_MUTANTS = 100


class EnsembleSearch(SurrogateSearch):
    """What both have in common: an ensemble on path, position and operation encodings.

    Trained from scratch whenever results have come in since the last proposal. Results are standardized and
    clipped at their first quartile; what failed counts as the worst of them.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        first: int = 10,
        networks: int = 5,
        width: int = 64,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts, first=first)
        self.networks = at_least_one("networks", networks)
        self.width = at_least_one("width", width)

    def _predicted(self, table: FeatureTable, known: Sequence[int], results: Results) -> Floats:
        """Every network's prediction for every row of a table, ``(networks, rows)``.

        Args:
            known: rows of the architectures that have ended.
        """
        targets: Vector = standardized(results.values)
        learned = np.full(len(known), targets.min())
        learned[list(results.good)] = targets
        inputs = table.design(known)
        rng = np.random.default_rng([self.seed, len(known), _NETWORK])
        ensemble = Ensemble(inputs.shape[1], self.networks, self.width, rng)
        ensemble.fit(inputs[list(known)], learned, _STEPS)
        return ensemble.predict(inputs)

    def _of_some(
        self, candidates: Sequence[Architecture], results: Results, rng: np.random.Generator
    ) -> Architecture | None:
        """The best of candidates, which are unseen."""
        if not candidates:
            return None
        featurizer = sampled_featurizer(self.space, None)
        table = featurizer.table([*results.ended, *candidates])
        predicted = self._predicted(table, range(len(results.ended)), results)[:, len(results.ended) :]
        return candidates[int(np.argmax(self._worth(predicted, rng)))]

    @abstractmethod
    def _worth(self, predicted: Floats, rng: np.random.Generator) -> Floats:
        """How much candidates are worth, ``(candidates,)``, from ``(networks, candidates)``."""


class Bananas(EnsembleSearch):
    """BANANAS-like: an ensemble and independent Thompson sampling (White et al. 2021, sections 4 and 5).

    Each candidate's value is drawn from the normal distribution of the networks' predictions; the best draw
    is proposed. Candidates are all of a space of at most 20,000 different architectures, else mutants of the
    best ten and random ones.

    Departures: path, position and operation encodings together instead of paths alone; two hidden layers of
    64 instead of ten of 20, squared error on clipped results instead of the absolute percentage; trained
    anew after every result instead of every ten; in a small space all candidates instead of mutants.

    Args:
        first: how many proposals, starts included, come before the first guided one.
        networks: members of the ensemble.
        width: of the networks' two hidden layers.

    Raises:
        RecipeError: a parameter is out of its range.
        InvalidArchitecture: a start is not in the space.
    """

    def _guided(self, results: Results, rng: np.random.Generator) -> Architecture | None:
        whole = whole_space(self.space, None)
        if whole is None:
            return self._of_some(unseen(self.space, results, rng), results, rng)
        rows, others = whole.places(self.space, results)
        if not len(others):
            return None
        predicted = self._predicted(whole.kernels.table, rows, results)[:, others]
        return whole.architectures[int(others[np.argmax(self._worth(predicted, rng))])]

    def _worth(self, predicted: Floats, rng: np.random.Generator) -> Floats:
        mean, deviation = predicted.mean(axis=0), predicted.std(axis=0)
        drawn: Floats = mean + deviation * rng.standard_normal(len(mean), dtype=np.float32)
        return drawn


class Npenas(EnsembleSearch):
    """NPENAS-like: evolution whose offspring a predictor chooses (Wei et al. 2022, section III).

    A hundred mutants of the best ten architectures are scored by the networks' mean, and the best one is
    proposed.

    Departures: an ensemble of small networks on path, position and operation encodings instead of a graph
    neural network; one proposal at a time instead of ten.

    Args:
        first: how many proposals, starts included, come before the first guided one.
        networks: members of the ensemble.
        width: of the networks' two hidden layers.

    Raises:
        RecipeError: a parameter is out of its range.
        InvalidArchitecture: a start is not in the space.
    """

    def _guided(self, results: Results, rng: np.random.Generator) -> Architecture | None:
        best = results.best(_PARENTS)
        children = mutants(self.space, best, _MUTANTS, results.seen, rng)
        return self._of_some(children or unseen(self.space, results, rng), results, rng)

    def _worth(self, predicted: Floats, rng: np.random.Generator) -> Floats:
        mean: Floats = predicted.mean(axis=0)
        return mean
