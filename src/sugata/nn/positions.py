"""Position encodings, computed for any length: sinusoidal, rotary (RoPE), linear biases (ALiBi)."""

import math

import torch
from torch import Tensor


def sinusoidal(positions: Tensor, dim: int) -> Tensor:
    """Sinusoidal encoding (Vaswani et al. 2017, section 3.5): sine in even channels, cosine in odd ones.

    Args:
        positions: `(n,)` positions, counted from 0.
        dim: Channels.

    Returns:
        `(n, dim)` float32.
    """
    pairs = torch.arange((dim + 1) // 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[:, None] * torch.exp(pairs * (-2.0 * math.log(10_000.0) / dim))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)[:, :dim]


def rotary(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary encoding (Su et al. 2021, equation 15).

    Args:
        positions: `(n,)` positions, counted from 0.
        head_dim: Width of a head, even.
        theta: Base of the wavelengths.

    Returns:
        Two tensors `(n, 1, head_dim / 2)`, to be given to `rotate` with `(..., n, heads, head_dim)`.
    """
    pairs = torch.arange(head_dim // 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[:, None, None] * torch.exp(pairs * (-2.0 * math.log(theta) / head_dim))
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the channel pairs `(i, i + head_dim / 2)` of `(..., n, heads, head_dim)`.

    Pairs channels half a head apart, as Llama does; the paper pairs neighbours. The two differ by a
    permutation of the projection's rows.
    """
    half = x.shape[-1] // 2
    cos, sin = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
    return (x * cos + x.roll(half, -1) * sin).type_as(x)


def alibi_slopes(num_heads: int) -> list[float]:
    """Slope of every head (Press et al. 2022, section 3).

    A geometric sequence from 2^(-8/n) for a power of two; for other counts the sequence of the next lower
    power of two, followed by every other slope of twice that power, as in the authors' implementation.
    """
    power = 2 ** math.floor(math.log2(num_heads))
    slopes = [2.0 ** (-8.0 * (i + 1) / power) for i in range(power)]
    between = [2.0 ** (-4.0 * (i + 1) / power) for i in range(0, 2 * power, 2)]
    return slopes + between[: num_heads - power]


def slopes_of(num_heads: int, left: tuple[int, ...] | None) -> list[float]:
    """ALiBi's slopes of the heads that are left of `num_heads`, by number; None: of all."""
    slopes = alibi_slopes(num_heads)
    return slopes if left is None else [slopes[head] for head in left]
