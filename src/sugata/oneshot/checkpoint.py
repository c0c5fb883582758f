"""Weights of supernets in files, and what of them another data set can start from."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sugata.errors import RunFolderError
from sugata.oneshot.base import Supernet

#: Choices that belong to the data and not to the space: another data set has another vocabulary.
_OF_DATA = ("vocab_size",)
_FORMAT = "sugata.supernet.1"


@dataclass(frozen=True)
class WarmStart:
    """What a supernet took over from one that was trained on other data, by names of tensors.

    Attributes:
        taken: copied.
        reshaped: left as they were, because their shapes differ.
        new: left as they were, because they belong to the data: embeddings, heads, classifiers.
    """

    taken: tuple[str, ...]
    reshaped: tuple[str, ...]
    new: tuple[str, ...]

    def __str__(self) -> str:
        left = [*self.new, *self.reshaped]
        return f"{len(self.taken)} tensors taken over, {len(left)} new ({', '.join(left) or 'none'})"


def save_supernet(path: str | Path, supernet: Supernet) -> None:
    """Write all weights and buffers, with the identity of the space and the signature in the metadata.

    The file before stays whole until the new one is.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in supernet.state_dict().items()}
    try:
        save_file(tensors, temporary, {"format": "pt", "supernet": json.dumps(identity(supernet))})
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_supernet(path: str | Path, supernet: Supernet) -> None:
    """Put the weights of a file into a supernet of the same space and data.

    Raises:
        RunFolderError: there is no such file, or it is of another space, supernet or signature.
    """
    tensors, found = _read(Path(path))
    own = identity(supernet)
    _check_same(Path(path), found, own)
    if found["signature"] != own["signature"]:
        raise RunFolderError(
            f"{path}: trained for {_sizes(found)}, not for {_sizes(own)}; load it with warm_start"
        )
    supernet.load_state_dict(tensors)


def warm_start(path: str | Path, supernet: Supernet, *, same_data: bool = False) -> WarmStart:
    """Begin with what another data set has taught: copy what fits, leave the rest as it was drawn.

    What belongs to the data (``of_data`` of the supernet) stays new even where its shape fits: class 3 of
    one data set is not class 3 of another, and token 300 of one vocabulary not token 300 of another.

    Args:
        same_data: the classes or tokens mean the same, for example of a larger sample of the data: take
            them over too.

    Raises:
        RunFolderError: there is no such file, or it is of another space or supernet.
    """
    tensors, found = _read(Path(path))
    _check_same(Path(path), found, identity(supernet))
    taken, reshaped, new = [], [], []
    with torch.no_grad():
        for name, tensor in supernet.state_dict().items():
            if not same_data and name.split(".")[0] in supernet.of_data:
                new.append(name)
            elif name not in tensors or tensors[name].shape != tensor.shape:
                reshaped.append(name)
            else:
                tensor.copy_(tensors[name])
                taken.append(name)
    return WarmStart(tuple(taken), tuple(reshaped), tuple(new))


def identity(supernet: Supernet) -> dict[str, Any]:
    """What has to be equal for weights to mean the same; of the data only what ``signature`` says."""
    parameters = json.loads(json.dumps(dict(supernet.space.parameters)))
    for name in _OF_DATA:
        parameters.get("options", {}).pop(name, None)
    signature = supernet.signature
    return {
        "format": _FORMAT,
        "class": type(supernet).__name__,
        "space": supernet.space.name,
        "parameters": parameters,
        "decisions": {
            name: list(options) for name, options in supernet.decisions.items() if name not in _OF_DATA
        },
        "signature": {
            side: [[spec.name, *spec.shape, spec.dtype, spec.classes] for spec in specs]
            for side, specs in (("inputs", signature.inputs), ("outputs", signature.outputs))
        },
    }


def _check_same(path: Path, found: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    for field in ("space", "parameters", "decisions", "class"):
        if found[field] != own[field]:
            what, its, mine = field, found[field], own[field]
            if isinstance(its, dict):
                differing = [key for key in {**its, **mine} if its.get(key) != mine.get(key)]
                what, its, mine = f"{field}.{differing[0]}", its.get(differing[0]), mine.get(differing[0])
            raise RunFolderError(
                f"{path}: a checkpoint of another space: {what} is {its!r} there and {mine!r} here; give the"
                " space that it was trained with, or train a new supernet"
            )


def _sizes(identity: Mapping[str, Any]) -> str:
    return json.dumps(identity["signature"])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except FileNotFoundError as error:
        raise RunFolderError(f"{path}: there is no such checkpoint; train the supernet first") from error
    except (SafetensorError, OSError) as error:
        raise RunFolderError(f"{path}: not a readable checkpoint ({error}); delete it") from error
    if "supernet" not in metadata:
        raise RunFolderError(f"{path}: not a checkpoint of a supernet; give one that save_supernet wrote")
    return tensors, json.loads(metadata["supernet"])
