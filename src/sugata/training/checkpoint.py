"""Checkpoints: one safetensors file with weights, the optimizer's moments and the training's counters.

Names in the file: `model.<parameter or buffer>`, `MOMENT.<parameter>` (of AdamW `exp_avg` and `exp_avg_sq`,
of SGD `momentum_buffer`), and `best.<parameter or buffer>` where early stopping keeps the best weights. The
metadata hold the counters as JSON. A tied weight is stored once, under the first of its names.
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sugata.errors import DiskFullError, RunFolderError
from sugata.training.optimizer import MOMENTS
from sugata.training.progress import Progress

CHECKPOINT = "checkpoint.safetensors"


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers by name, each storage once; they share memory with the model."""
    state = model.state_dict(keep_vars=True)
    seen: set[int] = set()
    return {
        name: tensor.detach()
        for name, tensor in state.items()
        if id(tensor) not in seen and not seen.add(id(tensor))  # type: ignore[func-returns-value]
    }


@torch.no_grad()
def set_weights(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Copy tensors, named as `weights` names them, into a model.

    Raises:
        RunFolderError: names or shapes are not those of the model.
    """
    own = weights(model)
    different = sorted(set(own) ^ set(values)) or [n for n in own if own[n].shape != values[n].shape]
    if different:
        raise RunFolderError(
            f"checkpoint: {different[0]} does not fit the model; it belongs to another architecture"
        )
    for name, tensor in own.items():
        tensor.copy_(values[name])


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    *,
    best: Mapping[str, Tensor] | None = None,
    loss_scale: float = 1.0,
) -> None:
    """Write a checkpoint in place of the one before, which stays whole until the new one is.

    Raises:
        DiskFullError: no space left.
    """
    tensors = {f"model.{name}": tensor for name, tensor in weights(model).items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
    for name, parameter in model.named_parameters():
        state = optimizer.state.get(parameter)
        for moment in MOMENTS[type(optimizer)]:
            if state is not None and state.get(moment) is not None:
                tensors[f"{moment}.{name}"] = state[moment]
    _write(path, tensors, {"progress": progress.to_json(), "loss_scale": repr(loss_scale)})


def save_weights(path: Path, model: nn.Module) -> None:
    """Write weights that no training here has made, in a file that :func:`load_weights` reads.

    Raises:
        DiskFullError: no space left.
    """
    _write(path, {f"model.{name}": tensor for name, tensor in weights(model).items()}, {})


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, temporary, {"format": "pt", **metadata})
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise DiskFullError(f"{path}: no space left for a checkpoint; free some and resume") from error
        raise


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Progress, dict[str, Tensor] | None, float]:
    """Restore model and optimizer.

    Returns:
        The counters, the best weights if they were kept, and the loss scale.

    Raises:
        RunFolderError: the file is missing, unreadable or of another architecture.
    """
    tensors, metadata = _read(path)
    set_weights(model, _part(tensors, "model."))
    moments = {moment: _part(tensors, f"{moment}.") for moment in MOMENTS[type(optimizer)]}
    progress = Progress.from_json(metadata["progress"])
    for name, parameter in model.named_parameters():
        if all(name in of_parameters for of_parameters in moments.values()):
            # Fused AdamW keeps its step counter beside the parameter. Moments are laid out as it is.
            optimizer.state[parameter] = {
                "step": torch.tensor(float(progress.step), device=parameter.device),
                **{m: torch.empty_like(parameter).copy_(found[name]) for m, found in moments.items()},
            }
    best = _part(tensors, "best.") or None
    return progress, best, float(metadata["loss_scale"])


def fits(path: Path, model: nn.Module) -> bool:
    """Whether a checkpoint's weights are those of this model; a cheaper rung may have trained a narrower one.

    Raises:
        RunFolderError: the file is missing or unreadable.
    """
    stored = {name: tensor.shape for name, tensor in _part(_read(path)[0], "model.").items()}
    return stored == {name: tensor.shape for name, tensor in weights(model).items()}


def load_weights(path: Path, model: nn.Module) -> None:
    """Restore only the trained weights of a checkpoint: its best ones where early stopping kept them.

    Raises:
        RunFolderError: the file is missing, unreadable or of another architecture.
    """
    tensors, _ = _read(path)
    set_weights(model, _part(tensors, "best.") or _part(tensors, "model."))


@dataclass(frozen=True)
class Spent:
    """What was spent on the weights that `load_weights` restores.

    Attributes:
        steps: of the optimizer.
        seconds: of training.
        share: of the whole training; 1 where its last weights are the best.
    """

    steps: int
    seconds: float
    share: float


def spent_on_weights(path: Path) -> Spent:
    """What a checkpoint's weights took.

    Raises:
        RunFolderError: the file is missing or unreadable.
    """
    tensors, metadata = _read(path)
    progress, share = Progress.from_json(metadata["progress"]), 1.0
    if progress.best is not None and _part(tensors, "best."):
        best = {progress.best, -progress.best}  # a cost is a metric, or a metric with the sign changed
        share = next(tokens for tokens, value in progress.validation if value in best) / progress.tokens
    return Spent(round(share * progress.step), share * progress.seconds, share)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    except FileNotFoundError as error:
        raise RunFolderError(f"{path}: there is no checkpoint here; train from the start instead") from error
    except (SafetensorError, OSError) as error:
        raise RunFolderError(f"{path}: not a readable checkpoint ({error}); delete it") from error


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
