"""ENAS: a recurrent controller on shared weights."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from sugata.errors import RecipeError
from sugata.oneshot.base import sampled
from sugata.oneshot.fitting import DERIVE
from sugata.oneshot.reward import SOFT, check_latency
from sugata.oneshot.sampling import SampledMethod
from sugata.oneshot.scores import best_scored
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture, Choice
from sugata.strategies.policies import Policy
from sugata.strategies.recurrent import LstmPolicy


class Enas(SampledMethod):
    """Weights and a controller in alternating phases (Pham et al. 2018, section 2.2).

    Each of the ``checks`` of the settings is one alternation. First the weights are trained on the split
    ``train``, a step on one path that the controller samples (the Monte Carlo estimate of equation 1 with
    M = 1). Then the weights stay, and the controller, an LSTM that decides one choice after the other, is
    trained by REINFORCE; the reward of a sample is its accuracy on a batch of the split ``validation``, or
    ``exp(-loss)`` where no classes are predicted. In the end the controller samples architectures, of
    which those with the best validation scores are derived.

    Departures: samples are scored to derive on the whole split, or ``limit`` of it, with recalibrated batch
    norms, where the publication scores one batch; rewards are divided by their running deviation (see
    :class:`LstmPolicy`), and several are of the same batch, so that they can be compared; an alternation is
    not a pass over the data but a share of the steps.

    Args:
        settings: of the weights.
        controller_steps: updates of the controller in every alternation.
        samples: scored on one batch and compared, whose gradients are averaged, in each of them.
        hidden: width of the LSTM's state.
        rate: learning rate of the controller, by Adam.
        entropy: weight of the controller's entropy: more explores longer.
        baseline: what is kept of the rewards' moving average at each new one.
        candidates: how many samples are scored to derive.
        limit: images, or bytes of text, that score one; 0: all of the validation split.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds; a faster network is rewarded, a slower one pays.
        latency_exponent: how much: the w of ``accuracy x (latency / target)^w`` (Tan et al. 2019).

    Attributes:
        rewards: the mean of each alternation, with the steps of the weights so far.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        controller_steps: int = 20,
        samples: int = 4,
        hidden: int = 64,
        rate: float = 0.01,
        entropy: float = 0.02,
        baseline: float = 0.9,
        candidates: int = 100,
        limit: int = 0,
        latency_table: str = "",
        latency_target: float = 0.0,
        latency_exponent: float = SOFT,
    ) -> None:
        super().__init__(settings)
        check_latency(latency_table, latency_target, latency_exponent)
        for name, count in (
            ("controller_steps", controller_steps),
            ("samples", samples),
            ("candidates", candidates),
        ):
            if count < 1:
                raise RecipeError(f"supernet.{name} is {count}; it must be at least 1")
        self.controller_steps = controller_steps
        self.samples = samples
        self.hidden = hidden
        self.rate = rate
        self.entropy = entropy
        self.baseline = baseline
        self._check_policy()
        self.candidates = candidates
        self.limit = limit
        self.latency_table = latency_table
        self.latency_target = latency_target
        self.latency_exponent = latency_exponent
        self.rewards: list[tuple[int, float]] = []

    def derive(self, count: int) -> list[Architecture]:
        """The best of the controller's samples by the supernet's validation score.

        Random architectures join where a decided controller samples too few different ones.

        Raises:
            LimitError: fewer within the limits were found.
        """
        return best_scored(self.supernet.evaluator(self.task, self.limit or None), self._drawn(count), count)

    def details(self) -> dict[str, Any]:
        """The mean rewards of the alternations, and why the training ended early, as JSON values."""
        return {"rewards": [list(one) for one in self.rewards], "ended": self.ended}

    def _drawn(self, count: int) -> Iterator[Architecture]:
        rng = np.random.default_rng([self.context.seed, DERIVE])
        different = set()
        for _ in range(self.candidates):
            architecture = self._draw(rng)
            different.add(self.supernet.key(architecture))
            yield architecture
        for _ in range(self.candidates if len(different) < count else 0):
            yield sampled(self.supernet, rng, self.feasible)

    def _make_policy(self, choices: Sequence[Choice], rng: np.random.Generator) -> Policy:
        return LstmPolicy(
            choices,
            torch.Generator().manual_seed(int(rng.integers(2**62))),
            hidden=self.hidden,
            rate=self.rate,
            entropy=self.entropy,
            baseline=self.baseline,
        )

    def _begin(self, rng: np.random.Generator) -> None:
        super()._begin(rng)
        self.rewards = []

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "rewards": self.rewards}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.rewards = state["rewards"]

    def _segment(self, segment: int) -> list[float]:
        losses = super()._segment(segment)
        rewards = [self._teach() for _ in range(self.controller_steps)]
        self.rewards.append((self.steps, sum(rewards) / len(rewards)))
        return losses

    def _step(self) -> float:
        loss = self._train_path(self._draw(self.rng), self._batch())
        self._descend()
        return loss

    def _teach(self) -> float:
        """One update of the controller; returns the mean reward."""
        drawn, held = [self._draw(self.rng) for _ in range(self.samples)], self._batch("validation")
        rewards = [self._reward(one, held) for one in drawn]
        self.policy.learn(drawn, rewards)
        return sum(rewards) / len(rewards)
