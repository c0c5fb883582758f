"""Mobile networks: inverted residual blocks one after the other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sugata.nn.initialization import initialize_convolutional


class InvertedResidual(nn.Module):
    """MobileNetV2's block (Sandler et al. 2018): expand, filter each channel, project; ReLU, not ReLU6.

    The input is added where the block keeps its shape.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel_size: Of the depthwise convolution, odd.
        expansion: Inner channels per input channel.
        stride: Of the depthwise convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, expansion: int, stride: int) -> None:
        inner = inputs * expansion
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(inputs, inner, 1),
            nn.ReLU(),
            *_convolution(inner, inner, kernel_size, stride, groups=inner),
            nn.ReLU(),
            *_convolution(inner, outputs, 1),
        )
        self.residual = stride == 1 and inputs == outputs

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
    """

    def __init__(
        self,
        image_channels: int,
        channels: int,
        layers: Sequence[nn.Module],
        last_channels: int,
        head_channels: int,
        outputs: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(image_channels, channels, 3), nn.ReLU())
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(*_convolution(last_channels, head_channels, 1), nn.ReLU())
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
