"""Where a surrogate looks: all of a small space, else mutants of the best and random architectures."""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from sugata.space import Architecture, ListedSpace, SearchSpace
from sugata.strategies.seen import Seen
from sugata.strategies.surrogate.features import Featurizer, Scores
from sugata.strategies.surrogate.kernels import Kernels

_MOST_LISTED = 20_000  # different architectures whose features are all kept
_MOST_WALKED = 200_000  # assignments that are looked at to find out how many there are
_REFERENCE = 500  # random architectures that decide the units of a large space
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


def mutants_and_others(
    space: SearchSpace, best: Sequence[Architecture], seen: Seen, rng: np.random.Generator
) -> list[Architecture]:
    """Different unseen architectures: mutants of the best ones, a choice or two changed, and random ones."""
    rate = 1 / max(2, len(space.choices))
    drawn = [space.mutate(best[i % len(best)], rng, rate) for i in range(_MUTANTS if best else 0)]
    drawn += [space.sample(rng) for _ in range(_RANDOM)]
    unseen: dict[str, Architecture] = {}
    for architecture in drawn:
        if architecture not in seen:
            unseen.setdefault(space.deployment_key(architecture), architecture)
    last = None if unseen else seen.draw(rng)
    return list(unseen.values()) if last is None else [last]


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
