"""The training of a supernet as an evaluation, so that any engine can run it in a worker."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.oneshot.base import Feasible, OneShot, Supernet
from sugata.oneshot.checkpoint import save_supernet, warm_start
from sugata.oneshot.supernets import make_supernet
from sugata.oneshot.together import fit_together
from sugata.space import SearchSpace
from sugata.tasks import Task
from sugata.training import ONE_DEVICE, Hardware
from sugata.trial import Proposal, Status

CHECKPOINT = "supernet.safetensors"

MakeFeasible = Callable[..., Feasible]


class SupernetTraining(Evaluator):
    """Trains a supernet, keeps its weights in the folder of the job, and derives architectures.

    Args:
        space: whose networks share weights.
        task: what they learn.
        method: how they are trained, and how architectures are derived.
        network: options of the supernet.
        start: a checkpoint that other data have trained; None: weights are drawn.
        derived: how many architectures are derived; 0: none.
        feasible: makes the check of limits, called with ``exclusive``, which holds the machine alone.
        hardware: what trains it.
    """

    metrics = ()

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        method: OneShot,
        *,
        network: Mapping[str, Any],
        start: Path | None,
        derived: int,
        feasible: MakeFeasible,
        hardware: Hardware = ONE_DEVICE,
    ) -> None:
        self.space = space
        self.task = task
        self.method = method
        self.network = dict(network)
        self.start = start
        self.derived = derived
        self.feasible = feasible
        self.hardware = hardware

    def fingerprint(self) -> str:
        """Of the task's data: the stage is recorded by its run."""
        return self.task.fingerprint()

    def prepare(self) -> None:
        """Prepare the task's data."""
        self.task.prepare({choice.name: choice.options for choice in self.space.choices})

    def supernet(self, seed: int) -> Supernet:
        """The supernet with its first weights."""
        any_architecture = self.space.sample(np.random.default_rng(seed))
        signature = self.task.signature(any_architecture)
        made = make_supernet(self.space, signature, **self.network)
        made.initialize(torch.Generator().manual_seed(seed))
        if self.start is not None:
            warm_start(self.start, made)
        return made

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Train, and say what came out as details: what the method tells, and what it derived."""
        supernet = self.supernet(context.seed).to(self.hardware.device)
        feasible = self.feasible(exclusive=context.exclusive)
        if self.hardware.devices == 1 or self.hardware.strategy == "single":
            self.method.fit(supernet, self.task, context, feasible)
        else:
            fit_together(
                self.method,
                supernet,
                self.task,
                context,
                feasible,
                devices=self.hardware.devices,
                strategy=self.hardware.strategy,
            )
        save_supernet(context.folder / CHECKPOINT, supernet)
        found = self.method.derive(self.derived) if self.derived else []
        details = {**self.method.details(), "derived": [dict(one) for one in found]}
        return Evaluation(Status.COMPLETED, details=details)
