"""Operations of the DARTS and NASNet cells: `(batch, channels, height, width)` in and out.

As in Liu et al. 2019 ("DARTS", section 3.1.1): convolutions are preceded by a ReLU and followed by a batch
normalization; separable ones are applied twice; pooling averages over what lies inside the image.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Zero(nn.Module):
    """Nothing: zeros of the shape that an operation of this stride gives."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros `(batch, channels, height / stride, width / stride)`, rounded up."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class FactorizedReduce(nn.Module):
    """Halve the resolution without losing every other position: two strided 1x1 convolutions, one shifted.

    Half of the outputs come from the even positions, half from the odd ones (Zoph et al. 2018). An image of
    odd size is continued by a row and a column of zeros; the published code cannot take one.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height / 2, width / 2)`, rounded up."""
        x = F.relu(x)
        height, width = x.shape[2:]
        shifted = F.pad(x, (0, width % 2, 0, height % 2))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))  # type: ignore[no-any-return]


def relu_convolution(inputs: int, outputs: int, kernel_size: int = 1, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalization."""
    convolution = nn.Conv2d(inputs, outputs, kernel_size, stride, kernel_size // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(outputs))


def separable(channels: int, kernel_size: int, stride: int) -> nn.Sequential:
    """Depthwise and pointwise convolution, twice; the first depthwise one has the stride."""
    return nn.Sequential(*_depthwise(channels, kernel_size, stride), *_depthwise(channels, kernel_size, 1))


def dilated(channels: int, kernel_size: int, stride: int) -> nn.Sequential:
    """Depthwise convolution over every other position, and a pointwise one."""
    return nn.Sequential(*_depthwise(channels, kernel_size, stride, dilation=2))


def factorized(channels: int, kernel_size: int, stride: int) -> nn.Sequential:
    """A convolution of one row, then one of one column (`conv_7x1_1x7`), one normalization after both."""
    row = nn.Conv2d(channels, channels, (1, kernel_size), (1, stride), (0, kernel_size // 2), bias=False)
    column = nn.Conv2d(channels, channels, (kernel_size, 1), (stride, 1), (kernel_size // 2, 0), bias=False)
    return nn.Sequential(nn.ReLU(), row, column, nn.BatchNorm2d(channels))


def _depthwise(channels: int, kernel_size: int, stride: int, dilation: int = 1) -> tuple[nn.Module, ...]:
    padding = dilation * (kernel_size // 2)
    depthwise = nn.Conv2d(
        channels, channels, kernel_size, stride, padding, dilation, groups=channels, bias=False
    )
    pointwise = nn.Conv2d(channels, channels, 1, bias=False)
    return nn.ReLU(), depthwise, pointwise, nn.BatchNorm2d(channels)


def _average(kernel_size: int, stride: int) -> nn.Module:
    return nn.AvgPool2d(kernel_size, stride, kernel_size // 2, count_include_pad=False)


#: Every operation by its published name: from channels and stride to a module.
OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda channels, stride: Zero(stride),
    "skip_connect": lambda channels, stride: (
        nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    ),
    "avg_pool_3x3": lambda channels, stride: _average(3, stride),
    "max_pool_3x3": lambda channels, stride: nn.MaxPool2d(3, stride, 1),
    "max_pool_5x5": lambda channels, stride: nn.MaxPool2d(5, stride, 2),
    "max_pool_7x7": lambda channels, stride: nn.MaxPool2d(7, stride, 3),
    "conv_1x1": lambda channels, stride: relu_convolution(channels, channels, 1, stride),
    "conv_3x3": lambda channels, stride: relu_convolution(channels, channels, 3, stride),
    "conv_5x5": lambda channels, stride: relu_convolution(channels, channels, 5, stride),
    "sep_conv_3x3": lambda channels, stride: separable(channels, 3, stride),
    "sep_conv_5x5": lambda channels, stride: separable(channels, 5, stride),
    "sep_conv_7x7": lambda channels, stride: separable(channels, 7, stride),
    "dil_conv_3x3": lambda channels, stride: dilated(channels, 3, stride),
    "dil_conv_5x5": lambda channels, stride: dilated(channels, 5, stride),
    "conv_3x1_1x3": lambda channels, stride: factorized(channels, 3, stride),
    "conv_7x1_1x7": lambda channels, stride: factorized(channels, 7, stride),
}
