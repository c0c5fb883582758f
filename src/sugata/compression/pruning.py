"""Magnitude pruning of single weights, and the removal of whole hidden channels of feed-forward networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CHANNEL_MULTIPLE = 8  # the 32-bit floats of a 256-bit vector register


def magnitude_mask(values: Array, ratio: float) -> NDArray[np.bool_]:
    """Which values stay when the smallest are removed (Han et al. 2015, sec. 3).

    Departures: one threshold a tensor and no retraining. Exactly `pruned_count` values go, ties included.

    Args:
        values: float array of any shape.
        ratio: share to remove, 0 <= ratio < 1.

    Returns:
        Boolean array of the same shape, False where a value is removed.
    """
    keep = np.ones(values.size, bool)
    count = pruned_count(values.size, ratio)
    if count:
        keep[np.argpartition(np.abs(values).ravel(), count - 1)[:count]] = False
    return keep.reshape(values.shape)


def pruned_count(size: int, ratio: float) -> int:
    """How many of `size` values magnitude pruning removes: the nearest whole number."""
    return round(size * ratio)


def kept_channels(ffn_dim: int, ratio: float) -> int:
    """Hidden channels that stay: the multiple of 8 nearest to `(1 - ratio) * ffn_dim`, at least 8."""
    if ratio == 0:
        return ffn_dim
    nearest = CHANNEL_MULTIPLE * round(ffn_dim * (1 - ratio) / CHANNEL_MULTIPLE)
    return min(ffn_dim, max(CHANNEL_MULTIPLE, nearest))


def strongest_channels(inputs: list[Array], output: Array, count: int) -> NDArray[np.intp]:
    """The `count` hidden channels of a feed-forward network with the largest weights, ascending."""
    return np.sort(np.argsort(-channel_strength(inputs, output), kind="stable")[:count])


def channel_strength(inputs: list[Array], output: Array) -> Array:
    """How large the weights of each hidden channel of a feed-forward network are, `(ffn_dim,)`.

    A channel's strength is the L2 norm of its input row times the L2 norm of its output column (with two
    input matrices, as in gated networks, the norm over both rows): the removal criterion of Li et al. 2017
    (Pruning filters for efficient ConvNets, sec. 3.1), with both sides of the channel instead of the incoming
    one alone, so that it does not change when a factor is moved from one side to the other.

    Args:
        inputs: input matrices `(ffn_dim, hidden)`.
        output: output matrix `(hidden, ffn_dim)`.
    """
    incoming = np.sqrt(sum(np.square(matrix).sum(axis=1) for matrix in inputs))
    strength: Array = incoming * np.linalg.norm(output, axis=0)
    return strength
