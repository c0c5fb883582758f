"""Elastic supernets: a smaller network is a slice of the weights of a larger one."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from sugata.errors import InvalidArchitecture
from sugata.oneshot.base import MOST_REFUSED, Feasible, PathSupernet, anything, impossible
from sugata.space import Architecture
from sugata.tasks import Task
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.oneshot.budgeted import Found


class ElasticSupernet(PathSupernet):
    """A supernet whose widths, depths and kernels are slices of one weight tensor (Cai et al. 2020, OFA).

    Attributes:
        sizes: those decisions that change capacity, with their options from the smallest to the largest; all
            other decisions are kinds (a token mixer, a normalization).
        task: what it was trained on last; set by a method that trains it.
    """

    sizes: Mapping[str, tuple[Value, ...]]
    task: Task | None = None

    def path(self, architecture: Mapping[str, Value]) -> dict[str, Value]:
        """The option of every decision; the first one where a decision does not apply."""
        return {name: architecture.get(name, options[0]) for name, options in self.decisions.items()}

    def key(self, architecture: Mapping[str, Value]) -> str:
        """Equal for architectures that are stored and executed alike: scores are those of what ships."""
        return self.space.deployment_key(architecture)

    @abstractmethod
    def costs(
        self, architecture: Architecture, names: frozenset[str], exclusive: AbstractContextManager[None]
    ) -> dict[str, float]:
        """Those of ``parameters``, ``size_bytes``, ``flops`` and ``latency_ms_p90`` that are named."""

    def best_under(
        self,
        *,
        size: float | None = None,
        latency: float | None = None,
        flops: float | None = None,
        parameters: float | None = None,
        task: Task | None = None,
        strategy: str = "regularized_evolution",
        trials: int = 200,
        limit: int | None = None,
        seed: int = 0,
        exclusive: AbstractContextManager[None] | None = None,
    ) -> "Found":
        """The best network within a budget, by a search over scores of this supernet; nothing is trained.

        Args:
            size: most bytes of the stored file.
            latency: most milliseconds on this machine, which nine of ten passes keep.
            flops: most floating point operations of a forward pass.
            parameters: most of them.
            task: whose validation data score; None: the one that it was trained on.
            strategy: a name of the catalogue of strategies, with its default options.
            trials: architectures that are scored.
            limit: images, or bytes of text, that score one; None: all of the validation split.
            seed: of the search.
            exclusive: held while something is timed.

        Raises:
            LimitError: no architecture within the limits was found.
            RecipeError: the strategy is unknown, or there is no task.
        """
        from sugata.oneshot.budgeted import best_under

        given = {"size_bytes": size, "latency_ms_p90": latency, "flops": flops, "parameters": parameters}
        return best_under(
            self,
            {name: float(most) for name, most in given.items() if most is not None},
            task=task,
            strategy=strategy,
            trials=trials,
            limit=limit,
            seed=seed,
            exclusive=exclusive or nullcontext(),
        )


def smallest(
    supernet: ElasticSupernet, rng: np.random.Generator, feasible: Feasible = anything
) -> Architecture:
    """One of the smallest architectures within the limits: all sizes at their least, kinds drawn.

    Raises:
        LimitError: a thousand in a row break them.
    """
    return _extreme(supernet, rng, feasible, largest=False)


def largest(
    supernet: ElasticSupernet, rng: np.random.Generator, feasible: Feasible = anything
) -> Architecture:
    """One of the largest architectures within the limits: all sizes at their most, kinds drawn.

    Where that breaks a limit, random sizes shrink step by step until none is broken.

    Raises:
        LimitError: a thousand draws in a row break the limits.
    """
    return _extreme(supernet, rng, feasible, largest=True)


def _extreme(
    supernet: ElasticSupernet, rng: np.random.Generator, feasible: Feasible, *, largest: bool
) -> Architecture:
    reason = None
    for _ in range(MOST_REFUSED):
        values = {name: options[rng.integers(len(options))] for name, options in supernet.decisions.items()}
        ranks = {name: len(options) - 1 if largest else 0 for name, options in supernet.sizes.items()}
        while True:
            values |= {name: supernet.sizes[name][rank] for name, rank in ranks.items()}
            try:
                architecture = supernet.architecture(values)
            except InvalidArchitecture:
                break  # these kinds do not go together
            reason = feasible(architecture)
            if reason is None:
                return architecture
            shrinkable = [name for name, rank in ranks.items() if rank and name in architecture]
            if not shrinkable:
                break
            ranks[shrinkable[rng.integers(len(shrinkable))]] -= 1
    raise impossible(supernet, reason)
