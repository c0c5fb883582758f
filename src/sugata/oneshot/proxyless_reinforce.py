"""ProxylessNAS by rewards: REINFORCE on shared weights, with MnasNet's reward."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import RecipeError
from sugata.oneshot.binary_paths import BinaryPaths
from sugata.oneshot.reward import SOFT, Reward, batch_quality, check_latency
from sugata.oneshot.settings import SupernetSettings
from sugata.tasks import Batch
from sugata.training import distributed


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
            path, architecture = self._drawn(self.generator, self.rng)
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


def policy_loss(logits: Mapping[str, Tensor], paths: list[dict[str, int]], advantages: list[float]) -> Tensor:
    """What to minimize: minus the mean over paths of log-probability times advantage."""
    logs = {name: torch.log_softmax(one, 0) for name, one in logits.items()}
    total = torch.zeros(())
    for path, advantage in zip(paths, advantages, strict=True):
        for name, position in path.items():
            total = total - advantage * logs[name][position]
    return total / len(paths)
