"""The evaluator that trains: build, train, and measure what would ship."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

import sugata
from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.evaluators.logs import Logger, log_training
from sugata.evaluators.networks import Networks
from sugata.tasks.base import silent
from sugata.training import CHECKPOINT, ONE_DEVICE, Hardware, TrainingSettings, fits, load_weights
from sugata.trial import Fidelity, Metric, Proposal, Status, Value

TRAINING_SECONDS = Metric("training_seconds", "s", "minimize", "training time of this rung")
_NO_CURVE: tuple[tuple[float, float], ...] = ()


class TrainingEvaluator(Evaluator):
    """Trains an architecture's network for a task, and measures what ships of it.

    Training goes on from the lower rung's checkpoint where its weights are those of the same network, and is
    shared by architectures that train the same.
    """

    def __init__(
        self,
        networks: Networks,
        settings: TrainingSettings,
        *,
        ladder: tuple[Fidelity, ...],
        hardware: Hardware = ONE_DEVICE,
        logger: Logger = "csv",
    ) -> None:
        """Train networks with these settings.

        Args:
            hardware: what trains a network.
            logger: what a training leaves in its folder: nothing, ``curve.csv``, or event files as well.
        """
        self.networks = networks
        self.settings = settings
        self.ladder = ladder
        self.hardware = hardware
        self.logger: Logger = logger
        self.metrics = (*networks.task.metrics, *networks.metrics, TRAINING_SECONDS)

    def fingerprint(self) -> str:
        """Of task data, training settings and the versions of sugata and torch."""
        parts = [self.networks.task.fingerprint(), asdict(self.settings), *self.networks.settings()]
        parts += [sugata.__version__, torch.__version__]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def prepare(self) -> None:
        """Prepare the task's data."""
        choices = self.networks.space.choices
        self.networks.prepare({choice.name: choice.options for choice in choices}, say=silent)

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Costs before any training; those that are timed, of a network with initial weights."""
        return self.networks.costs(architecture, names, exclusive or nullcontext())

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Train on what the hardware says (or share a training), then measure.

        The curve is (targets seen, mean training loss, in bits a target where it is a likelihood).
        """
        task, fidelity = self.networks.task, proposal.fidelity
        architecture = self.networks.space.architecture(proposal.architecture)
        model = self.networks.build(architecture, fidelity, context.seed)
        if context.trained and context.source is not None:
            share_checkpoint(context.source / CHECKPOINT, context.folder / CHECKPOINT)
            load_weights(context.folder / CHECKPOINT, model)
            curve, seconds = _NO_CURVE, 0.0
            details: dict[str, Any] = {"training": f"shared with {context.source.name}"}
        else:
            model.to(self.hardware.device)
            result = self.hardware.train(
                model,
                task,
                architecture,
                self.networks.training_settings(architecture, self.settings),
                budget=fidelity,
                seed=context.seed,
                report=context.report,
                folder=context.folder,
                resume_from=_checkpoint(context, model),
                after_step=self.networks.while_training(model, architecture),
            )
            if result.status is not Status.COMPLETED:
                return Evaluation(result.status, reason=result.reason, curve=result.curve)
            model.to("cpu")  # what ships is measured there
            curve, seconds = result.curve, result.seconds
            details = {"steps": result.steps, task.targets: result.tokens}
        metrics = self.networks.measure(model, architecture, fidelity, context.exclusive())
        metrics[TRAINING_SECONDS.name] = seconds
        log_training(self.logger, context.folder, curve, self._curve_names(), metrics)
        return Evaluation(Status.COMPLETED, metrics, curve=curve, details=details)

    def _curve_names(self) -> tuple[str, str]:
        targets = self.networks.task.targets
        loss = f"training_bits_per_{targets[:-1]}" if self.networks.task.likelihood else "training_loss"
        return targets, loss


def _checkpoint(context: Context, model: nn.Module) -> Path | None:
    """Its own, where a killed attempt left one; else that of the trial it continues.

    Where a cheaper rung trained a narrower network, neither: training starts anew.
    """
    if (context.folder / CHECKPOINT).is_file():
        return context.folder / CHECKPOINT
    if context.source is None or not (context.source / CHECKPOINT).is_file():
        return None
    before = context.source / CHECKPOINT
    return before if fits(before, model) else None


def share_checkpoint(checkpoint: Path, own: Path) -> None:
    """Give a trial the weights of the trial that trained the same, without a copy where that is possible."""
    own.unlink(missing_ok=True)
    try:
        own.hardlink_to(checkpoint)
    except OSError:
        shutil.copyfile(checkpoint, own)


def deployment_metrics(networks: Networks, architecture: Mapping[str, Value]) -> list[tuple[Metric, float]]:
    """What a network costs where it ships, measured here and now, before any training."""
    values = networks.costs(architecture, [metric.name for metric in networks.metrics], nullcontext())
    return [(metric, values[metric.name]) for metric in networks.metrics if metric.name in values]
