"""Mobile networks: inverted residual blocks one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from sugata.nn.initialization import initialize_convolutional

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "relu6": nn.ReLU6, "swish": nn.SiLU}
)


@dataclass(frozen=True)
class MobileBlock:
    """One block of a mobile network.

    Attributes:
        kind: `mbconv` (expand, filter each channel, project), `sepconv` (filter each channel, project: an
            `mbconv` of expansion 1) or `conv` (one dense convolution).
        outputs: Channels that leave it.
        kernel_size: Odd.
        stride: Of the convolution over positions.
        expansion: Inner channels per input channel of an `mbconv`.
        squeeze: Channels of the squeeze-and-excitation per input channel; 0: none.
        skip: Add the input where the shape is kept.
    """

    kind: str
    outputs: int
    kernel_size: int = 3
    stride: int = 1
    expansion: int = 1
    squeeze: float = 0.0
    skip: bool = True


def make_block(block: MobileBlock, inputs: int, activation: str = "relu") -> nn.Module:
    """The module of a block that takes `inputs` channels."""
    squeezed = max(1, int(inputs * block.squeeze)) if block.squeeze else 0
    if block.kind == "conv":
        return DenseBlock(inputs, block, squeezed, activation)
    expansion = block.expansion if block.kind == "mbconv" else 1
    return InvertedResidual(
        inputs,
        block.outputs,
        block.kernel_size,
        expansion,
        block.stride,
        squeezed=squeezed,
        activation=activation,
        skip=block.skip,
    )


class SqueezeExcitation(nn.Module):
    """Scales each channel by a function of all channels' means (Hu et al. 2018, section 3).

    Args:
        channels: Of input and output.
        squeezed: Of the hidden layer.
        activation: Of the hidden layer.
    """

    def __init__(self, channels: int, squeezed: int, activation: str) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1),
            ACTIVATIONS[activation](),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)`, the shape is kept."""
        scaled: Tensor = x * self.gate(x.mean((2, 3), keepdim=True))
        return scaled


class InvertedResidual(nn.Module):
    """MobileNetV2's block (Sandler et al. 2018): expand, filter each channel, project.

    The input is added where the block keeps its shape. With an expansion of 1 there is nothing to expand.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel_size: Of the depthwise convolution, odd.
        expansion: Inner channels per input channel.
        stride: Of the depthwise convolution.
        squeezed: Channels of a squeeze-and-excitation after the depthwise convolution; 0: none.
        activation: After expanding and after filtering.
        skip: Whether the input is added at all.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int,
        expansion: int,
        stride: int,
        *,
        squeezed: int = 0,
        activation: str = "relu",
        skip: bool = True,
    ) -> None:
        inner = inputs * expansion
        act = ACTIVATIONS[activation]
        super().__init__()
        self.branch = nn.Sequential(
            *((*_convolution(inputs, inner, 1), act()) if expansion > 1 else ()),
            *_convolution(inner, inner, kernel_size, stride, groups=inner),
            act(),
            *((SqueezeExcitation(inner, squeezed, activation),) if squeezed else ()),
            *_convolution(inner, outputs, 1),
        )
        self.residual = skip and stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height / stride, width / stride)`."""
        y: Tensor = self.branch(x)
        return x + y if self.residual else y


class DenseBlock(nn.Module):
    """A dense convolution, batch norm, activation, perhaps squeeze-and-excitation; the input added.

    Args:
        inputs: Channels of the input.
        block: Its shape.
        squeezed: Channels of the squeeze-and-excitation; 0: none.
        activation: After the convolution.
    """

    def __init__(self, inputs: int, block: MobileBlock, squeezed: int, activation: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(inputs, block.outputs, block.kernel_size, block.stride),
            ACTIVATIONS[activation](),
            *((SqueezeExcitation(block.outputs, squeezed, activation),) if squeezed else ()),
        )
        self.residual = block.skip and block.stride == 1 and inputs == block.outputs

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height / stride, width / stride)`."""
        y: Tensor = self.branch(x)
        return x + y if self.residual else y


class Projection(nn.Sequential):
    """What is left of an identity where resolution or channels change: a strided 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(*_convolution(inputs, outputs, 1, stride))


class MobileNetwork(nn.Module):
    """A 3x3 convolution, the given layers, a 1x1 convolution, mean over positions, a linear classifier.

    Args:
        image_channels: Channels of the images.
        channels: What the first layer takes.
        layers: From `channels` to `last_channels`.
        last_channels: What the last layer gives.
        head_channels: Features of the classifier.
        outputs: Classes, or values of a regression.
        stem_stride: Of the first convolution.
        activation: After the first and the last convolution.
    """

    def __init__(
        self,
        image_channels: int,
        channels: int,
        layers: Sequence[nn.Module],
        last_channels: int,
        head_channels: int,
        outputs: int,
        *,
        stem_stride: int = 1,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.stem = nn.Sequential(*_convolution(image_channels, channels, 3, stem_stride), act())
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(*_convolution(last_channels, head_channels, 1), act())
        self.classifier = nn.Linear(head_channels, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        x = self.stem(images)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.head(x).mean((2, 3)))  # type: ignore[no-any-return]

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        initialize_convolutional(self, generator)


def _convolution(
    inputs: int, outputs: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(
        inputs, outputs, kernel_size, stride, padding=kernel_size // 2, groups=groups, bias=False
    )
    return convolution, nn.BatchNorm2d(outputs)
