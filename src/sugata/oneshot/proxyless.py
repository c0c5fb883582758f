"""ProxylessNAS: one path a step in memory, and latency among what is learned (Cai et al. 2019)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.measure import LatencyTable
from sugata.oneshot.base import sampled
from sugata.oneshot.differentiable import Differentiable
from sugata.oneshot.reward import SOFT, Reward, batch_quality, check_latency, read_table
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture, SearchSpace, Signature
from sugata.tasks import Batch
from sugata.training import distributed

_REFUSED = 100  # drawn paths in a row that break a limit; then an even draw is taken
#: Weight of a path that is computed for its gradient alone: a sum with it is the other term, to the last bit.
_SILENT = 1e-30


class BinaryPaths(Differentiable):
    """Weights are trained on single paths, drawn by the probabilities of the options (section 3.2).

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
            for name, position in self._drawn()[0].items()
        }

    def _drawn(self) -> tuple[dict[str, int], Architecture | None]:
        """A path within the limits by positions, and its architecture, if it is one."""
        probabilities = self.probabilities()
        for _ in range(_REFUSED):
            path = {
                name: int(torch.multinomial(p, 1, generator=self.generator))
                for name, p in probabilities.items()
            }
            options = {name: self.supernet.decisions[name][position] for name, position in path.items()}
            try:
                architecture = self.supernet.architecture(options)
            except InvalidArchitecture:
                return path, None
            if self.feasible(architecture) is None:
                return path, architecture
        architecture = sampled(self.supernet, self.rng, self.feasible)
        taken = self.supernet.path(architecture)
        return {name: self.supernet.decisions[name].index(taken[name]) for name in taken}, architecture

    def _moved(self, before: Mapping[str, Tensor]) -> None:
        """Mend the logits after a step."""


class Proxyless(BinaryPaths):
    """Architectures by the gradient of two drawn paths a step (Cai et al. 2019, sections 3.2 and 3.3.1).

    A step of the logits draws two options of every decision and takes the others as if they were not there:
    probabilities are those of the two, one of them is active, and both are computed. The gradient of the
    gates stands for that of the probabilities (equation 4). After the step both logits are shifted so that
    the options which were not drawn keep their probabilities.

    Latency is in the loss: ``loss + latency_weight E[latency] / latency_target``, the expectation over the
    drawn options (section 3.3.1). It is the publication's form with lambda in units of the target, and has
    the gradient of ``add#linear`` in the published code, whose other form, ``alpha loss (log latency / log
    target)^beta``, is not offered: its pull depends on the unit of time. Departure: logits move in every step
    of the weights, not in every fifth.

    Args:
        settings: of the weights.
        logit_rate: learning rate of the logits, by Adam without momentum.
        weights_first: share of the budget in which weights alone are trained.
        zeros: whether ``none`` may be derived.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds; a network of this latency adds ``latency_weight`` to the loss.
        latency_weight: how much latency counts beside the loss.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        logit_rate: float = 6e-3,
        weights_first: float = 0.2,
        zeros: bool = True,
        latency_table: str = "",
        latency_target: float = 0.0,
        latency_weight: float = 0.1,
    ) -> None:
        super().__init__(
            settings,
            logit_rate=logit_rate,
            weights_first=weights_first,
            zeros=zeros,
            latency_table=latency_table,
            latency_target=latency_target,
        )
        if latency_weight < 0:
            raise RecipeError(f"supernet.latency_weight is {latency_weight}; give at least 0")
        self.latency_weight = latency_weight

    def _logit_step(self, train: Batch, held: Batch) -> float:
        pairs = {name: self._pair(logits) for name, logits in self.logits.items()}
        restricted = {name: restricted_to(self.logits[name], pair) for name, pair in pairs.items()}
        gates = {
            name: self._gates(p.detach(), pairs[name]).requires_grad_() for name, p in restricted.items()
        }
        loss = self._gated_loss(gates, held)
        worth = torch.zeros(())
        if loss.requires_grad:  # not where every option that was drawn is `none`
            gradients = torch.autograd.grad(loss, list(gates.values()), allow_unused=True)
            for p, gradient in zip(restricted.values(), gradients, strict=True):
                if gradient is not None:
                    worth = worth + (gradient * p).sum()
        if self.table is not None:
            share = self.latency_weight / self.latency_target
            worth = worth + share * self.table.expected(restricted).to(worth.dtype)
        if worth.requires_grad:
            worth.backward()
        self._pairs = pairs
        return float(loss.detach())

    def _pair(self, logits: Tensor) -> Tensor:
        """Positions of two options, drawn without replacement; of all where there are no more."""
        count = min(2, len(logits))
        p = torch.softmax(logits.detach(), 0).clamp_min(1e-9)
        return torch.multinomial(p, count, generator=self.generator)

    def _gates(self, p: Tensor, pair: Tensor) -> Tensor:
        """``(options,)``: 1 for the active one of the two, drawn by `p`, nearly 0 for the other."""
        gates = torch.zeros_like(p)
        gates[pair] = _SILENT
        gates[pair[int(torch.multinomial(p[pair], 1, generator=self.generator))]] = 1.0
        return gates

    def _gated_loss(self, gates: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The loss of the active path; gradients of the weights, which nobody asks for, are not computed."""
        for weight in self.weights:
            weight.requires_grad_(False)
        try:
            self.supernet.mix(gates)
            return self.task.loss(self.supernet, batch)
        finally:
            for weight in self.weights:
                weight.requires_grad_(True)

    @torch.no_grad()
    def _moved(self, before: Mapping[str, Tensor]) -> None:
        """The two keep their common share, so that the others keep their probabilities (section 3.2.1)."""
        for name, pair in self._pairs.items():
            logits = self.logits[name]
            logits[pair] -= torch.logsumexp(logits[pair], 0) - torch.logsumexp(before[name][pair], 0)


class ProxylessReinforce(BinaryPaths):
    """Architectures by REINFORCE on shared weights (Cai et al. 2019, section 3.3.2).

    A step of the logits draws some paths and compares their rewards on one held batch with the moving mean of
    rewards. The reward is MnasNet's, ``quality x (latency / target)^w`` (Tan et al. 2019), as in the
    published code. Departure: paths that break a limit are drawn anew, which the gradient does not know of.

    Args:
        settings: of the weights.
        logit_rate: learning rate of the logits, by Adam without momentum.
        weights_first: share of the budget in which weights alone are trained.
        zeros: whether ``none`` may be derived.
        samples: paths that a step of the logits compares.
        baseline: what is kept of the moving mean of rewards at each step.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds that cost nothing.
        latency_exponent: the reward's w, below 0.

    Attributes:
        mean: of the rewards.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        logit_rate: float = 1e-2,
        weights_first: float = 0.2,
        zeros: bool = True,
        samples: int = 4,
        baseline: float = 0.99,
        latency_table: str = "",
        latency_target: float = 0.0,
        latency_exponent: float = SOFT,
    ) -> None:
        super().__init__(
            settings,
            logit_rate=logit_rate,
            weights_first=weights_first,
            zeros=zeros,
            latency_table=latency_table,
            latency_target=latency_target,
        )
        if samples < 1 or not 0 <= baseline < 1:
            raise RecipeError(
                f"supernet.samples is {samples}, supernet.baseline {baseline}; give at least 1, and a share"
                " from 0 to below 1"
            )
        check_latency(latency_table, latency_target, latency_exponent)
        self.samples = samples
        self.baseline = baseline
        self.latency_exponent = latency_exponent
        self.mean: float | None = None

    def _begin(self, rng: np.random.Generator) -> None:
        super()._begin(rng)
        self.mean = None
        if set(self.supernet.decisions) != {choice.name for choice in self.supernet.space.choices}:
            raise RecipeError(
                f"field 'supernet.method': proxyless_reinforce draws whole architectures, and drawn edges of"
                f" {type(self.supernet).__name__} are none; use proxyless"
            )

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "mean": self.mean}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.mean = state["mean"]

    def _logit_step(self, train: Batch, held: Batch) -> float:
        reward = Reward(self.table, self.latency_target, self.latency_exponent)
        paths, rewards = [], []
        for _ in range(self.samples):
            path, architecture = self._drawn()
            assert architecture is not None
            self.supernet.activate(architecture)
            quality = distributed.mean(torch.tensor(batch_quality(self.supernet, self.task, held)))
            paths.append(path)
            rewards.append(reward(float(quality), architecture))
        average = sum(rewards) / len(rewards)
        self.mean = average if self.mean is None else self.mean
        advantages = [one - self.mean for one in rewards]
        policy_loss(self.logits, paths, advantages).backward()
        self.mean = self.baseline * self.mean + (1 - self.baseline) * average
        return -average


def restricted_to(logits: Tensor, pair: Tensor) -> Tensor:
    """``(options,)``: probabilities of the options at two positions as if there were no others."""
    return torch.zeros_like(logits).index_put((pair,), torch.softmax(logits[pair], 0))


def policy_loss(logits: Mapping[str, Tensor], paths: list[dict[str, int]], advantages: list[float]) -> Tensor:
    """What to minimize: minus the mean over paths of log-probability times advantage."""
    logs = {name: torch.log_softmax(one, 0) for name, one in logits.items()}
    total = torch.zeros(())
    for path, advantage in zip(paths, advantages, strict=True):
        for name, position in path.items():
            total = total - advantage * logs[name][position]
    return total / len(paths)
