"""GPTQ against a naive recursion in double precision, and its promise against rounding to nearest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.compression.gptq import gptq, gptq_codes, output_error
from sugata.compression.quantization import dequantize, quantize_columns


def problem(seed, rows=6, columns=64, tokens=200):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(columns, columns)) / columns**0.5
    x = rng.normal(size=(tokens, columns)) @ mix * rng.lognormal(size=columns)
    return rng.normal(size=(rows, columns)), x.T @ x


def optimal_brain_quantization(weight, products, scales, group, top, order, damping):
    """One row and one column at a time, with the inverse updated by elimination (no Cholesky factor)."""
    hessian = products + damping * np.diag(products).mean() * np.eye(len(products))
    codes = np.zeros(weight.shape, np.int8)
    for row in range(len(weight)):
        left, inverse = weight[row].copy(), np.linalg.inv(hessian)
        for column in order:
            scale = float(scales[row, column // group])
            code = np.clip(np.rint(left[column] / scale), -top, top)
            error = (left[column] - code * scale) / inverse[column, column]
            codes[row, column] = code
            left -= error * inverse[:, column]
            inverse -= np.outer(inverse[:, column], inverse[column]) / inverse[column, column]
    return codes


@pytest.mark.parametrize("block", [64, 32])
@pytest.mark.parametrize("act_order", [False, True])
def test_codes_are_those_of_the_naive_recursion(block, act_order):
    weight, products = problem(0)
    # A whole row shares its scale, so that both forms have their scales before they begin.
    group = 32 if act_order else 64
    codes, scales = gptq_codes(weight, products, 4, group, block=block, act_order=act_order)
    diagonal = np.diag(products)
    order = np.argsort(-diagonal, kind="stable") if act_order else range(64)
    naive = optimal_brain_quantization(weight, products, scales, group, 7, order, 0.01)
    assert np.array_equal(codes, naive)
    assert not np.array_equal(codes, quantize_columns(weight, 4, group)[0])


@given(st.integers(0, 10_000), st.sampled_from([4, 8]), st.booleans())
def test_no_output_gets_worse_than_by_rounding_to_nearest(seed, bits, act_order):
    weight, products = problem(seed, columns=48, tokens=20)  # fewer tokens than columns: a singular Hessian
    codes, scales = gptq(weight, products, bits, 32, act_order=act_order)
    plain = dequantize(*quantize_columns(weight, bits, 32), 32)
    ours = output_error(weight, dequantize(codes, scales, 32), products)
    assert (ours <= output_error(weight, plain, products)).all()


def test_errors_shrink_much_on_correlated_inputs():
    weight, products = problem(1, rows=32)
    plain = output_error(weight, dequantize(*quantize_columns(weight, 4, 32), 32), products).sum()
    ours = output_error(weight, dequantize(*gptq(weight, products, 4, 32), 32), products).sum()
    assert ours < 0.7 * plain


def test_pruned_weights_stay_zero_and_inputs_that_are_never_seen_do_no_harm():
    weight, products = problem(2)
    products[5], products[:, 5] = 0, 0
    keep = np.random.default_rng(0).random(weight.shape) > 0.5
    codes, scales = gptq_codes(weight * keep, products, 4, 32, keep=keep)
    assert not codes[~keep].any()
    assert np.isfinite(scales).all()
