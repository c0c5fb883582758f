"""What was proposed so far, and how to find something else."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import numpy as np

from sugata.space import Architecture, SearchSpace
from sugata.trial import Value

_DRAWS = 200
_WALK = 50_000


class Seen:
    """The deployment keys of all proposals: of the architectures that share one, only one is evaluated."""

    def __init__(self, space: SearchSpace, walk: Iterable[Architecture] | None = None) -> None:
        """Begin with nothing seen.

        Args:
            walk: the order of :meth:`first`; by default the space's, up to its 50,000th architecture.
        """
        self._space = space
        self._keys: set[str] = set()
        self._walk: Iterator[Architecture] = iter(islice(space.enumerate(), _WALK) if walk is None else walk)
        self._next: Architecture | None = None

    def __contains__(self, architecture: Mapping[str, Value]) -> bool:
        return self._space.deployment_key(architecture) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, architecture: Mapping[str, Value]) -> None:
        """Note that it was proposed."""
        self._keys.add(self._space.deployment_key(architecture))

    def draw(self, rng: np.random.Generator) -> Architecture | None:
        """Draw something new; None when the space is exhausted.

        After 200 draws of what was seen, little can be left: then it is the first that is new.
        """
        for _ in range(_DRAWS):
            architecture = self._space.sample(rng)
            if architecture not in self:
                return architecture
        return self.first()

    def first(self) -> Architecture | None:
        """The first of the walk that is new; None at its end.

        What was seen stays seen: the walk goes on where it was, and yet the answer depends on nothing but
        what was added.
        """
        while self._next is None or self._next in self:
            self._next = next(self._walk, None)
            if self._next is None:
                return None
        return self._next
