"""GPTQ: rounding one column after another, each error made good by the columns that are still to come."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.compression.quantization import dequantize, quantize_columns

Array = NDArray[Any]
Codes = tuple[NDArray[np.int8], NDArray[np.float16]]


def gptq(
    weight: Array,
    products: Array,
    bits: int,
    group: int,
    *,
    damping: float = 0.01,
    block: int = 128,
    act_order: bool = False,
    keep: Array | None = None,
) -> Codes:
    """Quantize a matrix so that its outputs on calibration inputs change little (Frantar et al. 2023).

    Algorithm 1: the upper Cholesky factor of the damped inverse Hessian, updates of later columns in blocks.

    Departures: scales are symmetric, those of `quantize_columns`. With `act_order` (columns with the largest
    inputs first, as in the authors' code) the groups stay those of neighbouring columns and get their
    scales before the first update, so that storage needs no permutation. And the method is greedy: a row
    that it leaves with a larger error than rounding to nearest is rounded to nearest.

    Args:
        weight: `(rows, columns)`.
        products: sum of x x^T over calibration inputs, `(columns, columns)`.
        bits: 8 or 4.
        group: columns that share a scale.
        damping: added to the diagonal, as a share of its mean.
        block: columns between updates of all later ones; whole groups.
        act_order: largest inputs first.
        keep: False where pruning has removed a weight, which stays zero.

    Returns:
        Codes `(rows, columns)` and scales `(rows, groups)`.
    """
    codes, scales = gptq_codes(
        weight, products, bits, group, damping=damping, block=block, act_order=act_order, keep=keep
    )
    plain, plain_scales = quantize_columns(weight, bits, group)
    ours = output_error(weight, dequantize(codes, scales, group), products)
    worse = ~(ours <= output_error(weight, dequantize(plain, plain_scales, group), products))
    return np.where(worse[:, None], plain, codes), np.where(worse[:, None], plain_scales, scales)


def gptq_codes(
    weight: Array,
    products: Array,
    bits: int,
    group: int,
    *,
    damping: float = 0.01,
    block: int = 128,
    act_order: bool = False,
    keep: Array | None = None,
) -> Codes:
    """`gptq` without its comparison with rounding to nearest."""
    columns = weight.shape[1]
    hessian = np.array(products, np.float64)
    diagonal = np.diag(hessian).copy()
    order = np.argsort(-diagonal, kind="stable") if act_order else np.arange(columns)
    step = damping * float(diagonal.mean()) or 1.0
    hessian[np.diag_indices(columns)] += np.where(diagonal == 0, max(step, 1.0), step)
    inverse = np.linalg.inv(hessian[np.ix_(order, order)])
    factor = np.linalg.cholesky((inverse + inverse.T) / 2).T  # upper: factor.T @ factor = inverse
    left = np.array(weight, np.float64)[:, order]
    kept = None if keep is None else keep[:, order]
    codes = np.zeros(weight.shape, np.int8)
    scales = quantize_columns(weight, bits, group)[1]
    top = 2 ** (bits - 1) - 1
    block = max(block // group, 1) * group  # whole groups; a whole row where all columns share a scale
    for start in range(0, columns, block):
        end = min(start + block, columns)
        errors = np.zeros((len(left), end - start))
        for i in range(start, end):
            if not act_order and i % group == 0:  # i is the first of its group, brought up to date
                now = left[:, i : i + group]
                scales[:, i // group] = quantize_columns(now, bits, group)[1][:, 0]
            scale = scales[:, order[i] // group].astype(np.float64)
            code = np.clip(np.rint(left[:, i] / np.where(scale > 0, scale, 1)), -top, top)
            if kept is not None:
                code = np.where(kept[:, i], code, 0)
            codes[:, order[i]] = code
            errors[:, i - start] = (left[:, i] - code * scale) / factor[i, i]
            left[:, i + 1 : end] -= np.outer(errors[:, i - start], factor[i, i + 1 : end])
        left[:, end:] -= errors @ factor[start:end, end:]
    return codes, scales


def output_error(weight: Array, rounded: Array, products: Array) -> NDArray[np.float64]:
    """Squared error of each output over the calibration inputs, `(rows,)`."""
    difference = np.asarray(weight, np.float64) - np.asarray(rounded, np.float64)
    error: NDArray[np.float64] = ((difference @ products) * difference).sum(1)
    return error
