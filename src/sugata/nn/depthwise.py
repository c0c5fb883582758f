"""Depthwise convolutions that also learn fast on a CPU.

oneDNN's kernels for images with the channels last are fast, except two: the gradient of the weights of
kernels of five columns (30 times slower than of three, torch 2.13), and everything about dilated kernels. The
first is put together from kernels of three and one columns on shifted images, the second avoided: a kernel on
every other position is a dense kernel on each of the four phases of an image.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_WIDE = 5  # columns of a kernel from which the gradient is put together
_LEAST = 4  # columns of an image that can be shifted


def depthwise(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """Convolve each channel with a kernel of its own, padded so that a stride of 1 keeps the size.

    Args:
        x: `(batch, channels, height, width)`; fast in the memory format with the channels last.
        weight: `(channels, 1, size, size)`, an odd size.
        stride: 1 or 2.

    Returns:
        `(batch, channels, height / stride, width / stride)`, rounded up.
    """
    return _Depthwise.apply(x, weight, stride)  # type: ignore[no-any-return, no-untyped-call]


def phases(x: Tensor) -> Tensor:
    """The four images of every other row and column: `(batch, c, h, w)` to `(4 batch, c, h / 2, w / 2)`.

    Odd sizes are continued by zeros. A dilated convolution is `from_phases(depthwise(phases(x)))`.
    """
    batch, channels, height, width = x.shape
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
        height, width = x.shape[2:]
    split = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
    moved = split.permute(2, 4, 0, 1, 3, 5).reshape(4 * batch, height // 2, width // 2, channels)
    return moved.permute(0, 3, 1, 2)


def from_phases(x: Tensor, height: int, width: int) -> Tensor:
    """The images of these sizes that have these phases: the inverse of `phases`."""
    batch, channels, rows, columns = x.shape
    split = x.permute(0, 2, 3, 1).reshape(2, 2, batch // 4, rows, columns, channels)
    moved = split.permute(2, 3, 0, 4, 1, 5).reshape(batch // 4, 2 * rows, 2 * columns, channels)
    return moved.permute(0, 3, 1, 2)[:, :, :height, :width]


class _Depthwise(torch.autograd.Function):
    """The convolution with a gradient that avoids the slow kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        rows, columns = weight.shape[2:]
        return F.conv2d(x, weight, None, stride, (rows // 2, columns // 2), 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (g,) = gradients
        x, weight = ctx.saved_tensors
        of_x = _gradient(g, x, weight, ctx.stride, 0) if ctx.needs_input_grad[0] else None
        of_weight = _of_weight(g, x, weight, ctx.stride) if ctx.needs_input_grad[1] else None
        return of_x, of_weight, None


def _gradient(g: Tensor, x: Tensor, weight: Tensor, stride: int, which: int) -> Tensor:
    """Torch's own gradient of the input (0) or of the weight (1)."""
    padding = [size // 2 for size in weight.shape[2:]]
    mask = [which == 0, which == 1, False]
    strides = [stride, stride]
    found = torch.ops.aten.convolution_backward(
        g, x, weight, None, strides, padding, [1, 1], False, [0, 0], x.shape[1], mask
    )
    return found[which]  # type: ignore[no-any-return]


def _of_weight(g: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """The gradient of the weight; of five columns: the middle three, and of shifted images the outer two."""
    columns = weight.shape[3]
    if columns != _WIDE or x.shape[3] < _LEAST:
        return _gradient(g, x, weight, stride, 1)
    middle = _gradient(g, x, weight[..., 1:4], stride, 1)
    # A kernel of one column is the cheapest, but oneDNN is slow for it at a stride of 2.
    size = 1 if stride == 1 else 3
    shift = 2 - size // 2
    outer = weight[..., :size]
    left = _gradient(g, F.pad(x, (shift, -shift)), outer, stride, 1)[..., :1]
    right = _gradient(g, F.pad(x, (-shift, shift)), outer, stride, 1)[..., -1:]
    return torch.cat([left, middle, right], dim=3)
