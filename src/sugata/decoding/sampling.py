"""How a token is drawn from logits, with numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import TaskError

_LIKELIEST = 128  # tokens that are sorted first; a nucleus is seldom larger


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn from logits.

    Attributes:
        temperature: 0 takes the most probable token.
        top_k: keep only this many of the most probable tokens; 0 keeps all.
        top_p: keep the smallest set of most probable tokens that together have at least this probability
            (nucleus sampling, Holtzman et al. 2020, section 3.1); 1 keeps all.

    Raises:
        TaskError: a value is impossible.
    """

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise TaskError(f"temperature: {self.temperature} is not 0 or above; 0 is greedy, 0.8 is usual")
        if self.top_k < 0:
            raise TaskError(f"top_k: {self.top_k} is negative; use 0 to keep all tokens")
        if not 0 < self.top_p <= 1:
            raise TaskError(f"top_p: {self.top_p} is not above 0 and at most 1; use 1 to keep all tokens")

    def choose(self, logits: NDArray[Any], generator: np.random.Generator) -> int:
        """One token from logits `(vocabulary,)`.

        The nucleus is that of the distribution that is sampled from: after temperature and top-k.
        """
        if self.temperature == 0:
            return int(logits.argmax())
        weights = np.exp((logits - logits.max()) / np.float32(self.temperature))
        if not self.top_k and self.top_p == 1:
            return _draw(weights, generator)
        # Sorting a whole vocabulary would take longer than a step of a small network.
        count = min(self.top_k or _LIKELIEST, len(weights))
        order = _largest(weights, count)
        total = weights[order].sum() if self.top_k else weights.sum()
        if not self.top_k and weights[order].sum() < self.top_p * total:
            order = _largest(weights, len(weights))
        sums = np.cumsum(weights[order])
        kept = order[: 1 + int(np.searchsorted(sums, self.top_p * total))]
        return int(kept[_draw(weights[kept], generator)])


def _largest(weights: NDArray[Any], count: int) -> NDArray[Any]:
    """Where the `count` largest weights are, by falling weight."""
    found = np.arange(len(weights)) if count >= len(weights) else np.argpartition(weights, -count)[-count:]
    return found[np.argsort(-weights[found], kind="stable")]


def _draw(weights: NDArray[Any], generator: np.random.Generator) -> int:
    sums = np.cumsum(weights, dtype=np.float64)
    return min(int(np.searchsorted(sums, generator.random() * sums[-1], side="right")), len(sums) - 1)
