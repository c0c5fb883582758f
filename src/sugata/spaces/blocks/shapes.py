"""What flows between blocks, as values: images, tokens, tables, sequences and vectors, without the batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sugata.errors import InvalidArchitecture
from sugata.space import TensorSpec

InputKind = Literal["image", "text", "table", "array"]
INPUT_KINDS: tuple[InputKind, ...] = ("image", "text", "table", "array")


@dataclass(frozen=True)
class ImageShape:
    """An image, or channels over positions."""

    channels: int
    height: int
    width: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """As a tensor has them."""
        return self.channels, self.height, self.width

    def __str__(self) -> str:
        return f"an image of {self.channels} x {self.height} x {self.width}"


@dataclass(frozen=True)
class TokenShape:
    """A text as numbers of words, padded with 0."""

    length: int
    vocabulary: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """As a tensor has them."""
        return (self.length,)

    def __str__(self) -> str:
        return f"{self.length} words"


@dataclass(frozen=True)
class TableShape:
    """A row of a table: numbers, then a code for each category.

    Attributes:
        categories: how many codes each of the last columns has.
    """

    numbers: int
    categories: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """As a tensor has them."""
        return (self.numbers + len(self.categories),)

    def __str__(self) -> str:
        return f"a row of {self.numbers} numbers and {len(self.categories)} categories"


@dataclass(frozen=True)
class SequenceShape:
    """Vectors over time steps."""

    length: int
    dim: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """As a tensor has them."""
        return self.length, self.dim

    def __str__(self) -> str:
        return f"a sequence of {self.length} steps of {self.dim}"


@dataclass(frozen=True)
class VectorShape:
    """One vector."""

    dim: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """As a tensor has them."""
        return (self.dim,)

    def __str__(self) -> str:
        return f"a vector of {self.dim}"


_WANTED: Mapping[InputKind, str] = {
    "image": "images of channels, height and width",
    "text": "numbers of words",
    "table": "rows of columns",
    "array": "vectors, sequences of vectors, or channels of height and width",
}

Shape = ImageShape | TokenShape | TableShape | SequenceShape | VectorShape


def input_shape(kind: InputKind, spec: TensorSpec) -> Shape:
    """The shape of an input of this kind, as the task's signature has it.

    Raises:
        InvalidArchitecture: the tensor is of another kind.
    """
    sizes = [size for size in spec.shape[1:] if isinstance(size, int)]
    known = len(sizes) == len(spec.shape) - 1
    if known and kind in ("image", "array") and len(sizes) == 3:
        return ImageShape(*sizes)
    if known and kind == "text" and len(sizes) == 1 and spec.classes:
        return TokenShape(sizes[0], spec.classes)
    if known and kind == "table" and len(sizes) == 1:
        return TableShape(sizes[0] - len(spec.categories), spec.categories)
    if known and kind == "array" and len(sizes) in (1, 2):
        return VectorShape(*sizes) if len(sizes) == 1 else SequenceShape(*sizes)
    shape = " x ".join(map(str, spec.shape))
    raise InvalidArchitecture(f"input {spec.name!r}: its data are {shape} {spec.dtype}; give {_WANTED[kind]}")
