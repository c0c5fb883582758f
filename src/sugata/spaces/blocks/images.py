"""Blocks of images."""

from typing import TYPE_CHECKING

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import ImageShape, SequenceShape, Shape, TokenShape, VectorShape
from sugata.spaces.blocks.vectors import DROPOUT

if TYPE_CHECKING:
    pass

#: What may be done to training images, from least to most; the task does it (`sugata.tasks.prepared`).
POLICIES = ("none", "shift", "shift+flip", "affine", "affine+cutout")


def as_image(shape: Shape) -> ImageShape:
    """The shape as that of an image.

    Raises:
        InvalidArchitecture: it is none.
    """
    if isinstance(shape, ImageShape):
        return shape
    raise unfit(shape, "an image", "use a block for what comes in, such as dense")


def halved(size: int) -> int:
    """A side of an image of half the resolution: odd sizes are rounded up."""
    return -(-size // 2)


def _normalization(values: Values, shape: Shape) -> Built:
    from sugata.nn.image_blocks import Normalization

    if isinstance(shape, ImageShape):
        return Normalization(shape.channels, 2), shape
    if isinstance(shape, VectorShape):
        return Normalization(shape.dim, 0), shape
    raise unfit(shape, "an image or a vector", "words and rows of tables need no normalization: leave it out")


def _augmentation(values: Values, shape: Shape) -> Built:
    from torch import nn

    return nn.Identity(), as_image(shape)


def _conv(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.image_blocks import ConvStage

    if isinstance(shape, SequenceShape | TokenShape):
        raise unfit(shape, "an image", "use a text_conv block for sequences")
    image = as_image(shape)
    modules: list[nn.Module] = []
    channels, filters = image.channels, int(values["filters"])
    height, width = image.height, image.width
    for _ in range(int(values["num_blocks"])):
        if max(height, width) == 1:
            break  # nothing is left to halve
        modules.append(
            ConvStage(
                channels,
                filters,
                int(values["num_layers"]),
                int(values["kernel_size"]),
                bool(values["max_pooling"]),
                bool(values["separable"]),
                float(values["dropout"]),
            )
        )
        channels, filters = filters, 2 * filters
        height, width = halved(height), halved(width)
    return nn.Sequential(*modules), ImageShape(channels, height, width)


def _spatial_reduction(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.image_blocks import ImageMax
    from sugata.nn.steps import PositionMean

    image = as_image(shape)
    if values["reduction"] == "flatten":
        return nn.Flatten(), VectorShape(image.channels * image.height * image.width)
    return ImageMax() if values["reduction"] == "max" else PositionMean(), VectorShape(image.channels)


NORMALIZATION = Kind(
    "normalization",
    _normalization,
    description="subtracts the training data's mean and divides by their deviation, channel by channel",
)

IMAGE_AUGMENTATION = Kind(
    "image_augmentation",
    _augmentation,
    (Field("policy", POLICIES, "shift", "name", description="what is done to images in training only"),),
    "changes training images at random; nothing in the network that ships",
)

CONV = Kind(
    "conv",
    _conv,
    (
        Field("num_blocks", (1, 2, 3, 4), 3, description="how often the resolution is halved"),
        Field("num_layers", (1, 2, 3), 2, description="convolutions before each halving"),
        Field(
            "filters", (8, 16, 32, 64), 16, description="channels of the first block; each has twice those"
        ),
        Field("kernel_size", (3, 5, 7), 3, description="side of the convolutions"),
        Field("max_pooling", (True, False), True, "flag", description="halve by pooling, not by a stride"),
        Field("separable", (False, True), False, "flag", description="each channel alone, then mixed"),
        DROPOUT,
    ),
    "convolutions with batch norm, the resolution halved and the channels doubled from block to block",
    good=(
        {"num_blocks": 3, "num_layers": 2, "filters": 16, "kernel_size": 3},
        {"num_blocks": 2, "num_layers": 2, "filters": 32, "kernel_size": 3},
        {"num_blocks": 3, "num_layers": 1, "filters": 32, "kernel_size": 5},
    ),
)

SPATIAL_REDUCTION = Kind(
    "spatial_reduction",
    _spatial_reduction,
    (
        Field(
            "reduction",
            ("average", "max", "flatten"),
            "flatten",
            "name",
            description="means of channels, their largest values, or all positions side by side",
        ),
    ),
    "a vector of an image",
)

KINDS = (NORMALIZATION, IMAGE_AUGMENTATION, CONV, SPATIAL_REDUCTION)
