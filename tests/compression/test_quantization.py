"""Rounding to 8 and 4 bits: error bounds, round trips, edge cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sugata.compression.quantization import dequantize, pack_nibbles, quantize_columns, unpack_nibbles

matrices = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=70),
    elements=st.floats(-1000, 1000, width=32),
)


@settings(deadline=None)  # machines pause
@given(matrices, st.sampled_from([(8, 1000), (4, 32), (4, 7)]))
def test_no_value_is_off_by_more_than_half_its_scale(values, format_):
    bits, group = format_
    codes, scales = quantize_columns(values, bits, group)
    restored = dequantize(codes, scales, group)
    scale = np.repeat(scales.astype(np.float32), group, axis=1)[:, : values.shape[1]]
    assert (np.abs(restored - values) <= scale * 0.5 * (1 + 1e-5)).all()


@settings(deadline=None)  # machines pause
@given(matrices, st.sampled_from([8, 4]))
def test_codes_are_symmetric_and_never_the_most_negative_one(values, bits):
    codes, scales = quantize_columns(values, bits, 32)
    assert np.abs(codes.astype(int)).max() <= 2 ** (bits - 1) - 1
    assert scales.shape == (values.shape[0], -(-values.shape[1] // 32))
    mirrored, same = quantize_columns(-values, bits, 32)
    np.testing.assert_array_equal(mirrored, -codes)
    np.testing.assert_array_equal(same, scales)


@settings(deadline=None)  # machines pause
@given(matrices)
def test_what_was_rounded_once_stays_as_it_is(values):
    codes, scales = quantize_columns(values, 8, 32)
    restored = dequantize(codes, scales, 32)
    again = dequantize(*quantize_columns(restored, 8, 32), 32)
    step = np.repeat(scales.astype(np.float32), 32, axis=1)[:, : values.shape[1]]
    assert (np.abs(again - restored) <= 0.51 * step).all()


@settings(deadline=None)  # machines pause
@given(hnp.arrays(np.int8, st.integers(0, 99), elements=st.integers(-8, 7)))
def test_two_codes_in_a_byte_come_back(codes):
    packed = pack_nibbles(codes)
    assert packed.nbytes == -(-codes.size // 2)
    np.testing.assert_array_equal(unpack_nibbles(packed, codes.size), codes)


def test_a_group_of_zeros_stays_zero():
    codes, scales = quantize_columns(np.zeros((3, 40), np.float32), 4, 32)
    assert not codes.any()
    assert not scales.any()
    assert not dequantize(codes, scales, 32).any()


@pytest.mark.parametrize("bits", [4, 8])
def test_every_group_has_its_own_scale(bits):
    values = np.ones((2, 64), np.float32)
    values[:, 32:] = 100
    codes, scales = quantize_columns(values, bits, 32)
    np.testing.assert_allclose(dequantize(codes, scales, 32), values, rtol=2e-3)
    assert len(np.unique(scales)) == 2
