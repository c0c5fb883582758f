"""ASNG: a categorical distribution over the choices, together with the weights."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import InvalidArchitecture
from sugata.oneshot.base import descending, entropy, first_feasible
from sugata.oneshot.reward import SOFT, check_latency
from sugata.oneshot.sampling import SampledMethod
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture, Choice
from sugata.strategies.policies import CategoricalPolicy, Policy

_MOST_LOOKED_AT = 1_000_000  # combinations of options, of which a space may allow few


class Asng(SampledMethod):
    """Adaptive stochastic natural gradient on shared weights (Akimoto et al. 2019, algorithm 1).

    A step samples some paths; the weights follow their mean gradient on a batch of the split ``train``. It
    then samples as many again, and the distribution learns from their rewards on one batch of the split
    ``validation``: accuracy, or ``exp(-loss)`` where no classes are predicted. The most probable
    architectures are derived.

    To learn the distribution after the weights, search a supernet that any method has trained with the
    strategy ``asng``.

    Args:
        settings: of the weights.
        samples: paths of a step for the weights, and again for the distribution; 2 as published.
        trust: signal over noise that keeps the length of the distribution's step; the paper's alpha.
        delta: the first step's length.
        latency_table: file of ``sugata latency-table``; empty: latency does not count.
        latency_target: milliseconds; a faster network is rewarded, a slower one pays.
        latency_exponent: how much: the w of ``accuracy x (latency / target)^w`` (Tan et al. 2019).

    Attributes:
        entropies: of the distribution at each check, 1 undecided, 0 decided, with the steps so far.
    """

    policy: CategoricalPolicy

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        samples: int = 2,
        trust: float = 1.5,
        delta: float = 1.0,
        latency_table: str = "",
        latency_target: float = 0.0,
        latency_exponent: float = SOFT,
    ) -> None:
        super().__init__(settings)
        check_latency(latency_table, latency_target, latency_exponent)
        self.samples = samples
        self.trust = trust
        self.delta = delta
        self._check_policy()
        self.latency_table = latency_table
        self.latency_target = latency_target
        self.latency_exponent = latency_exponent
        self.entropies: list[tuple[int, float]] = []

    def derive(self, count: int) -> list[Architecture]:
        """The most probable architectures within the limits, best first.

        Raises:
            LimitError: fewer were found.
        """
        return first_feasible(self.supernet, self._ranked(), count, self.feasible)

    def details(self) -> dict[str, Any]:
        """How decided the distribution was at each check, and why it ended early, as JSON values."""
        return {"entropies": [list(one) for one in self.entropies], "ended": self.ended}

    def probabilities(self) -> dict[str, Tensor]:
        """Of the options of every choice."""
        return {name: torch.from_numpy(one) for name, one in self.policy.probabilities.items()}

    def _ranked(self) -> Iterator[Architecture]:
        """What the space allows, the most probable first."""
        options = {choice.name: choice.options for choice in self.supernet.space.choices}
        for values in itertools.islice(descending(options, self.probabilities()), _MOST_LOOKED_AT):
            try:
                yield self.supernet.space.architecture(values)
            except InvalidArchitecture:
                continue

    def _make_policy(self, choices: Sequence[Choice], rng: np.random.Generator) -> Policy:
        return CategoricalPolicy(choices, samples=self.samples, trust=self.trust, delta=self.delta)

    def _begin(self, rng: np.random.Generator) -> None:
        super()._begin(rng)
        self.entropies = []

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "entropies": self.entropies}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.entropies = state["entropies"]

    def _segment(self, segment: int) -> list[float]:
        losses = super()._segment(segment)
        self.entropies.append((self.steps, entropy(self.probabilities())))
        return losses

    def _step(self) -> float:
        batch, share = self._batch(), 1 / self.samples
        losses = [self._train_path(self._draw(self.rng), batch, share) for _ in range(self.samples)]
        self._descend()
        drawn, held = [self._draw(self.rng) for _ in range(self.samples)], self._batch("validation")
        self.policy.learn(drawn, [self._reward(one, held) for one in drawn])
        return sum(losses) * share
