"""AWQ's search: its error on calibration inputs is never larger than that of rounding to nearest."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.compression.awq import best_scales
from sugata.compression.calibration import Inputs
from sugata.compression.gptq import output_error
from sugata.compression.quantization import dequantize, quantize_columns


def problem(seed, spread):
    rng = np.random.default_rng(seed)
    inputs = Inputs(torch.zeros(64, 64, dtype=torch.float64), torch.zeros(64, dtype=torch.float64))
    inputs.add(torch.from_numpy(rng.normal(size=(150, 64)) * rng.lognormal(0, spread, 64)))
    return rng.normal(size=(12, 64)).astype(np.float32), inputs


def error(weight, inputs, scales, bits):
    codes, steps = quantize_columns(weight * scales, bits, 32)
    rounded = dequantize(codes, steps, 32) / scales
    return output_error(weight, rounded, inputs.products.numpy()).sum()


@given(st.integers(0, 10_000), st.floats(0, 3), st.sampled_from([4, 8]))
def test_the_error_is_at_most_that_of_rounding_to_nearest(seed, spread, bits):
    weight, inputs = problem(seed, spread)
    scales = best_scales([weight], [inputs], bits, 32).numpy()
    assert error(weight, inputs, scales, bits) <= error(weight, inputs, np.ones(64, np.float32), bits)


def test_channels_with_large_inputs_get_finer_steps():
    weight, inputs = problem(0, 2.0)
    scales = best_scales([weight], [inputs], 4, 32).numpy()
    assert error(weight, inputs, scales, 4) < 0.7 * error(weight, inputs, np.ones(64, np.float32), 4)
    assert np.corrcoef(np.log(scales), np.log(inputs.magnitudes.numpy()))[0, 1] > 0.9


def test_channels_that_share_a_scale_get_the_same_one():
    weight, inputs = problem(1, 2.0)
    shared = torch.arange(64) % 16
    scales = best_scales([weight], [inputs], 4, 32, shared)
    assert torch.equal(scales, scales[:16][shared])
