"""Latency tables: what they add up, and which files they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata.errors import SugataError
from sugata.measure import LatencyTable, PartLatency
from sugata.measure.latency_table import this_machine, this_runtime
from sugata.space import SearchSpace, image_signature, restricted
from sugata.spaces import space as space_named
from sugata.spaces.cell import NasBench201Space
from sugata.spaces.mobile import MnasNetSpace, NasBenchMacroSpace, ProxylessSpace

SIGNATURE = image_signature(3, 32, 32, 10)
SPACE = ProxylessSpace()


def table(space: SearchSpace = SPACE, whole: float = 1.0) -> LatencyTable:
    """A table with a made-up latency for every part that the space's networks can have."""
    names = {part.name for one in space.covering() for part in space.parts(one, SIGNATURE)}
    values = np.random.default_rng(0).uniform(0.1, 2.0, len(names))
    entries = {name: PartLatency(ms, ms, ms) for name, ms in zip(sorted(names), values, strict=True)}
    return LatencyTable(space, SIGNATURE, entries, whole, this_machine(), this_runtime())


@pytest.mark.parametrize(
    "space",
    [
        SPACE,
        ProxylessSpace(depth=1.5),
        MnasNetSpace(),
        MnasNetSpace(width=0.5),
        NasBench201Space(8, 2),
        NasBenchMacroSpace(8),
    ],
)
def test_every_part_of_every_network_is_in_some_covering_network(space: SearchSpace) -> None:
    known = table(space).entries
    rng = np.random.default_rng(1)
    for _ in range(100):
        names = {part.name for part in space.parts(space.sample(rng), SIGNATURE)}
        assert names <= known.keys()


def test_parts_have_the_shapes_of_the_built_network() -> None:
    for space in (SPACE, MnasNetSpace(), NasBench201Space(4, 2), NasBenchMacroSpace(8)):
        parts = space.parts(space.sample(np.random.default_rng(2)), image_signature(3, 37, 33, 5))
        x = torch.zeros(2, 3, 37, 33)
        for part in parts:
            assert tuple(x.shape[1:]) == part.shape
            x = part.build().eval()(x)
        assert x.shape == (2, 5)


def test_a_cell_has_its_operations_and_sums_in_every_stage() -> None:
    space = NasBench201Space(8, 2)
    cell = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
    names = [part.name for part in space.parts(space.from_string(cell), SIGNATURE)]
    assert [name.split()[0] for name in names[1:5]] == [
        *["nor_conv_3x3", "nor_conv_1x1"],
        "nor_conv_3x3",
        "sum",
    ]
    assert names.count("sum 16x16x16") == 2
    assert names.count("reduction 16x16x16 -> 32x8x8") == 1
    assert names[-1] == "head 32x8x8 -> 10"


def test_an_estimate_is_the_sum_of_the_parts_times_the_share_of_the_whole() -> None:
    found = table(whole=0.5)
    architecture = SPACE.sample(np.random.default_rng(0))
    parts = SPACE.parts(architecture, SIGNATURE)
    assert found.estimate(architecture) == pytest.approx(sum(found.entries[p.name].median for p in parts) / 2)


def test_expected_latency_is_the_mean_over_drawn_architectures_and_can_be_differentiated() -> None:
    found, rng = table(whole=0.8), np.random.default_rng(0)
    logits = {
        choice.name: torch.randn(len(choice.options), dtype=torch.float64, requires_grad=True)
        for choice in SPACE.choices
    }
    probabilities = {name: torch.softmax(value, 0) for name, value in logits.items()}
    expected = found.expected(probabilities)
    p = {name: value.detach().numpy() for name, value in probabilities.items()}
    drawn = [
        found.estimate({c.name: c.options[rng.choice(len(c.options), p=p[c.name])] for c in SPACE.choices})
        for _ in range(2000)
    ]
    assert float(expected.detach()) == pytest.approx(np.mean(drawn), rel=0.02)
    expected.backward()
    assert all(value.grad is not None and float(value.grad.abs().sum()) > 0 for value in logits.values())
    certain = {
        c.name: torch.eye(len(c.options), dtype=torch.float64)[len(c.options) - 1] for c in SPACE.choices
    }
    smallest = {c.name: c.options[-1] for c in SPACE.choices}
    assert float(found.expected(certain)) == pytest.approx(found.estimate(smallest))


def test_a_written_table_is_read_again_by_a_part_of_its_space_too(tmp_path: Path) -> None:
    file = tmp_path / "new" / "table.json"
    found = table(whole=0.9)
    found.write(file)
    read = LatencyTable.read(file, SPACE, SIGNATURE)
    assert (read.entries, read.whole) == (found.entries, 0.9)
    narrow = restricted(SPACE, {"stage_1_block_1": ["mbconv_3x3_e3"]})
    architecture = narrow.sample(np.random.default_rng(0))
    assert LatencyTable.read(file, narrow, SIGNATURE).estimate(architecture) == found.estimate(architecture)
    assert [path.name for path in file.parent.iterdir()] == ["table.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machine": {"cpu": "Abacus", "cores": 1}}, "another machine: cpu Abacus cores 1; this one is cpu"),
        ({"runtime": {"name": "onnxruntime", "version": "0.1", "threads": 1}}, "another runtime: name onnx"),
        ({"space": {"name": "mobile/mnasnet"}}, "for space name mobile/mnasnet, not for name mobile/prox"),
        ({"space": {"name": "mobile/proxyless", "width": 0.5, "depth": 1.0}}, "width 0.5"),
        ({"image": {"channels": 3, "height": 8, "width": 8, "outputs": 10}}, "height 8"),
        ({"format": "sugata.latency-table.9"}, "'sugata.latency-table.9' is not"),
        ({"entries": {"stem": {"median": -1, "p10": 1, "p90": 1}}}, "above 0"),
        ({"entries": {"stem": 3}}, "entry 'stem' is 3"),
        ({"entries": []}, "'entries'"),
        ({"whole": None}, "'whole' is None"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, change: dict, message: str) -> None:
    file = tmp_path / "table.json"
    table().write(file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(SugataError, match=r"table\.json") as error:
        LatencyTable.read(file, SPACE, SIGNATURE)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_broken_and_missing_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    with pytest.raises(SugataError, match="no such latency table"):
        LatencyTable.read(file, SPACE, SIGNATURE)
    file.write_text('{"format": ')
    with pytest.raises(SugataError, match="not a readable latency table"):
        LatencyTable.read(file, SPACE, SIGNATURE)


def test_a_part_that_was_not_measured_is_named(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    table().write(file)
    data = json.loads(file.read_text())
    del data["entries"]["mbconv_7x7_e6 80x8x8 -> 96x8x8"]
    file.write_text(json.dumps(data))
    message = (
        r"table\.json: has no latency of 'mbconv_7x7_e6 80x8x8 -> 96x8x8'; measure again: sugata latency-"
    )
    with pytest.raises(SugataError, match=message):
        LatencyTable.read(file, SPACE, SIGNATURE)


def test_decisions_that_are_no_choices_are_refused() -> None:
    with pytest.raises(SugataError, match=r"'normal:0->2' with 8 options is no choice of mobile/proxyless"):
        table().expected({"normal:0->2": torch.full((8,), 0.125)})
    tiny = space_named("language/tiny")
    with pytest.raises(SugataError, match="does not divide its networks"):
        tiny.parts(tiny.sample(np.random.default_rng(0)), SIGNATURE)
