"""Heads: what makes outputs of what the blocks found."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sugata.errors import InvalidArchitecture
from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Values
from sugata.spaces.blocks.shapes import ImageShape, Shape
from sugata.spaces.blocks.vectors import as_vector

if TYPE_CHECKING:
    from sugata.nn.heads import Head
    from sugata.space import TensorSpec

#: The kinds of heads, and what their outputs are.
HEADS: Mapping[str, str] = MappingProxyType(
    {
        "classification": "one logit a class, of which one is right",
        "multi_label": "one logit a label, each right or not",
        "regression": "values, standardized",
    }
)

FIELDS = (Field("dropout", (0.0, 0.25, 0.5), 0.0, "share", description="share of what comes in set to zero"),)


def build_head(values: Values, shapes: tuple[Shape, ...], spec: "TensorSpec") -> "Head":
    """The module of a head, with the outputs that the task's signature wants.

    Images are averaged over positions, sequences over steps.

    Raises:
        InvalidArchitecture: an input is not of numbers, or the task's output is no vector.
    """
    from sugata.nn.heads import Head
    from sugata.nn.steps import PositionMean

    if len(spec.shape) != 2 or not isinstance(spec.shape[1], int):
        raise InvalidArchitecture(f"the task's output is {spec.shape}; a head gives (batch, outputs)")
    before, dim = [], 0
    for shape in shapes:
        modules, width = (
            ([PositionMean()], shape.channels) if isinstance(shape, ImageShape) else as_vector(shape)
        )
        before.append(list(modules))
        dim += width
    return Head(before, dim, spec.shape[1], float(values["dropout"]))
