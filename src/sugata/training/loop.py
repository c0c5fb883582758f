"""The training loop: plain PyTorch, the same for every network and task."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import RecipeError
from sugata.tasks.base import Batch, Task
from sugata.training import distributed, regularization
from sugata.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint, set_weights, weights
from sugata.training.optimizer import make_optimizer
from sugata.training.precision import autocast, choose_precision, memory_format
from sugata.training.progress import Progress
from sugata.training.schedule import rate_share, training_clock
from sugata.training.settings import TrainingSettings
from sugata.trial import Fidelity, Status, Value

Report = Callable[[float, float], bool]
AfterStep = Callable[[float], None]

#: Points of the training curve for each budget.
CURVE_POINTS = 100
#: Losses are read after so many steps: on a GPU reading one waits for all work that is queued.
READ_EVERY = {"cpu": 1}
READ_EVERY_ELSEWHERE = 20


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    Attributes:
        status: COMPLETED when the budget was spent or validation stopped improving, STOPPED when `report`
            asked for it, DIVERGED when a loss or gradient was NaN or infinite.
        steps: optimizer steps since the first, over all budgets.
        tokens: targets seen since the first step.
        seconds: time spent in training steps, by `training_clock`, without validations and checkpoints.
        curve: (tokens, mean training loss, in bits where it is a likelihood).
        validation: (tokens, value of the task's primary metric).
        reason: why training ended before its budget; empty when it did not.
    """

    status: Status
    steps: int
    tokens: int
    seconds: float
    curve: tuple[tuple[float, float], ...]
    validation: tuple[tuple[float, float], ...]
    reason: str = ""


def train(
    model: nn.Module,
    task: Task,
    architecture: Mapping[str, Value],
    settings: TrainingSettings | None = None,
    *,
    budget: Fidelity,
    seed: int = 0,
    report: Report | None = None,
    folder: Path | None = None,
    resume_from: Path | None = None,
    after_step: AfterStep | None = None,
) -> TrainingResult:
    """Train a model in place, on the device where it lies, and leave it in evaluation mode.

    AdamW (Loshchilov & Hutter 2019) with rates that follow each matrix's width (`parameter_groups`), or SGD
    with Nesterov's momentum; linear warm-up and cosine over the budget. Networks with convolutions over
    images are laid out channels last, which their kernels are fastest in.

    A checkpoint is resumed in one of two ways. If it was written under the same budget and before its end
    (the process was killed), training goes on as if nothing had happened: with a budget in steps or tokens,
    on the same machine, the weights come out bit for bit as without the interruption. Otherwise (a cheaper
    rung's training goes on) weights and moments are taken over and the schedule restarts over the added
    budget, warm-up included, as the warm restarts of SGDR (Loshchilov & Hutter 2017) do.

    Args:
        model: the network; its weights are changed.
        task: gives batches, loss and validation.
        architecture: the choices that the model was built from.
        settings: how to train; the defaults when None.
        budget: `amount` and `unit` (seconds, steps, tokens or epochs) count from the first step ever.
        seed: of the order of the data.
        report: called after each validation with what was spent, in the budget's unit, and the value of the
            primary metric; training stops when it returns False.
        folder: where `checkpoint.safetensors` is written, regularly and at the end; None writes nothing.
        resume_from: the checkpoint to continue from.
        after_step: called before the first step, on the weights that training begins or goes on with, and
            after each step of the optimizer, with the spent share of the budget; it may change weights, as
            gradual pruning does.

    With `settings.distill` the loss is shared with a teacher, whose time counts. Projections of a
    distillation start anew when a training is resumed.

    Raises:
        RecipeError: settings that this model, device or group of processes cannot follow.
        RunFolderError: `resume_from` is unreadable or of another architecture.
        DiskFullError: a checkpoint does not fit.
    """
    run = _Run(model, task, architecture, settings or TrainingSettings(), budget, seed, resume_from)
    model.train()
    status, reason = Status.COMPLETED, ""
    saved = time.monotonic()
    if after_step is not None:
        after_step(min(run.progress.share, 1.0))
    while not run.progress.finished and run.progress.share < 1.0:
        run.step()
        if after_step is not None:
            after_step(min(run.progress.share, 1.0))
        bad_step = run.read_losses()
        if bad_step is not None:
            status, reason = Status.DIVERGED, f"the loss is not finite at step {bad_step}"
            break
        if run.evaluation_is_due():
            with run.paused():
                value = run.evaluate()
                go_on = distributed.agree(report is None or report(run.progress.spent, value))
            if not go_on:
                status, reason = Status.STOPPED, f"stopped at step {run.progress.step}, as asked"
                break
            if run.waited_enough():
                reason = f"validation did not improve for {run.progress.waiting} evaluations"
                break
        if folder is not None and time.monotonic() - saved >= run.settings.checkpoint_seconds:
            with run.paused():
                run.save(folder)
            saved = time.monotonic()
    # A diverged model is of no use to anybody, so its last good checkpoint stays.
    if status is not Status.DIVERGED:
        run.finish(folder)
    if run.settings.drop_path:
        regularization.end_drop_path(model)
    regularization.end_noise(model)
    model.eval()
    return run.result(status, reason)


class _Run:
    """The state of one call of `train`, and its steps."""

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        architecture: Mapping[str, Value],
        settings: TrainingSettings,
        budget: Fidelity,
        seed: int,
        resume_from: Path | None,
    ) -> None:
        if settings.distill is not None:
            from sugata.training.distillation import distilled  # needs what is above this loop

            task = distilled(task, settings.distill, model, architecture, seed=seed)
        self.model, self.task, self.architecture, self.settings = model, task, architecture, settings
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.precision = choose_precision(settings.precision, model, self.device)
        self.memory_format = memory_format(model)
        model.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(model, settings)
        if task.companion is not None:
            for group in make_optimizer(task.companion, settings).param_groups:
                self.optimizer.add_param_group(group)
            self.parameters += list(task.companion.parameters())
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self.loss = distributed.loss_module(model, task, settings.batch_size, settings.auxiliary_weight)
        regularization.check_drop_path(model, settings.drop_path)
        self.seed = seed
        self.best: dict[str, Tensor] | None = None
        self.unread: list[Tensor] = []
        self.read_every = READ_EVERY.get(self.device.type, READ_EVERY_ELSEWHERE)
        if settings.checkpoint_activations:
            if not hasattr(model, "checkpoint_activations"):
                raise RecipeError(
                    f"training.checkpoint_activations: {type(model).__name__} cannot do it; switch it off"
                )
            model.checkpoint_activations = True  # type: ignore[assignment]

        epoch_tokens = task.epoch_size(architecture, budget) if budget.unit == "epochs" else 0
        self.progress = Progress(budget.amount, budget.unit, epoch_tokens=epoch_tokens)
        if resume_from is not None:
            self._resume(resume_from, budget, epoch_tokens)
        # The step at which the budget was given makes the draws of a later rung differ from those before.
        self.batches = task.batches(
            architecture,
            batch_size=settings.batch_size,
            length=settings.length,
            generator=np.random.default_rng((seed, self.progress.start_step)),
            fidelity=budget,
        )
        self.fidelity = budget
        for _ in range((self.progress.step - self.progress.start_step) * settings.accumulation):
            next(self.batches)
        self.clock = training_clock(self.device)
        self.clock_start = self.clock() - self.progress.seconds

    def _resume(self, path: Path, budget: Fidelity, epoch_tokens: int) -> None:
        self.progress, self.best, loss_scale = load_checkpoint(path, self.model, self.optimizer)
        if self.scaler.is_enabled():
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": loss_scale})
        same = (self.progress.amount, self.progress.unit) == (budget.amount, budget.unit)
        if not same:
            self.progress.extend(budget.amount, budget.unit, epoch_tokens)

    def step(self) -> None:
        """One step of the optimizer at the rate that the spent share of the budget gives."""
        settings, progress = self.settings, self.progress
        rate = rate_share(progress.share, settings.warmup, settings.final_share)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * rate
        if settings.drop_path:
            probability = settings.drop_path * min(progress.share, 1.0)
            regularization.set_drop_path(self.model, probability, self.seed, progress.step)
        regularization.set_noise(self.model, self.seed, progress.step)
        for _ in range(settings.accumulation - 1):
            with distributed.without_exchange(self.loss):
                self._backward(next(self.batches))
        self._backward(next(self.batches))
        if settings.clip:
            self.scaler.unscale_(self.optimizer)
            self._clip(settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.seconds = distributed.agree(self.clock() - self.clock_start)

    def _backward(self, batch: Batch) -> None:
        """Add the gradient of one micro-batch."""
        self.progress.tokens += batch.size
        batch = distributed.local_share(batch).to(self.device, self.memory_format)
        with autocast(self.precision, self.device):
            loss = self.loss(batch)
        self.unread.append(distributed.mean(loss.detach()))
        if self.settings.accumulation > 1:
            loss = loss / self.settings.accumulation
        self.scaler.scale(loss).backward()

    def _clip(self, most: float) -> None:
        """Scale the gradient down to the norm `most` if it is longer."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if not self.scaler.is_enabled():
            # Zero times the norm is zero, or NaN where the gradient is not finite. (The scaler skips those.)
            self.unread[-1] = self.unread[-1] + 0.0 * norm
        # On a CPU the norm can be read for nothing, and often it spares the multiplication.
        if norm.device.type != "cpu" or norm.item() > most:
            nn.utils.clip_grads_with_norm_(self.parameters, most, norm)

    def read_losses(self) -> int | None:
        """Put the losses of the last steps on the curve; returns the step of one that is not finite."""
        progress, steps = self.progress, len(self.unread) // self.settings.accumulation
        due = int(min(progress.share, 1.0) * CURVE_POINTS)
        if steps < self.read_every and due == progress.points and self.read_every > 1:
            return None
        values = torch.stack(self.unread).tolist()
        self.unread.clear()
        for index, value in enumerate(values):
            if not math.isfinite(value):
                return progress.step - steps + 1 + index // self.settings.accumulation
        total, count = progress.losses
        progress.losses = (total + sum(values), count + len(values))
        if due > progress.points:
            total, count = progress.losses
            nats = total / count
            progress.curve.append((progress.tokens, nats / math.log(2.0) if self.task.likelihood else nats))
            progress.points, progress.losses = due, (0.0, 0)
        return None

    def evaluation_is_due(self) -> bool:
        """Whether the spent share of the budget calls for a validation."""
        due = int(min(self.progress.share, 1.0) * self.settings.evaluations)
        return due > self.progress.evaluations

    def evaluate(self) -> float:
        """The primary metric on the validation split, recorded."""
        progress, metric = self.progress, self.task.primary
        self.model.eval()
        value = self.task.evaluate(
            self.model,
            self.architecture,
            split="validation",
            limit=self.settings.evaluation_limit,
            fidelity=self.fidelity,
        )[metric.name]
        value = distributed.agree(value)  # batch norms have seen other rows in each process
        self.model.train()
        progress.evaluations = int(min(progress.share, 1.0) * self.settings.evaluations)
        progress.validation.append((progress.tokens, value))
        if progress.best is None or metric.cost(value) < progress.best:
            progress.best, progress.waiting = metric.cost(value), 0
            if self.settings.patience:
                self.best = {name: tensor.clone() for name, tensor in weights(self.model).items()}
        else:
            progress.waiting += 1
        return value

    def waited_enough(self) -> bool:
        """Whether validation has not improved for as long as the settings allow."""
        return bool(self.settings.patience) and self.progress.waiting >= self.settings.patience

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that does not count as training."""
        start = self.clock()
        yield
        self.clock_start += self.clock() - start

    def save(self, folder: Path) -> None:
        """Write the checkpoint, from the first process only."""
        if distributed.rank() == 0:
            scale = self.scaler.get_scale()
            path = folder / CHECKPOINT
            save_checkpoint(path, self.model, self.optimizer, self.progress, best=self.best, loss_scale=scale)

    def finish(self, folder: Path | None) -> None:
        """Write the last checkpoint and, after early stopping, go back to the best weights."""
        self.progress.finished = True
        if folder is not None:
            self.save(folder)
        if self.best is not None:
            set_weights(self.model, self.best)

    def result(self, status: Status, reason: str) -> TrainingResult:
        """What `train` returns."""
        progress = self.progress
        return TrainingResult(
            status=status,
            steps=progress.step,
            tokens=progress.tokens,
            seconds=progress.seconds,
            curve=tuple(progress.curve),
            validation=tuple(progress.validation),
            reason=reason,
        )
