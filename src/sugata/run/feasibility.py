"""Hard limits before training: what an architecture would ship as, known exactly without its weights."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager

import numpy as np

from sugata.errors import LimitError
from sugata.evaluators import Evaluator
from sugata.objectives import Limit
from sugata.space import Architecture, SearchSpace
from sugata.trial import TIMED, Value

_STARTS = 20
_RIVALS = 6

Remember = Callable[[str, dict[str, float]], None]


class Feasibility:
    """Decides for an architecture whether it may be trained, and why not.

    What can be counted is checked first; only what passes that is timed, once for a deployment, and
    remembered, so that a resumed run decides as before.
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
        self._counted = frozenset(limit.metric for limit in limits) - TIMED
        self._timed = frozenset(limit.metric for limit in limits) & TIMED
        self._exclusive = exclusive
        self._known = dict(known or {})
        self._remember = remember

    def __call__(self, architecture: Architecture) -> str | None:
        """None if it may be trained, else the limit that it breaks."""
        if self._counted and (reason := self._broken(self._count(architecture, self._counted))):
            return reason
        return self._broken(self._time(architecture)) if self._timed else None

    def check_possible(self, seed: int = 0) -> Architecture | None:
        """Make sure that something can meet the limits.

        Returns:
            An architecture within all limits; None without limits, or where none was found that meets all.

        Raises:
            LimitError: the smallest architecture breaks a limit; names it and what it needs.
        """
        if not self.limits:
            return None
        rng = np.random.default_rng([seed, _STARTS])
        samples = [self.space.sample(rng) for _ in range(_STARTS)]
        if not self._timed and (within := self._first_within(samples)):
            return within
        found = []
        for limit in self.limits:
            smallest, value = self._descend(limit, samples)
            if smallest is not None and value > limit.maximum:
                choices = ", ".join(f"{name}={option}" for name, option in smallest.items())
                raise LimitError(
                    f"limit {limit.metric} <= {shown(limit.metric, limit.maximum)} is impossible in "
                    f"{self.space.name}: the smallest architecture has {shown(limit.metric, value)}; "
                    f"raise the limit or change the space ({choices})"
                )
            if smallest is not None:
                found.append(smallest)
        return self._first_within(found)

    def start(self, known_good: Sequence[Architecture]) -> Architecture | None:
        """What a search has to begin with besides the known good architectures, where all break a limit."""
        if not self.limits or self._first_within(known_good):
            return None
        return self.check_possible()

    def _first_within(self, architectures: Sequence[Architecture]) -> Architecture | None:
        return next((found for found in architectures if self(found) is None), None)

    def _descend(self, limit: Limit, samples: list[Architecture]) -> tuple[Architecture | None, float]:
        """From the smallest sample over neighbours down to the limit, or as far as it goes.

        A timed metric is descended by FLOPs and then measured. (None, nan) if it is not known beforehand.
        """
        guide = "flops" if limit.metric in TIMED else limit.metric

        def measured(architecture: Architecture) -> float:
            return self._count(architecture, {guide}).get(guide, np.nan)

        best = min(samples, key=measured)
        least = measured(best)
        if np.isnan(least):
            return None, np.nan
        improved = True
        while improved and (guide != limit.metric or least > limit.maximum):
            improved = False
            for neighbor in self.space.neighbors(best):
                if (value := measured(neighbor)) < least:
                    best, least, improved = neighbor, value, True
        if limit.metric not in TIMED:
            return best, least
        # The fewest operations are not always the fastest: before giving up, time the nearest rivals too.
        rivals = sorted(self.space.neighbors(best), key=measured)[:_RIVALS]
        for architecture in (best, *rivals):
            value = self._time(architecture)[limit.metric]
            if architecture is best or value < least:
                smallest, least = architecture, value
            if least <= limit.maximum:
                break
        return smallest, least

    def _broken(self, metrics: Mapping[str, float]) -> str | None:
        for limit in self.limits:
            if not limit.allows(metrics):
                over = shown(limit.metric, metrics[limit.metric])
                return f"{over} is over the limit of {shown(limit.metric, limit.maximum)}"
        return None

    def _count(self, architecture: Mapping[str, Value], names: Collection[str]) -> dict[str, float]:
        return self.evaluator.quick_metrics(architecture, names)

    def _time(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        key = self.space.deployment_key(architecture)
        if key not in self._known:
            found = self.evaluator.quick_metrics(architecture, self._timed, self._exclusive())
            self._known[key] = found
            if self._remember is not None:
                self._remember(key, found)
        return self._known[key]


def shown(metric: str, value: float) -> str:
    """A limit's value with its unit, for messages."""
    if metric.endswith("_bytes"):
        return f"{value / 1e6:.3g} MB"
    if "_ms" in metric:
        return f"{value:.3g} ms"
    return f"{value:.4g}"
