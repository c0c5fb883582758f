"""The training of a supernet over several processes of this machine."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from sugata.errors import RecipeError
from sugata.oneshot.base import Feasible, FitContext, OneShot, Supernet, anything
from sugata.oneshot.fitting import TrainedMethod
from sugata.space import Architecture
from sugata.tasks import Task
from sugata.training import distributed
from sugata.training.ranks import Ask, Strategy, run_ranks


@dataclass(frozen=True)
class _Context:
    """What a method needs to know in a process of the group, and where all is done already."""

    seed: int
    folder: Path
    report: Callable[[float, float], bool]


def fit_together(
    method: OneShot,
    supernet: Supernet,
    task: Task,
    context: FitContext,
    feasible: Feasible = anything,
    *,
    devices: int,
    strategy: Strategy = "ddp",
) -> None:
    """Fit as the method does, in ``devices`` processes that share the rows of each batch.

    They keep the state in the folder of the context, from which the method takes it over here. Limits are
    asked of this process alone, so that all sample the same.

    Args:
        devices: how many processes; GPUs where the supernet lies on one.
        strategy: as of :func:`run_ranks`.

    Raises:
        RecipeError: the method does not keep its state.
        SugataError: as :meth:`OneShot.fit` and :func:`run_ranks`.
    """
    if not isinstance(method, TrainedMethod):
        raise RecipeError(f"{type(method).__name__} trains in one process; set devices to 1")
    with tempfile.TemporaryDirectory(prefix="sugata-supernet-") as temporary:
        folder = context.folder or Path(temporary)
        run_ranks(
            _fit,
            (method, supernet, task, context.seed, folder),
            devices,
            strategy,
            answers={"report": context.report, "feasible": feasible},
            accelerator=next(supernet.parameters()).device.type,
        )
        method.fit(supernet, task, _Context(context.seed, folder, context.report), feasible)


def _fit(ask: Ask, method: OneShot, supernet: Supernet, task: Task, seed: int, folder: Path) -> None:
    """In each process."""
    if next(supernet.parameters()).device.type == "cuda":
        supernet.to(torch.device("cuda", distributed.rank()))
    known: dict[Architecture, str | None] = {}

    def feasible(architecture: Architecture) -> str | None:
        if architecture not in known:
            first = distributed.rank() == 0
            known[architecture] = distributed.agree(ask("feasible", architecture) if first else None)
        return known[architecture]

    def report(step: float, value: float) -> bool:
        return bool(ask("report", step, value))

    method.fit(supernet, task, _Context(seed, folder, report), feasible)
