"""Training an elastic supernet: the sandwich rule with in-place distillation."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.errors import RecipeError
from sugata.oneshot.base import sampled
from sugata.oneshot.elastic import ElasticSupernet, largest, smallest
from sugata.oneshot.fitting import DERIVE, TrainedMethod
from sugata.oneshot.scores import best_scored
from sugata.oneshot.settings import SupernetSettings
from sugata.space import Architecture
from sugata.tasks import Batch
from sugata.training import TrainingSettings
from sugata.training.optimizer import make_optimizer
from sugata.trial import Fidelity


class Elastic(TrainedMethod):
    """Trains all sizes at once by the sandwich rule (Yu & Huang 2019, section 3.2).

    A step adds up the gradients of the largest network, the smallest and some random ones on one batch. The
    largest learns from the labels; the others, by in-place distillation (section 3.3), from what the largest
    has just predicted. BigNAS (Yu et al. 2020, section 3.1) trains single-stage networks so.

    Departures. Choices that are no sizes, such as token mixers, are drawn anew for each of these networks,
    also the largest. Within limits, the largest is one that random sizes have been shrunk to. Gradients are
    those of the mean over the networks of a step.

    Without the sandwich rule a step trains random networks alone, by the labels (Guo et al. 2020, uniform
    sampling). The largest network costs many times what a random one does, and where the budget is short,
    steps are worth more: in the same 90 CPU seconds, 24 language models came to 3.04 bits per byte on average
    without the rule and to 3.35 with it. They were ranked about as well.

    Args:
        settings: of the weights; with `TrainingSettings` as a network that is trained alone: by default
            AdamW, whose rates follow the widths.
        budget: goes with `TrainingSettings`: ``steps``, or ``seconds`` of training.
        optimizer: ``sgd`` with Nesterov's momentum, or ``adamw``, whose base rate is that of the settings.
        seconds: of training, in place of the steps of the settings; 0: those steps.
        sandwich: whether every step trains the largest and the smallest network.
        random: networks of a step besides these two.
        distillation: how much of the loss of all but the largest compares with its prediction; the rest
            compares with the labels. 1 as published, 0: labels alone, as always without the sandwich rule.
        candidates: how many random architectures :meth:`derive` scores.
        limit: images, or bytes of text, that score one; None: all of the validation split.
        checks: how often progress is reported and kept; None: as the settings say, or 20 times.

    Attributes:
        losses: of the largest networks by the labels (without the sandwich rule, of all), the mean since the
            last check, with the steps so far.
        seen: how many forward and backward passes were made.
    """

    supernet: ElasticSupernet

    def __init__(
        self,
        settings: SupernetSettings | TrainingSettings | None = None,
        budget: Fidelity | None = None,
        *,
        optimizer: Literal["sgd", "adamw"] = "sgd",
        seconds: float = 0.0,
        sandwich: bool = True,
        random: int = 2,
        distillation: float = 1.0,
        candidates: int = 200,
        limit: int | None = None,
        checks: int | None = None,
    ) -> None:
        if not 0 <= distillation <= 1:
            raise RecipeError(f"supernet.distillation is {distillation}; give a share from 0 to 1")
        for name, count, least in (
            ("seconds", seconds, 0),
            ("random", random, 0 if sandwich else 1),
            ("candidates", candidates, 1),
            ("checks", checks or 1, 1),
        ):
            if count < least:
                raise RecipeError(f"supernet.{name} is {count}; it must be at least {least}")
        if isinstance(settings, SupernetSettings):
            super().__init__(settings if checks is None else replace(settings, checks=checks))
            self.training = _as_alone(settings, optimizer)
            budget = Fidelity(amount=seconds or settings.steps, unit="seconds" if seconds else "steps")
        else:
            self.training = settings or TrainingSettings()
            super().__init__(_shared(self.training, checks or 20))
        self.budget = budget or Fidelity(amount=2000, unit="steps")
        if self.budget.unit not in ("steps", "seconds"):
            raise RecipeError(f"supernet.unit is {self.budget.unit!r}; give it in steps or seconds")
        self.unit, self.length = self.budget.unit, self.training.length
        self.warmup, self.final_share = self.training.warmup, self.training.final_share
        self.optimizer = self.training.optimizer
        self.seconds = seconds
        self.checks = self.settings.checks
        self.sandwich = sandwich
        self.random = random
        self.distillation = distillation
        self.candidates = candidates
        self.limit = limit
        self.losses: list[tuple[int, float]] = []
        self.seen = 0

    def derive(self, count: int) -> list[Architecture]:
        """The best of random architectures by their scores on the supernet.

        Raises:
            LimitError: fewer within the limits were found.
        """
        rng = np.random.default_rng([self.context.seed, DERIVE])
        drawn = (sampled(self.supernet, rng, self.feasible) for _ in range(self.candidates))
        return best_scored(self.supernet.evaluator(self.task, self.limit), drawn, count)

    def _begin(self, rng: np.random.Generator) -> None:
        if not isinstance(self.supernet, ElasticSupernet):
            raise RecipeError(
                f"Elastic trains elastic supernets, not {type(self.supernet).__name__}; use single_path"
            )
        self.supernet.task = self.task
        self.losses, self.seen = [], 0

    def _state(self) -> dict[str, Any]:
        return {"losses": self.losses, "seen": self.seen}

    def _restore(self, state: dict[str, Any]) -> None:
        self.losses, self.seen = state["losses"], state["seen"]

    def _amount(self) -> float:
        return self.budget.amount

    def _make_optimizer(self) -> torch.optim.Optimizer:
        optimizer = make_optimizer(self.supernet, self.training)
        if self.training.optimizer == "sgd":
            for group in optimizer.param_groups:
                group["fused"] = False  # which cannot begin with a weight later than with others
        return optimizer

    def _segment(self, segment: int) -> list[float]:
        losses = super()._segment(segment)
        if losses:
            self.losses.append((self.steps, sum(losses) / len(losses)))
        return losses

    def _step(self) -> float:
        batch = self._batch()
        loss = self._sandwich(batch) if self.sandwich else self._uniform(batch)
        self._descend()
        return loss

    def _uniform(self, batch: Batch) -> float:
        """Random networks by the labels; returns their mean loss."""
        total = 0.0
        for _ in range(self.random):
            self.supernet.activate(sampled(self.supernet, self.rng, self.feasible))
            loss = self.task.loss(self.supernet, batch)
            (loss / self.random).backward()
            total += float(loss.detach()) / self.random
        self.seen += self.random
        return total

    def _sandwich(self, batch: Batch) -> float:
        """The largest, the smallest and random ones; returns the largest network's loss."""
        supernet, rng, networks = self.supernet, self.rng, 2 + self.random
        supernet.activate(largest(supernet, rng, self.feasible))
        teacher = _Output(supernet(batch.inputs)) if self.distillation else supernet
        loss = self.task.loss(teacher, batch)
        (loss / networks).backward()
        prediction = teacher.output.detach() if isinstance(teacher, _Output) else None
        students = [smallest(supernet, rng, self.feasible)]
        students += [sampled(supernet, rng, self.feasible) for _ in range(self.random)]
        for architecture in students:
            supernet.activate(architecture)
            (self._student_loss(batch, prediction) / networks).backward()
        self.seen += networks
        return float(loss.detach())

    def _student_loss(self, batch: Batch, prediction: Tensor | None) -> Tensor:
        if prediction is None:
            return self.task.loss(self.supernet, batch)
        student = _Output(self.supernet(batch.inputs))
        loss = self.distillation * self._distance(student, prediction, batch)
        if self.distillation < 1:
            loss = loss + (1 - self.distillation) * self.task.loss(student, batch)
        return loss

    def _distance(self, student: "_Output", prediction: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy with the predicted distribution over classes, or the loss on predicted values."""
        outputs = self.supernet.signature.outputs
        if not outputs or outputs[0].classes is None:
            return self.task.loss(student, Batch(batch.inputs, prediction))
        logits = student.output.float().flatten(0, -2)
        return F.cross_entropy(logits, prediction.float().flatten(0, -2).softmax(-1))


def _as_alone(settings: SupernetSettings, optimizer: Literal["sgd", "adamw"]) -> TrainingSettings:
    """The settings of a supernet as those of a network that is trained alone."""
    return TrainingSettings(
        optimizer=optimizer,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        batch_size=settings.batch_size,
        clip=settings.clip,
        warmup=0.0,
        final_share=0.0,
        length=None,
    )


def _shared(training: TrainingSettings, checks: int) -> SupernetSettings:
    """What the loop needs of the settings of a network that is trained alone."""
    return SupernetSettings(
        batch_size=training.batch_size,
        learning_rate=training.rate,
        momentum=training.momentum,
        weight_decay=training.decay,
        clip=training.clip,
        checks=checks,
        precision=training.precision,  # type: ignore[arg-type]
    )


class _Output(nn.Module):
    """Gives what a network has computed once to all losses of it."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, inputs: Tensor) -> Tensor:
        return self.output
