"""Architectures by what their options are worth to the supernet, not by learned weights."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import RecipeError
from sugata.evaluators import Context
from sugata.oneshot.base import Feasible, OneShot, Supernet, anything, most_probable
from sugata.oneshot.collapse import Check, check, details
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.tasks import Batch, Task

_LEFT_OUT = -1e9


class Perturbation(OneShot):
    """DARTS without learned weights of options: what hurts most when it is left out is kept.

    Wang et al. 2021, "Rethinking Architecture Selection in Differentiable NAS", in the form with fixed equal
    weights: the supernet is trained with all options mixed evenly; then decision by decision, in random
    order, each option is left out in turn, that is kept whose absence raises the loss on held data most, and
    the supernet is tuned for some steps with the decision taken. No weight of a skip can grow with training.

    Departures: the loss is compared where the publication compares accuracy, which is too coarse on few
    images; batch norms use the statistics of the batch.

    Args:
        settings: of the weights, while all options are mixed; ``checks`` counts reports of that phase.
        tuning: steps after each decision.
        held: batches of the split ``validation`` that options are compared on, the same for all.
        zeros: whether ``none`` takes part.

    Attributes:
        worth: of the options of every decision, by how much the loss rises without; nats.
        checks: the distribution by worth, as it stands at the end.
    """

    def __init__(
        self,
        settings: SupernetSettings | None = None,
        *,
        tuning: int = 20,
        held: int = 8,
        zeros: bool = False,
    ) -> None:
        if tuning < 0 or held < 1:
            raise RecipeError(
                f"oneshot.tuning is {tuning}, oneshot.held {held}; give at least 0 steps and 1 batch"
            )
        self.settings = settings or SupernetSettings()
        self.tuning = tuning
        self.held = held
        self.zeros = zeros
        self.worth: dict[str, Tensor] = {}
        self.checks: list[Check] = []

    def fit(self, supernet: Supernet, task: Task, context: Context, feasible: Feasible = anything) -> None:
        """Train evenly mixed, then take the decisions one after the other."""
        self.supernet, self.task, self.feasible = supernet, task, feasible
        settings, rng = self.settings, np.random.default_rng([context.seed, 1])
        train, validation = (
            task.batches({}, batch_size=settings.batch_size, generator=rng, split=split)
            for split in ("train", "validation")
        )
        self.weights = [parameter for parameter in supernet.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(
            self.weights, settings.learning_rate, settings.momentum, weight_decay=settings.weight_decay
        )
        self.taken, self.total = 0, settings.steps + self.tuning * len(supernet.decisions)
        self.mixture = {name: self._even(options) for name, options in supernet.decisions.items()}
        supernet.train()
        for part in range(settings.checks):
            steps = settings.steps * (part + 1) // settings.checks - settings.steps * part // settings.checks
            loss = self._train(train, steps)
            if not context.report((part + 1) / settings.checks, loss):
                break
        held = [next(validation) for _ in range(self.held)]
        for number in rng.permutation(len(supernet.decisions)):
            name = list(supernet.decisions)[number]
            self.worth[name] = self._compare(name, held)
            chosen = torch.zeros(len(self.worth[name]))
            chosen[int(self.worth[name].argmax())] = 1.0
            self.mixture[name] = chosen
            self._train(train, self.tuning)
        self.checks = [check(supernet, self._distribution(), self.taken, self._loss(held))]

    def derive(self, count: int) -> list[Architecture]:
        """The architectures whose options are worth most together, within the limits.

        Raises:
            LimitError: fewer were found.
        """
        return most_probable(self.supernet, self._distribution(), count, self.feasible)

    def details(self) -> dict[str, object]:
        """The final state, and a warning where it collapsed, as JSON values."""
        return details(self.checks)

    def _even(self, options: tuple[object, ...]) -> Tensor:
        kept = torch.tensor([float(self.zeros or option != "none") for option in options])
        return kept / kept.sum()

    def _compare(self, name: str, held: list[Batch]) -> Tensor:
        """By how much the held loss rises without each option; what takes no part is worth the least."""
        even = self.mixture[name]
        base = self._loss(held)
        worth = torch.full((len(even),), _LEFT_OUT)
        for i in range(len(even)):
            if even[i] > 0:
                others = even.clone()
                others[i] = 0.0
                self.mixture[name] = others / others.sum().clamp_min(1e-12)
                worth[i] = self._loss(held) - base
        self.mixture[name] = even
        return worth

    @torch.no_grad()
    def _loss(self, held: list[Batch]) -> float:
        self.supernet.mix(self.mixture)
        return sum(float(self.task.loss(self.supernet, batch)) for batch in held) / len(held)

    def _train(self, batches: Iterator[Batch], steps: int) -> float:
        """Update the weights; returns the mean loss."""
        total = 0.0
        self.supernet.mix(self.mixture)
        for _ in range(steps):
            for group in self.optimizer.param_groups:
                rate = self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * self.taken / self.total))
                group["lr"] = rate
            self.optimizer.zero_grad()
            loss = self.task.loss(self.supernet, next(batches))
            loss.backward()
            if self.settings.clip:
                nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
            self.optimizer.step()
            self.taken += 1
            total += float(loss.detach())
        return total / max(1, steps)

    def _distribution(self) -> dict[str, Tensor]:
        """Probabilities in the order of worth; the scale only sets how decided the distribution looks."""
        kept = torch.cat([worth[worth > _LEFT_OUT] for worth in self.worth.values()])
        scale = float(kept.std().clamp_min(1e-8)) if len(kept) > 1 else 1.0
        return {name: torch.softmax(self.worth[name].double() / scale, 0) for name in self.supernet.decisions}
