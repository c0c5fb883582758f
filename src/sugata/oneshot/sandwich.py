"""Training an elastic supernet: the sandwich rule with in-place distillation."""

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.errors import LimitError, RecipeError
from sugata.evaluators import Context
from sugata.oneshot.base import Feasible, OneShot, Supernet, anything
from sugata.oneshot.elastic import ElasticSupernet, largest, sampled, smallest
from sugata.space import Architecture
from sugata.tasks import Batch, Task
from sugata.training import TrainingSettings, rate_share, training_clock
from sugata.training.optimizer import make_optimizer
from sugata.trial import Fidelity

_PATHS, _DATA, _DERIVE = 2, 3, 4  # purposes of random draws, beside the seed


class Elastic(OneShot):
    """Trains all sizes at once by the sandwich rule (Yu & Huang 2019, section 3.2).

    A step adds up the gradients of the largest network, the smallest and some random ones on one batch. The
    largest learns from the labels; the others, by in-place distillation (section 3.3), from what the largest
    has just predicted. BigNAS (Yu et al. 2020, section 3.1) trains single-stage networks so.

    Departures. Choices that are no sizes, such as token mixers, are drawn anew for each of these networks,
    also the largest. Within limits, the largest is one that random sizes have been shrunk to. Gradients are
    those of the mean over the networks of a step.

    Without the sandwich rule a step trains random networks alone, by the labels (Guo et al. 2020, uniform
    sampling). The largest network costs many times what a random one does: where the budget is short, as for
    ranking language models, steps are worth more than it is.

    Args:
        settings: optimizer, rates, schedule, batches and clipping; by default AdamW as for training alone.
            Everything else in them is for training alone; products are in fp32.
        budget: ``steps``, or ``seconds`` of training.
        sandwich: whether every step trains the largest and the smallest network.
        random: networks of a step besides these two.
        distillation: how much of the loss of all but the largest compares with its prediction; the rest
            compares with the labels. 1 as published, 0: labels alone, as always without the sandwich rule.
        candidates: how many random architectures :meth:`derive` scores.
        limit: images, or bytes of text, that score one; None: all of the validation split.
        checks: how often progress is reported.

    Attributes:
        losses: of the largest networks by the labels (without the sandwich rule, of all), the mean since the
            last check, with the steps so far.
        seen: how many forward and backward passes were made.
    """

    def __init__(
        self,
        settings: TrainingSettings | None = None,
        budget: Fidelity | None = None,
        *,
        sandwich: bool = True,
        random: int = 2,
        distillation: float = 1.0,
        candidates: int = 200,
        limit: int | None = None,
        checks: int = 20,
    ) -> None:
        self.budget = budget or Fidelity(amount=2000, unit="steps")
        if self.budget.unit not in ("steps", "seconds"):
            raise RecipeError(f"oneshot.budget is in {self.budget.unit!r}; give it in steps or seconds")
        if not 0 <= distillation <= 1:
            raise RecipeError(f"oneshot.distillation is {distillation}; give a share from 0 to 1")
        for name, count, least in (
            ("random", random, 0 if sandwich else 1),
            ("candidates", candidates, 1),
            ("checks", checks, 1),
        ):
            if count < least:
                raise RecipeError(f"oneshot.{name} is {count}; it must be at least {least}")
        self.settings = settings or TrainingSettings()
        self.sandwich = sandwich
        self.random = random
        self.distillation = distillation
        self.candidates = candidates
        self.limit = limit
        self.checks = checks
        self.losses: list[tuple[int, float]] = []
        self.seen = 0

    def fit(self, supernet: Supernet, task: Task, context: Context, feasible: Feasible = anything) -> None:
        """Train the weights on the split ``train``; nothing that breaks a limit is computed.

        Raises:
            RecipeError: the supernet is not elastic.
            LimitError: no architecture meets the limits.
        """
        if not isinstance(supernet, ElasticSupernet):
            raise RecipeError(
                f"Elastic trains elastic supernets, not {type(supernet).__name__}; use SinglePath"
            )
        self.supernet, self.task, self.context, self.feasible = supernet, task, context, feasible
        supernet.task = task
        settings, amount = self.settings, self.budget.amount
        parameters = [parameter for parameter in supernet.parameters() if parameter.requires_grad]
        optimizer = make_optimizer(supernet, settings)
        if settings.optimizer == "sgd":
            for group in optimizer.param_groups:
                group["fused"] = False  # which cannot begin with a weight later than with others
        rng = np.random.default_rng([context.seed, _PATHS])
        batches = task.batches(
            sampled(supernet, rng, feasible),
            batch_size=settings.batch_size,
            length=settings.length,
            generator=np.random.default_rng([context.seed, _DATA]),
        )
        clock = training_clock(parameters[0].device)
        begun, step, checked, spent = clock(), 0, 0, 0.0
        since: list[float] = []
        supernet.train()
        while spent < amount:
            rate = rate_share(spent / amount, settings.warmup, settings.final_share)
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
            since.append(self._step(next(batches).to(parameters[0].device), rng))
            if settings.clip:
                nn.utils.clip_grad_norm_(parameters, settings.clip)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            spent = step if self.budget.unit == "steps" else clock() - begun
            if int(spent / amount * self.checks) > checked:
                checked = int(spent / amount * self.checks)
                self.losses.append((step, sum(since) / len(since)))
                since.clear()
                if not context.report(spent, self.losses[-1][1]):
                    return

    def derive(self, count: int) -> list[Architecture]:
        """The best of random architectures by their scores on the supernet.

        Raises:
            LimitError: fewer within the limits were found.
        """
        space, rng = self.supernet.space, np.random.default_rng([self.context.seed, _DERIVE])
        drawn = (sampled(self.supernet, rng, self.feasible) for _ in range(self.candidates))
        different = {space.deployment_key(architecture): architecture for architecture in drawn}
        if len(different) < count:
            raise LimitError(
                f"{space.name}: {len(different)} different architectures among {self.candidates} drawn ones,"
                f" {count} are asked for; raise oneshot.candidates"
            )
        evaluator, metric = self.supernet.evaluator(self.task, self.limit), self.task.primary
        costs = {key: metric.cost(evaluator.score(one)[metric.name]) for key, one in different.items()}
        return [different[key] for key in sorted(costs, key=lambda key: costs[key])[:count]]

    def _step(self, batch: Batch, rng: np.random.Generator) -> float:
        """Add up the gradients of one step; returns the loss that is reported."""
        return self._sandwich(batch, rng) if self.sandwich else self._uniform(batch, rng)

    def _uniform(self, batch: Batch, rng: np.random.Generator) -> float:
        """Random networks by the labels; returns their mean loss."""
        total = 0.0
        for _ in range(self.random):
            self.supernet.activate(sampled(self.supernet, rng, self.feasible))
            loss = self.task.loss(self.supernet, batch)
            (loss / self.random).backward()
            total += float(loss.detach()) / self.random
        self.seen += self.random
        return total

    def _sandwich(self, batch: Batch, rng: np.random.Generator) -> float:
        """The largest, the smallest and random ones; returns the largest network's loss."""
        supernet, networks = self.supernet, 2 + self.random
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


class _Output(nn.Module):
    """Gives what a network has computed once to all losses of it."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, inputs: Tensor) -> Tensor:
        return self.output
