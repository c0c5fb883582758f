"""What a task demands of a network: its named inputs and outputs."""

from dataclasses import dataclass


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
