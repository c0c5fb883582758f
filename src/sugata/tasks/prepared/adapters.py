"""Adapters: from what a user holds to the arrays that a network is fed with, and back to labels and values.

An adapter is fitted once, on training rows, and is a frozen value that goes to JSON and comes back from it,
so that a model is stored with everything it needs to take raw input elsewhere.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sugata.errors import DataError
from sugata.space import TensorSpec

Array = NDArray[Any]

#: Where each kind of adapter lives; the modules are imported when one is read from JSON.
_KINDS = {
    "image": "image_input:ImageAdapter",
    "text": "text_input:TextAdapter",
    "tokens": "text_input:TokenAdapter",
    "table": "table_input:TableAdapter",
    "array": "array_input:ArrayAdapter",
    "class": "class_target:ClassAdapter",
    "labels": "labels_target:LabelsAdapter",
    "value": "value_target:ValueAdapter",
}


@dataclass(frozen=True)
class Adapter(ABC):
    """What inputs and targets have in common: a name of their kind, and a form in JSON."""

    kind: ClassVar[str]

    @abstractmethod
    def transform(self, raw: Any) -> Array:
        """Raw rows as the array that is stored, a row each.

        Raises:
            InputError: rows that are not of the kind that the adapter was fitted on; names column or row.
        """

    @abstractmethod
    def describe(self) -> str:
        """What it found, in one line."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The adapter again; lists become tuples."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: _frozen(value) for name, value in data.items() if name in known})


@dataclass(frozen=True)
class InputAdapter(Adapter):
    """An input of a network."""

    @abstractmethod
    def spec(self, name: str) -> TensorSpec:
        """The tensor that the network takes."""

    def tensor(self, stored: Array) -> Tensor:
        """Stored rows as the network takes them, ``(batch, ...)``."""
        return torch.from_numpy(np.ascontiguousarray(stored))

    def statistics(self, stored: Array) -> dict[str, Any]:
        """Facts of the training rows that blocks ask for, such as ``mean`` and ``std`` of each channel."""
        return {}


@dataclass(frozen=True)
class TargetAdapter(Adapter):
    """A target of a network."""

    @abstractmethod
    def spec(self, name: str) -> TensorSpec:
        """The tensor that the network gives."""

    @abstractmethod
    def inverse(self, outputs: Array) -> Any:
        """Outputs of the network ``(rows, outputs)`` as labels or values, in the form that was fitted."""


@dataclass(frozen=True)
class Adapters:
    """All adapters of a task, in the order of the network's inputs and outputs."""

    inputs: Mapping[str, InputAdapter]
    targets: Mapping[str, TargetAdapter]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "inputs": {name: adapter.to_json() for name, adapter in self.inputs.items()},
            "targets": {name: adapter.to_json() for name, adapter in self.targets.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The adapters again.

        Raises:
            DataError: adapters of a newer sugata, or a damaged file.
        """
        try:
            return cls(
                {name: adapter_from_json(one) for name, one in data["inputs"].items()},
                {name: adapter_from_json(one) for name, one in data["targets"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"adapters.json cannot be read ({error!r}); prepare the data anew") from None

    def network_inputs(self, raw: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Raw rows as the arguments of the network.

        Raises:
            InputError: an input is missing, or its rows are not as those that were fitted on.
        """
        return tuple(adapter.tensor(adapter.transform(raw[name])) for name, adapter in self.inputs.items())


def adapter_from_json(data: Mapping[str, Any]) -> Any:
    """The adapter of any kind that ``to_json`` wrote.

    Raises:
        DataError: an unknown kind.
    """
    kind = data["kind"]
    if kind not in _KINDS:
        raise DataError(f"adapters.json: kind {kind!r} is unknown; a newer sugata wrote it")
    module, name = _KINDS[kind].split(":")
    found: Callable[[Mapping[str, Any]], Any] = getattr(
        importlib.import_module(f"{__package__}.{module}"), name
    ).from_json
    return found(data)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
