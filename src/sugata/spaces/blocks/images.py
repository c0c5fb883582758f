"""Blocks of images."""

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import ImageShape, SequenceShape, Shape, TokenShape, VectorShape
from sugata.spaces.blocks.vectors import DROPOUT
from sugata.spaces.cell.nasbench201 import EDGES, OPERATIONS

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
    if isinstance(shape, VectorShape | SequenceShape):
        return Normalization(shape.dim, 0), shape
    raise unfit(shape, "an image or numbers", "words and rows of tables need no normalization: leave it out")


def _augmentation(values: Values, shape: Shape) -> Built:
    from torch import nn

    return nn.Identity(), as_image(shape)


def _conv(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.image_blocks import ConvStage

    if isinstance(shape, SequenceShape):
        return sequence_conv(values, shape)
    if isinstance(shape, TokenShape):
        raise unfit(shape, "an image or a sequence", "put an embedding block between")
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


def sequence_conv(values: Values, shape: SequenceShape) -> Built:
    """The same over time: the length halved and the channels doubled from block to block."""
    from torch import nn

    from sugata.nn.sequence_blocks import SequenceStage

    modules: list[nn.Module] = []
    length, dim, filters = shape.length, shape.dim, int(values["filters"])
    for _ in range(int(values["num_blocks"])):
        modules.append(
            SequenceStage(
                dim,
                filters,
                int(values["num_layers"]),
                int(values["kernel_size"]),
                bool(values["separable"]),
                float(values["dropout"]),
                halve=length > 1,
            )
        )
        length, dim, filters = halved(length), filters, 2 * filters
    return nn.Sequential(*modules), SequenceShape(length, dim)


def _resnet(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.dropout import Dropout
    from sugata.nn.image_blocks import Convolution, ResidualBlock

    image = as_image(shape)
    channels = int(values["filters"])
    modules: list[nn.Module] = [Convolution(image.channels, channels, 3)]
    height, width, outputs = image.height, image.width, channels
    for _ in range(int(values["num_blocks"])):
        for layer in range(int(values["num_layers"])):
            modules.append(ResidualBlock(channels, outputs, 2 if layer == 0 else 1))
            channels = outputs
        if values["dropout"]:
            modules.append(Dropout(float(values["dropout"])))
        height, width, outputs = halved(height), halved(width), 2 * outputs
    return nn.Sequential(*modules), ImageShape(channels, height, width)


def _mobile(values: Values, shape: Shape) -> Built:
    from torch import nn

    from sugata.nn.dropout import Dropout
    from sugata.nn.image_blocks import Convolution
    from sugata.nn.mobile import MobileBlock, make_block

    image = as_image(shape)
    channels = int(values["filters"])
    modules: list[nn.Module] = [Convolution(image.channels, channels, 3)]
    height, width, outputs = image.height, image.width, channels
    for _ in range(int(values["num_blocks"])):
        for layer in range(int(values["num_layers"])):
            block = MobileBlock(
                "mbconv",
                outputs,
                int(values["kernel_size"]),
                stride=2 if layer == 0 else 1,
                expansion=int(values["expansion"]),
                squeeze=0.25 if values["squeeze"] else 0.0,
            )
            modules.append(make_block(block, channels, "swish"))
            channels = outputs
        if values["dropout"]:
            modules.append(Dropout(float(values["dropout"])))
        height, width, outputs = halved(height), halved(width), 2 * outputs
    return nn.Sequential(*modules), ImageShape(channels, height, width)


def _cell(values: Values, shape: Shape) -> Built:
    from sugata.nn.image_blocks import CellStages

    image = as_image(shape)
    edges = [(source, target, str(values[f"{source}->{target}"])) for source, target in EDGES]
    stages, channels = int(values["stages"]), int(values["channels"])
    module = CellStages(edges, image.channels, channels, stages, int(values["cells"]))
    height, width = image.height, image.width
    for _ in range(stages - 1):
        height, width = halved(height), halved(width)
    return module, ImageShape(channels * 2 ** (stages - 1), height, width)


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
    (Field("policy", POLICIES, "affine", "name", description="what is done to images in training only"),),
    "changes training images at random; nothing in the network that ships",
)

CONV = Kind(
    "conv",
    _conv,
    (
        Field("num_blocks", (1, 2, 3, 4), 3, description="how often the resolution is halved"),
        Field("num_layers", (1, 2), 2, description="convolutions before each halving"),
        Field("filters", (8, 16, 32), 16, description="channels of the first block, then doubled"),
        Field("kernel_size", (3, 5), 3, description="side of the convolutions"),
        Field("max_pooling", (True, False), True, "flag", description="halve by pooling, not by a stride"),
        Field("separable", (False, True), False, "flag", description="each channel alone, then mixed"),
        DROPOUT,
    ),
    "convolutions (over images with batch norm), each block of half the resolution and twice the channels",
    good=(
        {"num_blocks": 3, "num_layers": 2, "filters": 16, "kernel_size": 3},
        {"num_blocks": 2, "num_layers": 2, "filters": 32, "kernel_size": 3},
        {"num_blocks": 3, "num_layers": 1, "filters": 32, "kernel_size": 5},
    ),
)

RESNET = Kind(
    "resnet",
    _resnet,
    (
        Field("num_blocks", (1, 2, 3, 4), 3, description="how often the resolution is halved"),
        Field("num_layers", (1, 2), 1, description="residual blocks after each halving"),
        Field("filters", (8, 16, 32), 16, description="channels of the first block, then doubled"),
        DROPOUT,
    ),
    "residual blocks of two 3x3 convolutions",
    good=({"num_blocks": 3, "num_layers": 1, "filters": 32}, {"num_blocks": 3, "num_layers": 2}),
    papers=("He et al. 2016",),
)

MOBILE = Kind(
    "mobile",
    _mobile,
    (
        Field("num_blocks", (1, 2, 3, 4), 3, description="how often the resolution is halved"),
        Field("num_layers", (1, 2), 2, description="inverted residuals after each halving"),
        Field("filters", (8, 16, 32), 16, description="channels of the first block, then doubled"),
        Field("kernel_size", (3, 5), 3, description="side of the depthwise convolutions"),
        Field("expansion", (1, 3, 6), 3, description="inner channels for each outer one"),
        Field("squeeze", (False, True), False, "flag", description="scale channels by their means"),
        DROPOUT,
    ),
    "inverted residuals with depthwise convolutions: few parameters",
    good=({"num_layers": 2, "kernel_size": 3, "expansion": 3}, {"num_layers": 1, "expansion": 6}),
    papers=("Sandler et al. 2018",),
)

_RESNET_CELL = ("nor_conv_3x3", "none", "nor_conv_3x3", "skip_connect", "none", "skip_connect")

CELL = Kind(
    "cell",
    _cell,
    (
        *(
            Field(
                f"{source}->{target}",
                OPERATIONS,
                default,
                "name",
                description=f"from node {source} to node {target} of the cell",
            )
            for (source, target), default in zip(EDGES, _RESNET_CELL, strict=True)
        ),
        Field("channels", (8, 16), 16, description="of the first stage; each has twice those"),
        Field("stages", (2, 3), 3, description="resolutions"),
        Field("cells", (1, 2), 1, description="in each stage"),
    ),
    "a cell of four nodes whose six edges are searched, repeated",
    papers=("Dong & Yang 2020",),
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

KINDS = (NORMALIZATION, IMAGE_AUGMENTATION, CONV, RESNET, MOBILE, CELL, SPATIAL_REDUCTION)
