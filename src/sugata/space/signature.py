"""What a task demands of a network: its named inputs and outputs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor. Symbolic sizes are strings: ``("batch", "length")``.

    Attributes:
        classes: how many values an integer input may take, or a class output has.
        categories: of a table's float input, how many codes each of its last columns may take; the columns
            before are numbers.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    classes: int | None = None
    categories: tuple[int, ...] = ()


@dataclass(frozen=True)
class Signature:
    """Named inputs and outputs that a built network has to have."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` is the inverse."""
        return {
            "inputs": [asdict(spec) for spec in self.inputs],
            "outputs": [asdict(spec) for spec in self.outputs],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Signature":
        """What `to_json` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        return cls(tuple(map(_spec, values["inputs"])), tuple(map(_spec, values["outputs"])))


def _spec(values: Mapping[str, Any]) -> TensorSpec:
    categories = tuple(values.get("categories", ()))
    return TensorSpec(**{**values, "shape": tuple(values["shape"]), "categories": categories})
