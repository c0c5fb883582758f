"""Hard limits before training: what an architecture would ship as, known exactly without its weights."""

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import numpy as np

from sugata.errors import LimitError
from sugata.evaluators import Evaluator
from sugata.objectives import Limit
from sugata.space import Architecture, SearchSpace
from sugata.trial import Value

_TIMED = frozenset({"latency_ms", "latency_ms_p90", "decode_ms"})
_STARTS = 20

Remember = Callable[[str, dict[str, float]], None]


class Feasibility:
    """Decides for an architecture whether it may be trained, and why not.

    Limits on what can be known before training are checked here; measurements of a deployment are made
    once and remembered, so that a resumed run decides as before.
    """

    def __init__(
        self,
        space: SearchSpace,
        evaluator: Evaluator,
        limits: tuple[Limit, ...],
        *,
        exclusive: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        known: Mapping[str, dict[str, float]] | None = None,
        remember: Remember | None = None,
    ) -> None:
        self.space = space
        self.evaluator = evaluator
        self.limits = limits
        self._timed = any(limit.metric in _TIMED for limit in limits)
        self._exclusive = exclusive
        self._known = dict(known or {})
        self._remember = remember

    def __call__(self, architecture: Architecture) -> str | None:
        """None if it may be trained, else the limit that it breaks."""
        if not self.limits:
            return None
        metrics = self.metrics(architecture)
        for limit in self.limits:
            if not limit.allows(metrics):
                return f"{shown(limit.metric, metrics[limit.metric])} is over the limit of " + shown(
                    limit.metric, limit.maximum
                )
        return None

    def metrics(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        """What is known before training; timed only where a limit needs it."""
        key = self.space.deployment_key(architecture)
        if key not in self._known:
            self._known[key] = self.evaluator.quick_metrics(
                architecture, timed=self._timed, exclusive=self._exclusive()
            )
            if self._remember is not None:
                self._remember(key, self._known[key])
        return self._known[key]

    def check_possible(self, seed: int = 0) -> None:
        """Make sure that something can meet the limits.

        Raises:
            LimitError: the smallest architecture breaks a limit; names it and what it needs.
        """
        for limit in self.limits:
            smallest, value = self.smallest(limit.metric, seed)
            if smallest is not None and value > limit.maximum:
                choices = ", ".join(f"{name}={option}" for name, option in smallest.items())
                raise LimitError(
                    f"limit {limit.metric} <= {shown(limit.metric, limit.maximum)} is impossible in "
                    f"{self.space.name}: the smallest architecture has {shown(limit.metric, value)}; "
                    f"raise the limit or change the space ({choices})"
                )

    def smallest(self, metric: str, seed: int = 0) -> tuple[Architecture | None, float]:
        """The architecture with the least of a metric, by descent over neighbours from several samples.

        A timed metric is descended by FLOPs and then measured. (None, nan) if it is not known beforehand.
        """
        guide = "flops" if metric in _TIMED else metric
        rng = np.random.default_rng([seed, len(metric)])
        best: Architecture | None = None
        least = np.inf
        samples = sorted(
            ((self._untimed(a).get(guide, np.nan), i, a) for i, a in enumerate(self._samples(rng))),
            key=lambda item: item[:2],
        )
        if not samples or np.isnan(samples[0][0]):
            return None, np.nan
        value, _, here = samples[0]
        while value < least:
            best, least = here, value
            for neighbor in self.space.neighbors(best):
                candidate = self._untimed(neighbor)[guide]
                if candidate < value:
                    here, value = neighbor, candidate
        if metric in _TIMED and best is not None:
            least = self.metrics(best)[metric]
        return best, float(least)

    def _samples(self, rng: np.random.Generator) -> list[Architecture]:
        return [self.space.sample(rng) for _ in range(_STARTS)]

    def _untimed(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        return self.evaluator.quick_metrics(architecture)


def shown(metric: str, value: float) -> str:
    """A limit's value with its unit, for messages."""
    if metric.endswith("_bytes"):
        return f"{value / 1e6:.3g} MB"
    if "_ms" in metric:
        return f"{value:.3g} ms"
    return f"{value:.4g}"
