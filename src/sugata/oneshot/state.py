"""The file from which a killed training of a supernet goes on."""

import errno
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sugata.errors import DiskFullError, RunFolderError

STATE = "training.pt"


def save_state(folder: Path, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write tensors and plain values; the file before stays whole until the new one is.

    Args:
        identity: what has to be equal for somebody to go on from here.

    Raises:
        DiskFullError: no space left.
    """
    path = folder / STATE
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save({"identity": dict(identity), **state}, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise DiskFullError(
                f"{path}: no space left for the state of a training; free some and resume"
            ) from error
        raise


def load_state(folder: Path, identity: Mapping[str, str]) -> dict[str, Any] | None:
    """What was saved; None where nothing was.

    Raises:
        RunFolderError: the file is unreadable, or of another method, space, task or seed.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        # Nothing but tensors and plain values is read: a file of unknown origin cannot run code.
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found: dict[str, str] = state.pop("identity")
    except (OSError, RuntimeError, EOFError, KeyError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise RunFolderError(f"{path}: not a readable state of a training ({reason}); delete it") from error
    for field in {**found, **identity}:
        its, own = found.get(field, "nothing"), identity.get(field, "nothing")
        if its != own:
            raise RunFolderError(
                f"{path}: a state of another training: {field} is {its} there and {own} here;"
                " delete it, or give another folder"
            )
    return state
