"""Which weights and which channels pruning removes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.compression.pruning import kept_channels, magnitude_mask, pruned_count, strongest_channels


@settings(deadline=None)  # machines pause
@given(st.integers(1, 500), st.floats(0, 0.99), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_exact_share_goes_and_the_largest_stay(size, ratio, levels, seed):
    values = np.random.default_rng(seed).integers(-levels, levels + 1, size).astype(np.float32)  # many ties
    keep = magnitude_mask(values, ratio)
    assert (~keep).sum() == pruned_count(size, ratio)
    if keep.any() and not keep.all():
        assert np.abs(values[keep]).min() >= np.abs(values[~keep]).max()


@pytest.mark.parametrize(
    ("ffn_dim", "ratio", "kept"),
    [
        (256, 0.0, 256),
        (250, 0.0, 250),
        (256, 0.4, 152),
        (256, 0.6, 104),
        (8, 0.6, 8),
        (10, 0.2, 8),
        (4, 0.5, 4),
        (0, 0.4, 0),
    ],
)
def test_kept_channels_are_a_multiple_of_eight_near_the_ratio(ffn_dim, ratio, kept):
    assert kept_channels(ffn_dim, ratio) == kept


def test_the_strength_of_a_channel_counts_both_sides():
    incoming = np.array([[1.0, 0.0], [3.0, 0.0], [0.1, 0.1], [2.0, 2.0]])
    outgoing = np.array([[5.0, 0.1, 9.0, 2.0]])
    np.testing.assert_array_equal(strongest_channels([incoming], outgoing, 2), [0, 3])


def test_a_gate_counts_with_its_channel():
    value = np.array([[1.0], [1.0], [1.0]])
    gate = np.array([[0.1], [5.0], [0.2]])
    np.testing.assert_array_equal(strongest_channels([value, gate], np.ones((1, 3)), 1), [1])
