"""The one loop by which every method trains the weights of a supernet."""

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from sugata.errors import RecipeError
from sugata.oneshot.base import Feasible, FitContext, OneShot, Supernet, anything, sampled
from sugata.oneshot.checkpoint import identity
from sugata.oneshot.settings import SupernetSettings
from sugata.oneshot.state import load_state, save_state
from sugata.options import options_of
from sugata.tasks import Batch, ImageTask, Task
from sugata.training import distributed, rate_share, training_clock
from sugata.training.precision import autocast, choose_precision

#: Purposes of random draws, beside the seed.
BEGIN, DRAWS, DATA, DERIVE = 1, 2, 3, 4
_SPLITS = ("train", "validation")


class TrainedMethod(OneShot):
    """A method that trains weights step by step, and can go on after it was killed.

    The budget is divided into segments of equal length, ``settings.checks`` of them. Each draws its data and
    paths from generators of (seed, purpose, segment); at its end the loss is reported, and everything that
    the next one needs is written into the folder of the context. So the continued training equals the
    uninterrupted one bit for bit, as long as the budget is in steps and the machine the same.

    All processes of a `torch.distributed` group that call :meth:`fit` alike train together: they draw the
    same and take shares of each batch's rows. Batch norms see the rows of their own process; running
    statistics are those of the first.

    A subclass defines :meth:`_step`; what it learns besides weights it makes in :meth:`_begin`, gives to the
    file in :meth:`_state` and takes back in :meth:`_restore`. It keeps its constructor's options as
    attributes of the same names, which tell its files from those of other options.

    Attributes:
        ended: why the training ended early; empty when it did not.
        steps: updates of the weights so far.
        progress: spent share of the budget.
    """

    settings: SupernetSettings
    unit = "steps"  # or seconds
    length: int | None = None  # of sequences, where the task has them
    warmup = 0.0  # share of the budget in which the rate climbs
    final_share = 0.0  # of the rate, at the end
    nesterov = False
    learns_held = False  # whether it learns from the split validation too

    def __init__(self, settings: SupernetSettings | None = None) -> None:
        self.settings = settings or SupernetSettings()
        self.ended = ""

    def fit(self, supernet: Supernet, task: Task, context: FitContext, feasible: Feasible = anything) -> None:
        """Train the weights, and learn what the method learns.

        Raises:
            DataError: it learns from validation images, of which some class has none.
            LimitError: no architecture that meets the limits was found.
            RecipeError: the loss is not finite any more.
            RunFolderError: the folder has the state of another training.
        """
        self.supernet, self.task, self.context, self.feasible = supernet, task, context, feasible
        self.weights = [parameter for parameter in supernet.parameters() if parameter.requires_grad]
        self.device = self.weights[0].device
        if self.learns_held and isinstance(task, ImageTask):
            task.require_all_classes("validation")
        distributed.check_shares(self.settings.batch_size)
        self.precision = choose_precision(self.settings.precision, supernet, self.device)
        self.weight_optimizer = self._make_optimizer()
        self.ended, self.steps, self.spent, self.progress = "", 0, 0.0, 0.0
        begin = np.random.default_rng([context.seed, BEGIN])
        self.any = sampled(supernet, begin, feasible)  # what a task reads of it is the same for all
        self._begin(begin)
        segment = self._resumed()
        self.clock = training_clock(self.device)
        self.begun = self.clock() - (self.spent if self.unit == "seconds" else 0.0)
        while segment < self._segments() and not self.ended:
            supernet.train()
            self._draw_anew(segment)
            losses = self._segment(segment)
            segment += 1
            distributed.share_buffers(supernet)
            if losses and not self._go_on(losses):
                self.ended = self.ended or "stopped, as asked"
            self._keep(segment)
        self._finish()

    # -- what methods differ in ------------------------------------------------------------------------

    @abstractmethod
    def _step(self) -> float:
        """One update of the weights, and of what else is learned; returns the loss to report."""

    def _begin(self, rng: np.random.Generator) -> None:
        """Make what is learned besides weights."""

    def _state(self) -> dict[str, Any]:
        """That, as tensors and plain values."""
        return {}

    def _restore(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`_state` gave."""

    def _segments(self) -> int:
        """How many there are."""
        return self.settings.checks

    def _amount(self) -> float:
        """The budget, in `unit`."""
        return self.settings.steps

    def _segment(self, segment: int) -> list[float]:
        """All of one segment; returns the losses to report."""
        return self._train(self._amount() * (segment + 1) / self._segments())

    def _finish(self) -> None:
        """Do what is left when the training has ended, early or not."""

    def _make_optimizer(self) -> torch.optim.Optimizer:
        """Groups with a ``peak_lr`` follow the schedule from there."""
        settings = self.settings
        return torch.optim.SGD(
            [{"params": self.weights, "peak_lr": settings.learning_rate}],
            settings.learning_rate,
            settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=self.nesterov and settings.momentum > 0,
        )

    # -- what they have in common ----------------------------------------------------------------------

    def _train(self, end: float) -> list[float]:
        """Take steps until so much of the budget is spent; returns their losses."""
        losses = []
        while self.spent < end:
            self.progress = self.spent / self._amount()
            rate = rate_share(self.progress, self.warmup, self.final_share)
            for group in self.weight_optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
            with autocast(self.precision, self.device):
                losses.append(self._step())
            self.steps += 1
            self.spent = self.steps
            if self.unit == "seconds":
                self.spent = distributed.agree(self.clock() - self.begun)
        return losses

    def _descend(self) -> None:
        """Move the weights along their gradients."""
        distributed.average_gradients(self.weights)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
        self.weight_optimizer.step()
        self.weight_optimizer.zero_grad()

    def _batch(self, split: str = "train") -> Batch:
        """The next batch of a split, or this process's share of its rows."""
        if split not in self._streams:
            self._streams[split] = self._stream(split, self._at)
        return distributed.local_share(next(self._streams[split])).to(self.device)

    def _stream(self, split: str, segment: int) -> Iterator[Batch]:
        return self.task.batches(
            self.any,
            batch_size=self.settings.batch_size,
            length=self.length,
            generator=np.random.default_rng([self.context.seed, DATA, _SPLITS.index(split), segment]),
            split=split,
        )

    def _draw_anew(self, segment: int) -> None:
        self._at = segment
        self._streams: dict[str, Iterator[Batch]] = {}
        self.rng = np.random.default_rng([self.context.seed, DRAWS, segment])
        self.generator = torch.Generator().manual_seed(int(self.rng.integers(2**62)))

    def _go_on(self, losses: list[float]) -> bool:
        """Report; False: stop."""
        loss = float(distributed.mean(torch.tensor(sum(losses) / len(losses))))
        self._check_finite(loss)
        share = min(1.0, self.spent / self._amount())
        return bool(distributed.agree(distributed.rank() > 0 or self.context.report(share, loss)))

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise RecipeError(
                f"supernet.learning_rate is {self.settings.learning_rate:g}: the loss is {loss} after"
                f" {self.steps} steps; lower it"
            )

    def _keep(self, segment: int) -> None:
        if self.context.folder is None or distributed.rank() > 0:
            return
        state = {
            "segment": segment,
            "steps": self.steps,
            "spent": self.spent,
            "ended": self.ended,
            "weights": dict(self.supernet.state_dict()),
            "optimizer": self.weight_optimizer.state_dict(),
            "method": self._state(),
        }
        save_state(self.context.folder, self._identity(), state)

    def _resumed(self) -> int:
        """Take over the kept state; returns the segment to go on with."""
        state = None
        if self.context.folder is not None:
            state = load_state(self.context.folder, self._identity())
        if state is None:
            return 0
        self.supernet.load_state_dict(state["weights"])
        self.weight_optimizer.load_state_dict(state["optimizer"])
        self.steps, self.spent, self.ended = state["steps"], state["spent"], state["ended"]
        self._restore(state["method"])
        return int(state["segment"])

    def _identity(self) -> dict[str, str]:
        """What has to be equal to go on with a kept state."""
        shared = identity(self.supernet)
        decisions = hashlib.sha256(json.dumps(shared["decisions"]).encode()).hexdigest()[:12]
        found: dict[str, Any] = {
            "method": type(self).__name__,
            **{name: shared[name] for name in ("class", "space", "parameters", "signature")},
            "decisions": decisions,
            "task": self.task.fingerprint(),
            "seed": self.context.seed,
            **asdict(self.settings),
            **{name: getattr(self, name, None) for name in options_of(type(self), ("self", "settings"))},
        }
        return {name: str(value) for name, value in found.items()}
