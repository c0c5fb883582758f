"""What methods have in common that sample architectures from a policy and learn from their rewards."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot.base import sampled
from sugata.oneshot.fitting import TrainedMethod
from sugata.oneshot.reward import Reward, batch_quality, read_table
from sugata.space import Architecture, Choice, SearchSpace, Signature
from sugata.strategies.policies import Policy
from sugata.tasks import Batch
from sugata.training import distributed
from sugata.trial import Value

_MOST_DRAWN = 100  # samples in a row that break a limit


class SampledMethod(TrainedMethod):
    """A policy over the choices of the space, of which a sample is a path of the supernet.

    What breaks a limit is drawn anew; where nearly all that the policy prefers does, a random architecture
    within the limits takes its place.
    """

    learns_held = True
    policy: Policy
    latency_table: str
    latency_target: float
    latency_exponent: float

    def _check_policy(self) -> None:
        """Refuse what is out of range when the method is made, by the names of its fields.

        Raises:
            RecipeError: an option of the policy is.
        """
        try:
            self._make_policy((), np.random.default_rng(0))
        except RecipeError as error:
            raise RecipeError(str(error).replace("strategy.", "supernet.", 1)) from error

    @abstractmethod
    def _make_policy(self, choices: Sequence[Choice], rng: np.random.Generator) -> Policy:
        """The policy before it has learned."""

    def check(self, space: SearchSpace, signature: Signature) -> None:
        """Make sure that the latency table fits."""
        read_table(self.latency_table, space, signature)

    def _begin(self, rng: np.random.Generator) -> None:
        self.policy = self._make_policy(self.supernet.space.choices, rng)
        self.reward = Reward.of(self.supernet, self.latency_table, self.latency_target, self.latency_exponent)

    def _state(self) -> dict[str, Any]:
        return {"policy": self.policy.state()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.policy.restore(state["policy"])

    def _draw(self, rng: np.random.Generator) -> Architecture:
        for _ in range(_MOST_DRAWN):
            try:
                architecture = self.supernet.space.architecture(self.policy.sample(rng))
            except InvalidArchitecture:
                continue
            if self.feasible(architecture) is None:
                return architecture
        return sampled(self.supernet, rng, self.feasible)

    def _train_path(self, architecture: Mapping[str, Value], batch: Batch, share: float = 1.0) -> float:
        """Add a share of the gradient of a path; returns its loss."""
        self.supernet.activate(architecture)
        loss = self.task.loss(self.supernet, batch)
        (share * loss).backward()
        return float(loss.detach())

    def _reward(self, architecture: Mapping[str, Value], batch: Batch) -> float:
        """Of a path on a held batch, over all processes."""
        self.supernet.activate(architecture)
        quality = float(distributed.mean(torch.tensor(batch_quality(self.supernet, self.task, batch))))
        self._check_finite(quality)
        return self.reward(quality, architecture)
