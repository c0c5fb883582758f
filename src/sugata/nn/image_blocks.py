"""Blocks of image networks: plain convolutions, residual blocks, and stages of either."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.dropout import Dropout
from sugata.nn.nasbench201 import NasBench201Cell, ResidualReduction
from sugata.nn.sequences import Steps


class Normalization(nn.Module):
    """Subtract a mean and divide by a deviation that are known before training, channel by channel.

    Args:
        channels: Of the input.
        axes: Of the input behind the channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, axes: int) -> None:
        super().__init__()
        shape = (channels, *(1,) * axes)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def fill(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take these, one number a channel or one for all."""
        for buffer, values in ((self.mean, mean), (self.std, std)):
            given = torch.as_tensor(values, dtype=torch.float32).view(-1, *(1,) * (buffer.ndim - 1))
            buffer.copy_(given.expand_as(buffer))

    def forward(self, x: Tensor | Steps) -> Tensor | Steps:
        """`(batch, channels, ...)`, or `Steps` `(batch, length, channels)`, to the same."""
        if isinstance(x, Steps):
            return Steps((x.values - self.mean) / self.std, x.kept)
        return (x - self.mean) / self.std


class Convolution(nn.Sequential):
    """Convolution, batch norm, ReLU.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel_size: Odd; with a stride of 1 the size is kept.
        stride: Of the convolution.
        separable: Filter each channel alone, then mix channels (Chollet 2017), in place of a full one.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, stride: int = 1, separable: bool = False
    ) -> None:
        padding = kernel_size // 2
        if separable and inputs > 1:
            layers: list[nn.Module] = [
                nn.Conv2d(inputs, inputs, kernel_size, stride, padding, groups=inputs, bias=False),
                nn.Conv2d(inputs, outputs, 1, bias=False),
            ]
        else:
            layers = [nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False)]
        super().__init__(*layers, nn.BatchNorm2d(outputs), nn.ReLU())


class Halving(nn.Module):
    """2x2 max pooling, odd sizes rounded up so that nothing at the edge is lost."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)` to `(batch, channels, height / 2, width / 2)`."""
        return F.max_pool2d(x, 2, ceil_mode=True)


class ConvStage(nn.Sequential):
    """A few convolutions, then half the resolution, then dropout.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        layers: Convolutions.
        kernel_size: Of all of them.
        max_pooling: Halve by max pooling; else by the stride of the last convolution.
        separable: See `Convolution`.
        dropout: Probability.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layers: int,
        kernel_size: int,
        max_pooling: bool,
        separable: bool,
        dropout: float,
    ) -> None:
        strides = [1] * layers if max_pooling else [1] * (layers - 1) + [2]
        modules: list[nn.Module] = [
            Convolution(inputs if i == 0 else outputs, outputs, kernel_size, stride, separable)
            for i, stride in enumerate(strides)
        ]
        if max_pooling:
            modules.append(Halving())
        super().__init__(*modules, *([Dropout(dropout)] if dropout else []))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norms, the input added (He et al. 2016, ResNet's basic block).

    Where the shape changes, the input goes through a strided 1x1 convolution and a batch norm.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            Convolution(inputs, outputs, 3, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height / stride, width / stride)`."""
        return F.relu(self.shortcut(x) + self.branch(x))


class ImageMax(nn.Module):
    """The largest value over positions."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)` to `(batch, channels)`."""
        return x.amax((2, 3))


class CellStages(nn.Sequential):
    """A convolution and stages of one cell, a residual reduction before each but the first.

    The layout of NAS-Bench-201 (Dong & Yang 2020) without its classifier, with any number of stages.

    Args:
        edges: Of every cell, see `NasBench201Cell`.
        inputs: Channels of the input.
        channels: Of the first stage; every further stage doubles them.
        stages: How many.
        cells: In each stage.
    """

    def __init__(
        self, edges: Sequence[tuple[int, int, str]], inputs: int, channels: int, stages: int, cells: int
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        ]
        for stage in range(stages):
            width = channels * 2**stage
            if stage:
                layers.append(ResidualReduction(width // 2, width))
            layers += [NasBench201Cell(edges, width) for _ in range(cells)]
        super().__init__(*layers, nn.BatchNorm2d(width), nn.ReLU())
