"""What a kind of block is: its fields, what it makes of shapes, and the module that computes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sugata.errors import InvalidArchitecture
from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.shapes import Shape
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

Values = Mapping[str, Value]
Built = tuple["nn.Module", Shape]
#: Makes the module of a block from the values of its fields and the shape that comes in.
Build = Callable[[Values, Shape], Built]


@dataclass(frozen=True)
class Kind:
    """A kind of block.

    Attributes:
        name: as graphs name it.
        build: of one input; raises InvalidArchitecture where the shape does not fit.
        fields: what can be set, or searched. Options are such that any combination trains in minutes on a
            few cores; other values may be given.
        description: one line for people.
        good: values of fields in networks that are known to be good, besides the fields' defaults.
        joins: makes one module of several inputs, where the kind takes them.
        papers: where it comes from.
    """

    name: str
    build: Build
    fields: tuple[Field, ...] = ()
    description: str = ""
    good: tuple[Values, ...] = ()
    joins: Callable[[Values, tuple[Shape, ...]], Built] | None = None
    papers: tuple[str, ...] = ()


def unfit(shape: Shape, wanted: str, remedy: str) -> InvalidArchitecture:
    """The error of a block that takes another shape; the space puts the block's name before it."""
    return InvalidArchitecture(f"it takes {wanted}, not {shape}; {remedy}")
