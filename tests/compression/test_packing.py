"""Packed tensors restore what was stored, in the bytes their layout promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.compression.packing import Layout, pack
from sugata.compression.pruning import magnitude_mask
from sugata.errors import SugataError

STORAGES = ["fp16", "int8", "int4"]
DTYPES = {"F16": np.float16, "I8": np.int8, "U8": np.uint8}


@settings(deadline=None)  # machines pause
@given(
    st.sampled_from(STORAGES),
    st.integers(1, 40),
    st.integers(1, 70),
    st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.95]),
    st.integers(0, 2**32 - 1),
)
def test_pruned_and_rounded_values_survive_packing(storage, rows, columns, ratio, seed):
    values = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    keep = magnitude_mask(values, ratio)
    packed = pack(values, storage, keep)
    dense = pack(np.where(keep, values, 0), storage)
    np.testing.assert_array_equal(packed.restore(), dense.restore())
    assert not packed.restore()[~keep].any()
    for part, (dtype, shape) in packed.layout.parts().items():
        assert packed.parts[part].shape == shape
        assert packed.parts[part].dtype == DTYPES[dtype]
    nbytes = sum(part.nbytes for part in packed.parts.values())
    assert nbytes <= sum(part.nbytes for part in dense.parts.values())


@settings(deadline=None)  # machines pause
@given(st.sampled_from(STORAGES), st.integers(1, 300), st.integers(1, 300), st.integers(0, 300))
def test_a_described_layout_is_read_back(storage, rows, columns, kept):
    layout = Layout((rows, columns), storage, min(kept, rows * columns))
    again = Layout.parse(layout.describe())
    assert again.parts() == layout.parts()


def test_fp16_is_the_nearest_16_bit_float():
    values = np.array([1 / 3, -2e-5, 60000], np.float32)
    np.testing.assert_array_equal(pack(values).restore(), values.astype(np.float16).astype(np.float32))


def test_sparse_storage_is_used_only_where_it_is_smaller():
    assert not Layout((64, 64), "int4", kept=int(0.8 * 4096)).sparse
    assert Layout((64, 64), "int4", kept=int(0.6 * 4096)).sparse
    assert Layout((64, 64), "fp16", kept=int(0.8 * 4096)).sparse
    assert not Layout((64, 64), "fp16").sparse


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e5])
def test_values_that_16_bits_cannot_hold_are_refused(bad):
    with pytest.raises(SugataError, match="diverged"):
        pack(np.array([[1.0, bad]], np.float32), "int8")
