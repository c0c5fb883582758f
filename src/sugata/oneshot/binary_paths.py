"""Weights trained on one drawn path a step: what both forms of ProxylessNAS have in common."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import InvalidArchitecture, LimitError, RecipeError
from sugata.measure import LatencyTable
from sugata.oneshot.base import sampled
from sugata.oneshot.differentiable import Differentiable
from sugata.oneshot.fitting import DERIVE
from sugata.oneshot.reward import check_latency, read_table
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture, SearchSpace, Signature
from sugata.training import distributed

_REFUSED = 100  # drawn paths in a row that break a limit; then an even draw is taken
_DRAWN = 200  # paths, of which the most probable are derived where the limits leave nothing nearer


class BinaryPaths(Differentiable):
    """Weights are trained on single paths, drawn by options' probabilities (Cai et al. 2019, section 3.2).

    A path that breaks a limit is drawn anew. In a supernet whose paths are no architectures, such as the
    edges of a DARTS cell, limits hold for what is derived.

    Args:
        settings: of the weights.
        logit_rate: learning rate of the logits, by Adam without momentum.
        weights_first: share of the budget in which weights alone are trained.
        zeros: whether ``none`` may be derived.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds.

    Attributes:
        table: the latencies.
        latencies: expected milliseconds at every check.
    """

    def __init__(
        self,
        settings: SupernetSettings | None,
        *,
        logit_rate: float,
        weights_first: float,
        zeros: bool,
        latency_table: str,
        latency_target: float,
    ) -> None:
        super().__init__(settings, logit_rate=logit_rate, logit_decay=0.0, zeros=zeros)
        if not 0 <= weights_first < 1:
            raise RecipeError(f"supernet.weights_first is {weights_first}; give a share from 0 to below 1")
        check_latency(latency_table, latency_target)
        self.weights_first = weights_first
        self.latency_table = latency_table
        self.latency_target = latency_target
        self.table: LatencyTable | None = None
        self.latencies: list[float] = []

    def check(self, space: SearchSpace, signature: Signature) -> None:
        """Make sure that the latency table fits."""
        read_table(self.latency_table, space, signature)

    def _begin(self, rng: np.random.Generator) -> None:
        super()._begin(rng)
        self.adam = torch.optim.Adam(self._all_logits(), self.logit_rate, (0.0, 0.999))
        self.table = read_table(self.latency_table, self.supernet.space, self.supernet.signature)
        self.latencies = []

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "latencies": self.latencies}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.latencies = list(state["latencies"])

    def _segment(self, segment: int) -> list[float]:
        losses = super()._segment(segment)
        if self.table is not None:
            self.latencies.append(float(self.table.expected(self.probabilities())))
        return losses

    def details(self) -> dict[str, Any]:
        """The state of the distribution over time, and the latency that is to be expected of it."""
        latency = {"expected_latency_ms": self.latencies, "latency_target_ms": self.latency_target}
        return super().details() | (latency if self.latency_table else {})

    def _step(self) -> float:
        train = self._batch()
        if self.progress < self.weights_first:
            return self._weight_step(train)
        self.adam.zero_grad()
        loss = self._logit_step(train, self._batch("validation"))
        distributed.average_gradients(self._all_logits())
        if math.isfinite(loss):  # what is not ends the training at the next check
            before = {name: logits.detach().clone() for name, logits in self.logits.items()}
            self.adam.step()
            self._moved(before)
        self._weight_step(train)
        return loss

    def _mixture(self) -> dict[str, Tensor]:
        """The gates of one path."""
        return {
            name: torch.nn.functional.one_hot(torch.tensor(position), len(self.logits[name])).float()
            for name, position in self._drawn(self.generator, self.rng)[0].items()
        }

    def derive(self, count: int) -> list[Architecture]:
        """The most probable architectures within the limits, best first.

        Where far too many of the most probable ones break a limit, the most probable of drawn ones.

        Raises:
            LimitError: fewer were found.
        """
        try:
            return super().derive(count)
        except LimitError:
            drawn = list(self._within_limits())
            if len(drawn) < count:
                raise
        logs = {name: p.clamp_min(1e-30).log() for name, p in self.probabilities().items()}
        likely = [(sum(float(logs[name][i]) for name, i in path.items()), one) for path, one in drawn]
        return [one for _, one in sorted(likely, key=lambda pair: -pair[0])[:count]]

    def _within_limits(self) -> Iterator[tuple[dict[str, int], Architecture]]:
        """Different drawn architectures with their paths."""
        rng = np.random.default_rng([self.context.seed, DERIVE])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        seen = set()
        for _ in range(_DRAWN):
            path, architecture = self._drawn(generator, rng)
            if architecture is not None and self.supernet.key(architecture) not in seen:
                seen.add(self.supernet.key(architecture))
                yield path, architecture

    def _drawn(
        self, generator: torch.Generator, rng: np.random.Generator
    ) -> tuple[dict[str, int], Architecture | None]:
        """A path within the limits by positions, and its architecture, if it is one."""
        probabilities = self.probabilities()
        for _ in range(_REFUSED):
            path = {
                name: int(torch.multinomial(p, 1, generator=generator)) for name, p in probabilities.items()
            }
            options = {name: self.supernet.decisions[name][position] for name, position in path.items()}
            try:
                architecture = self.supernet.architecture(options)
            except InvalidArchitecture:
                return path, None
            if self.feasible(architecture) is None:
                return path, architecture
        architecture = sampled(self.supernet, rng, self.feasible)
        taken = self.supernet.path(architecture)
        return {name: self.supernet.decisions[name].index(taken[name]) for name in taken}, architecture

    def _moved(self, before: Mapping[str, Tensor]) -> None:
        """Mend the logits after a step."""
