"""Measuring the parts of networks in onnxruntime."""

from collections.abc import Mapping

import pytest

from sugata.export import measure_latencies
from sugata.measure import LatencyTable
from sugata.space import Choice, SearchSpace, Signature, image_signature
from sugata.spaces.mobile.layout import BlockShape, Layout
from sugata.trial import Value

SIGNATURE = image_signature(1, 24, 24, 4)


class SmallSpace(SearchSpace):
    """Two blocks, one of them much larger on demand."""

    name = "small"
    choices = (Choice("kernel", (3, 5)), Choice("expansion", (1, 12)))

    def _layout(self, architecture: Mapping[str, Value]) -> Layout:
        first = BlockShape("first", "mbconv", 16, int(architecture["kernel"]), 2, 1, 3)
        second = BlockShape("second", "mbconv", 16, 3, 1, 1, int(architecture["expansion"]))
        return Layout(8, (first, second), 16, "relu")

    def build(self, architecture: Mapping[str, Value], signature: Signature):
        return self._layout(architecture).build(signature)

    def parts(self, architecture: Mapping[str, Value], signature: Signature):
        return self._layout(architecture).parts(signature)


@pytest.fixture(scope="module")
def table() -> LatencyTable:
    return measure_latencies(SmallSpace(), SIGNATURE, passes=30)


def test_each_part_is_measured_once(table: LatencyTable) -> None:
    assert list(table.entries) == [
        "head 16x24x24 -> 16 -> 4",
        "mbconv_3x3_e1 16x24x24 -> 16x24x24 + input",
        "mbconv_3x3_e12 16x24x24 -> 16x24x24 + input",
        "mbconv_3x3_e3 8x24x24 -> 16x24x24",
        "mbconv_5x5_e3 8x24x24 -> 16x24x24",
        "stem 1x24x24 -> 8x24x24",
    ]
    assert all(0 < entry.p10 <= entry.median <= entry.p90 for entry in table.entries.values())
    assert 0.3 < table.whole < 1.5


def test_the_larger_network_is_estimated_to_be_slower(table: LatencyTable) -> None:
    small, large = ({"kernel": 3, "expansion": expansion} for expansion in (1, 12))
    assert table.estimate(large) > 1.5 * table.estimate(small)


def test_progress_counts_networks() -> None:
    seen: list[tuple[int, int]] = []
    measure_latencies(
        SmallSpace(), SIGNATURE, passes=3, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
