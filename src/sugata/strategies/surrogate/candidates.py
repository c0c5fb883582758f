"""Where a surrogate looks: all of a small space, else mutants of the best and random architectures."""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sugata.space import Architecture, ListedSpace, SearchSpace
from sugata.strategies.seen import Seen
from sugata.strategies.surrogate.features import Featurizer, Scores
from sugata.strategies.surrogate.kernels import Kernels
from sugata.strategies.surrogate.results import Results

_MOST_LISTED = 20_000  # different architectures whose features are all kept
_MOST_WALKED = 200_000  # assignments that are looked at to find out how many there are
_REFERENCE = 500  # random architectures that decide the units of a large space
_PARENTS = 10
_MUTANTS = 200
_RANDOM = 100

_whole: WeakKeyDictionary[SearchSpace, dict[Scores | None, "WholeSpace | None"]] = WeakKeyDictionary()
_sampled: WeakKeyDictionary[SearchSpace, dict[Scores | None, Featurizer]] = WeakKeyDictionary()


class WholeSpace:
    """All different architectures of a small space, and kernels between them."""

    def __init__(self, space: SearchSpace, architectures: Mapping[str, Architecture], scores: Scores | None):
        self.architectures = tuple(architectures.values())
        self.row_of = {key: row for row, key in enumerate(architectures)}
        featurizer = Featurizer(space, self.architectures, scores)
        self.kernels = Kernels(featurizer.table(self.architectures))

    def places(self, space: SearchSpace, results: Results) -> tuple[list[int], NDArray[np.intp]]:
        """The rows of what has ended, and those of all that is unseen."""
        ended = [self.row_of[space.deployment_key(architecture)] for architecture in results.ended]
        unseen = np.ones(len(self.architectures), dtype=bool)
        unseen[ended + [self.row_of[space.deployment_key(one)] for one in results.pending]] = False
        return ended, np.flatnonzero(unseen)


def whole_space(space: SearchSpace, scores: Scores | None) -> WholeSpace | None:
    """A small space, made once for all strategies on it; None for a large one."""
    known = _whole.setdefault(space, {})
    if scores not in known:
        listed = _all_different(space)
        known[scores] = None if listed is None else WholeSpace(space, listed, scores)
    return known[scores]


def sampled_featurizer(space: SearchSpace, scores: Scores | None) -> Featurizer:
    """Features of a large space, in the units of a random part of it; made once for all strategies on it."""
    known = _sampled.setdefault(space, {})
    if scores not in known:
        rng = np.random.default_rng(0)
        drawn = {space.deployment_key(one): one for one in (space.sample(rng) for _ in range(_REFERENCE))}
        known[scores] = Featurizer(space, list(drawn.values()), scores)
    return known[scores]


def unseen(space: SearchSpace, results: Results, rng: np.random.Generator) -> list[Architecture]:
    """Unseen architectures of a large space: mutants of the best ones and random ones.

    Where neither finds any, any that is left.
    """
    found = mutants(space, results.best(_PARENTS), _MUTANTS, results.seen, rng)
    found += [one for one in (space.sample(rng) for _ in range(_RANDOM)) if one not in results.seen]
    last = None if found else results.seen.draw(rng)
    return found if last is None else [last]


def mutants(
    space: SearchSpace, parents: Sequence[Architecture], count: int, seen: Seen, rng: np.random.Generator
) -> list[Architecture]:
    """Up to so many different unseen mutants, of all parents in turn, with a choice or two changed."""
    rate = 1 / max(2, len(space.choices))
    drawn = (space.mutate(parents[i % len(parents)], rng, rate) for i in range(count if parents else 0))
    return list({space.deployment_key(one): one for one in drawn if one not in seen}.values())


def _all_different(space: SearchSpace) -> dict[str, Architecture] | None:
    count = space.valid() if isinstance(space, ListedSpace) else space.size()
    if count > _MOST_WALKED:
        return None
    found: dict[str, Architecture] = {}
    for architecture in space.enumerate():
        found.setdefault(space.deployment_key(architecture), architecture)
        if len(found) > _MOST_LISTED:
            return None
    return found
