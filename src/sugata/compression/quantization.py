"""Symmetric round-to-nearest quantization to 8 or 4 bits, and two 4-bit codes in a byte."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def quantize_columns(values: Array, bits: int, group: int) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Round a matrix to signed integers, with one scale for every `group` columns of a row.

    The scale is the group's largest magnitude over 2^(bits-1) - 1 (127 or 7), as a 16-bit float rounded up:
    so no value is clipped, and every value is off by at most half its scale. Symmetric, without zero points;
    the most negative code (-128, -8) is not used. This is the "absmax" scheme of Dettmers et al. 2022
    (LLM.int8(), sec. 2.1) per output channel, and per group as in Frantar et al. 2023 (GPTQ, sec. 5,
    round-to-nearest baseline).

    Args:
        values: finite floats `(rows, columns)`.
        bits: 8 or 4.
        group: columns that share a scale; the last group of a row may be smaller.

    Returns:
        Codes `(rows, columns)` and scales `(rows, ceil(columns / group))`. A group of zeros has scale 0.
    """
    top = 2 ** (bits - 1) - 1
    grouped = _in_groups(np.asarray(values, np.float32), group)
    largest = np.abs(grouped).max(axis=2)
    scales = (largest / top).astype(np.float16)
    too_small = scales.astype(np.float32) * top < largest
    scales = np.where(too_small, np.nextafter(scales, np.float16(np.inf)), scales)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)
    codes = np.rint(grouped / divisors[:, :, None]).astype(np.int8)
    return codes.reshape(codes.shape[0], -1)[:, : values.shape[1]], scales


def dequantize(codes: Array, scales: Array, group: int) -> NDArray[np.float32]:
    """Codes `(rows, columns)` times the scale of their group, float32."""
    grouped = _in_groups(codes.astype(np.float32), group) * scales.astype(np.float32)[:, :, None]
    return grouped.reshape(len(codes), -1)[:, : codes.shape[1]]


def pack_nibbles(codes: Array) -> NDArray[np.uint8]:
    """Codes between -8 and 7, flattened, two to a byte: stored plus 8, the first in the low four bits."""
    flat = (codes.ravel() + 8).astype(np.uint8)
    if flat.size % 2:
        flat = np.append(flat, np.uint8(8))
    packed: NDArray[np.uint8] = flat[0::2] | (flat[1::2] << np.uint8(4))
    return packed


def unpack_nibbles(packed: Array, count: int) -> NDArray[np.int8]:
    """The first `count` codes of `pack_nibbles`."""
    pairs = np.stack([packed & 15, packed >> 4], axis=1)
    return pairs.ravel()[:count].astype(np.int8) - np.int8(8)


def _in_groups(values: Array, group: int) -> Array:
    """`(rows, columns)` -> `(rows, groups, group)`, the last group filled up with zeros."""
    rows, columns = values.shape
    ragged = -columns % group
    if ragged:
        values = np.pad(values, ((0, 0), (0, ragged)))
    return values.reshape(rows, -1, group)
