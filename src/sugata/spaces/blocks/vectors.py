"""Blocks of vectors: fully connected layers, and what makes a vector of anything."""

from typing import TYPE_CHECKING

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import (
    ImageShape,
    SequenceShape,
    Shape,
    TableShape,
    TokenShape,
    VectorShape,
)

if TYPE_CHECKING:
    from torch import nn

DROPOUT = Field("dropout", (0.0, 0.1, 0.25, 0.5), 0.0, "share", description="share of outputs set to zero")


def as_vector(shape: Shape) -> "tuple[list[nn.Module], int]":
    """What makes a vector of anything, and how long it is.

    Images are flattened, sequences averaged, categories of a row embedded.

    Raises:
        InvalidArchitecture: they are words, which are no numbers yet.
    """
    from torch import nn

    from sugata.nn.sequences import MeanOverSteps
    from sugata.nn.table_embedding import TableEmbedding, category_dims

    if isinstance(shape, VectorShape):
        return [], shape.dim
    if isinstance(shape, ImageShape):
        return [nn.Flatten()], shape.channels * shape.height * shape.width
    if isinstance(shape, SequenceShape):
        return [MeanOverSteps()], shape.dim
    if isinstance(shape, TableShape):
        if not shape.categories:
            return [], shape.numbers
        embedding = TableEmbedding(shape.numbers, shape.categories, category_dims(shape.categories, 16))
        return [embedding], embedding.outputs
    assert isinstance(shape, TokenShape)
    raise unfit(shape, "numbers", "put an embedding or ngrams block between")


def _dense(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.dense import DenseLayer

    modules, dim = as_vector(shape)
    units = int(values["units"])
    for _ in range(int(values["num_layers"])):
        modules.append(
            DenseLayer(
                dim,
                units,
                activation=str(values["activation"]),
                batch_norm=bool(values["batch_norm"]),
                dropout=float(values["dropout"]),
                residual=bool(values["residual"]),
            )
        )
        dim = units
    return nn.Sequential(*modules), VectorShape(dim)


def _flatten(values: Values, shape: Shape) -> Built:
    from torch import nn

    if isinstance(shape, SequenceShape):
        from sugata.nn.sequences import FlatSteps

        return FlatSteps(), VectorShape(shape.length * shape.dim)
    modules, dim = as_vector(shape)
    return nn.Sequential(*modules), VectorShape(dim)


def _merge(values: Values, shapes: tuple[Shape, ...]) -> Built:
    from sugata.nn.merge import Added, Concatenated

    alike = len(set(shapes)) == 1 and isinstance(shapes[0], VectorShape | ImageShape)
    parts = [([], _width(shape)) if alike else as_vector(shape) for shape in shapes]
    modules, dims = [part[0] for part in parts], [part[1] for part in parts]
    first = shapes[0]
    if values["merge_type"] == "add":
        dim = max(dims)
        module: nn.Module = Added(modules, dims, dim)
    else:
        dim = sum(dims)
        module = Concatenated(modules)
    if alike and isinstance(first, ImageShape):
        return module, ImageShape(dim, first.height, first.width)
    return module, VectorShape(dim)


def _width(shape: Shape) -> int:
    return shape.channels if isinstance(shape, ImageShape) else shape.sizes[-1]


def _merge_one(values: Values, shape: Shape) -> Built:
    return _merge(values, (shape,))


DENSE = Kind(
    "dense",
    _dense,
    (
        Field("num_layers", (1, 2, 3), 2, description="fully connected layers"),
        Field("units", (32, 64, 128, 256, 512), 128, description="outputs of each layer"),
        Field("activation", ("relu", "gelu", "silu"), "relu", "name", description="after each layer"),
        Field("batch_norm", (False, True), False, "flag", description="normalize each layer's outputs"),
        DROPOUT,
        Field("residual", (False, True), False, "flag", description="add a layer's input where widths agree"),
    ),
    "fully connected layers; images are flattened before, sequences averaged",
    good=(
        {"num_layers": 2, "units": 128, "dropout": 0.1},
        {"num_layers": 3, "units": 256, "dropout": 0.25, "batch_norm": True},
        {"num_layers": 1, "units": 64},
    ),
)

FLATTEN = Kind("flatten", _flatten, description="one vector of all numbers")

MERGE = Kind(
    "merge",
    _merge_one,
    (
        Field(
            "merge_type",
            ("concatenate", "add"),
            "concatenate",
            "name",
            description="put vectors beside one another, or add them (projected to the widest where needed)",
        ),
    ),
    "one of several; what is not of one shape becomes vectors before",
    joins=_merge,
)

KINDS = (DENSE, FLATTEN, MERGE)
