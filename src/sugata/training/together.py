"""The training loop over several processes of this machine, with the signature that it has in one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sugata.tasks.base import Task
from sugata.training import distributed
from sugata.training.checkpoint import set_weights, weights
from sugata.training.loop import Report, TrainingResult, train
from sugata.training.ranks import Ask, Strategy, run_ranks
from sugata.training.settings import TrainingSettings
from sugata.trial import Fidelity, Value


def train_together(
    model: nn.Module,
    task: Task,
    architecture: Mapping[str, Value],
    settings: TrainingSettings | None = None,
    *,
    devices: int,
    strategy: Strategy = "ddp",
    report: Report | None = None,
    **more: Any,
) -> TrainingResult:
    """Train as :func:`train` does, in ``devices`` processes that share the rows of each batch.

    The processes train copies; the result is put into the model.

    Args:
        devices: how many processes; GPUs where the model lies on one.
        strategy: as of :func:`run_ranks`.
        report: called in this process.
        more: the other arguments of :func:`train`.

    Raises:
        SugataError: as :func:`train` and :func:`run_ranks`.
    """
    accelerator = next(model.parameters()).device.type
    answers = {} if report is None else {"report": report}
    result, values = run_ranks(
        _train,
        (model, task, architecture, settings, report is not None, more),
        devices,
        strategy,
        answers=answers,
        accelerator=accelerator,
    )
    set_weights(model, values)
    model.eval()
    trained: TrainingResult = result
    return trained


def _train(
    ask: Ask,
    model: nn.Module,
    task: Task,
    architecture: Mapping[str, Value],
    settings: TrainingSettings | None,
    reports: bool,
    more: Mapping[str, Any],
) -> tuple[TrainingResult, dict[str, Tensor]]:
    """In each process."""

    def report(step: float, value: float) -> bool:
        return bool(ask("report", step, value))

    if next(model.parameters()).device.type == "cuda":
        model.to(torch.device("cuda", distributed.rank()))
    asked = report if reports and distributed.rank() == 0 else None
    budget: Fidelity = more["budget"]
    folder: Path | None = more.get("folder")
    rest = {name: value for name, value in more.items() if name not in ("budget", "folder")}
    result = train(model, task, architecture, settings, budget=budget, folder=folder, report=asked, **rest)
    return result, {name: tensor.cpu() for name, tensor in weights(model).items()}
