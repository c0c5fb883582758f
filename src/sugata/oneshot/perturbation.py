"""Architectures by what their options are worth to the supernet, not by learned weights."""

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sugata.errors import RecipeError
from sugata.oneshot.base import most_probable
from sugata.oneshot.collapse import Check, check, details
from sugata.oneshot.fitting import TrainedMethod
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.tasks import Batch
from sugata.training import distributed

_LEFT_OUT = -1e9


class Perturbation(TrainedMethod):
    """DARTS without learned weights of options: what hurts most when it is left out is kept.

    Wang et al. 2021, "Rethinking Architecture Selection in Differentiable NAS", in the form with fixed equal
    weights: the supernet is trained with all options mixed evenly; then decision by decision, in random
    order, each option is left out in turn, that is kept whose absence raises the loss on held data most, and
    the supernet is tuned for some steps with the decision taken. No weight of a skip can grow with training.

    Departures: the loss is compared where the publication compares accuracy, which is too coarse on few
    images; batch norms use the statistics of the batch.

    Args:
        settings: of the weights, while all options are mixed; ``checks`` divides that phase.
        tuning: steps after each decision.
        held: batches of the split ``validation`` that options are compared on, the same for all.
        zeros: whether ``none`` takes part.

    Attributes:
        worth: of the options of every decision, by how much the loss rises without; nats.
        checks: the distribution by worth, as it stands at the end.
    """

    learns_held = True

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        tuning: int = 100,
        held: int = 32,
        zeros: bool = False,
    ) -> None:
        if tuning < 0 or held < 1:
            raise RecipeError(
                f"supernet.tuning is {tuning}, supernet.held {held}; give at least 0 steps and 1 batch"
            )
        super().__init__(settings)
        self.tuning = tuning
        self.held = held
        self.zeros = zeros
        self.worth: dict[str, Tensor] = {}
        self.checks: list[Check] = []

    def _begin(self, rng: np.random.Generator) -> None:
        names = list(self.supernet.decisions)
        self.order = [names[number] for number in rng.permutation(len(names))]
        self.mixture = {name: self._even(options) for name, options in self.supernet.decisions.items()}
        self.worth, self.checks = {}, []
        self._compared: list[Batch] = []

    def _state(self) -> dict[str, Any]:
        return {"worth": self.worth}

    def _restore(self, state: dict[str, Any]) -> None:
        for name, worth in state["worth"].items():
            self._decide(name, worth)

    def _segments(self) -> int:
        """The last ones take a decision each."""
        return self.settings.checks + len(self.supernet.decisions)

    def _amount(self) -> float:
        return self.settings.steps + self.tuning * len(self.supernet.decisions)

    def _segment(self, segment: int) -> list[float]:
        number = segment - self.settings.checks
        if number < 0:
            return self._train(self.settings.steps * (segment + 1) / self.settings.checks)
        self._decide(self.order[number], self._compare(self.order[number]))
        return self._train(self.settings.steps + self.tuning * (number + 1))

    def _finish(self) -> None:
        """Take the decisions that are left, where the training was stopped, without tuning."""
        self.supernet.train()
        for name in self.order[len(self.worth) :]:
            self._decide(name, self._compare(name))
        self.checks = [check(self.supernet, self._distribution(), self.steps, self._loss())]

    def derive(self, count: int) -> list[Architecture]:
        """The architectures whose options are worth most together, within the limits.

        Raises:
            LimitError: fewer were found.
        """
        return most_probable(self.supernet, self._distribution(), count, self.feasible)

    def details(self) -> dict[str, object]:
        """The final state, and a warning where it collapsed, as JSON values."""
        return details(self.checks, self.ended)

    def _even(self, options: tuple[object, ...]) -> Tensor:
        kept = torch.tensor([float(self.zeros or option != "none") for option in options])
        return kept / kept.sum()

    def _decide(self, name: str, worth: Tensor) -> None:
        self.worth[name] = worth
        self.mixture[name] = torch.zeros(len(worth))
        self.mixture[name][int(worth.argmax())] = 1.0

    def _compare(self, name: str) -> Tensor:
        """By how much the held loss rises without each option; what takes no part is worth the least."""
        even = self.mixture[name]
        base = self._loss()
        worth = torch.full((len(even),), _LEFT_OUT)
        for i in range(len(even)):
            if even[i] > 0:
                others = even.clone()
                others[i] = 0.0
                self.mixture[name] = others / others.sum().clamp_min(1e-12)
                worth[i] = self._loss() - base
        return worth

    @torch.no_grad()
    def _loss(self) -> float:
        """On the held batches, which are the same at every comparison."""
        if not self._compared:
            held = itertools.islice(self._stream("validation", 0), self.held)
            self._compared = [distributed.local_share(batch).to(self.device) for batch in held]
        self.supernet.mix(self.mixture)
        loss = sum(float(self.task.loss(self.supernet, batch)) for batch in self._compared) / self.held
        return float(distributed.mean(torch.tensor(loss)))

    def _step(self) -> float:
        self.supernet.mix(self.mixture)
        loss = self.task.loss(self.supernet, self._batch())
        loss.backward()
        self._descend()
        return float(loss.detach())

    def _distribution(self) -> dict[str, Tensor]:
        """Probabilities in the order of worth; the scale only sets how decided the distribution looks."""
        kept = torch.cat([worth[worth > _LEFT_OUT] for worth in self.worth.values()])
        scale = float(kept.std().clamp_min(1e-8)) if len(kept) > 1 else 1.0
        return {name: torch.softmax(self.worth[name].double() / scale, 0) for name in self.supernet.decisions}
