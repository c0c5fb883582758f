"""NAS-Bench-Macro: the published networks, strings, and what is one network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.measure import count_parameters, flops
from sugata.space import Signature, TensorSpec, image_signature
from sugata.spaces import space
from sugata.spaces.mobile import NasBenchMacroSpace

SPACE = NasBenchMacroSpace()
CIFAR = image_signature(3, 32, 32, 10)
STRINGS = st.text("012", min_size=8, max_size=8)


@pytest.fixture(scope="module")
def table(real_data: Path) -> pd.DataFrame:
    return pd.read_parquet(real_data / "nasbench_macro").set_index("arch")


def built(text: str) -> torch.nn.Module:
    with torch.device("meta"):
        return SPACE.build(SPACE.from_string(text), CIFAR)


def test_parameters_and_multiply_accumulates_are_those_of_the_table(table: pd.DataFrame) -> None:
    sample = ["00000000", "11111111", "22222222", *table.index[::600]]
    assert len(sample) == 14
    for text in sample:
        network = built(text)
        assert count_parameters(lambda network=network: network) == table.params[text]
        assert flops(network, (1, 3, 32, 32), dtype=torch.float32) == 2 * table.flops[text]


def test_the_known_sizes_of_two_networks() -> None:
    assert sum(p.numel() for p in built("00000000").parameters()) == 387_882
    assert sum(p.numel() for p in built("02012100").parameters()) == 890_666


def test_it_has_all_strings_and_counts_the_different_networks(table: pd.DataFrame) -> None:
    assert SPACE.size() == SPACE.valid() == len(table) == 6561
    different = list(SPACE.enumerate())
    assert SPACE.distinct() == len(different) == len({SPACE.training_key(a) for a in different}) == 3969
    results = table.mean_acc.groupby([SPACE.training_key(SPACE.from_string(text)) for text in table.index])
    assert len(results) == 3969
    assert set(results.nunique()) == {1}


@given(STRINGS)
def test_strings_go_in_and_out(text: str) -> None:
    architecture = SPACE.from_string(text)
    assert SPACE.to_string(architecture) == text
    assert SPACE.architecture(architecture) == architecture
    canonical = SPACE.canonical(architecture)
    assert SPACE.canonical(canonical) == canonical
    assert SPACE.graph(architecture) == SPACE.graph(canonical)
    assert SPACE.deployment_key(architecture) == SPACE.training_key(canonical)


@pytest.mark.parametrize("text", ["", "0000000", "00000003", "nor_conv"])
def test_what_is_no_string_of_the_table_is_refused(text: str) -> None:
    with pytest.raises(InvalidArchitecture, match="eight digits"):
        SPACE.from_string(text)


@settings(max_examples=20)
@given(STRINGS)
def test_the_canonical_network_computes_the_same(text: str) -> None:
    space = NasBenchMacroSpace(channels=2, head_channels=4)
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    outputs = []
    for architecture in (space.from_string(text), space.canonical(space.from_string(text))):
        network = space.build(architecture, image_signature(1, 8, 8, 3))
        network.initialize(torch.Generator().manual_seed(1))
        outputs.append(network(images))
    assert outputs[0].shape == (2, 3)
    assert torch.equal(*outputs)


def test_the_graph_is_a_chain_of_what_computes_something() -> None:
    graph = SPACE.graph(SPACE.from_string("02000010"))
    assert graph.operations == (
        "input",
        "layer_1:projection",
        "layer_2:mbconv_5x5_e6",
        "layer_3:projection",
        "layer_6:projection",
        "layer_7:mbconv_3x3_e3",
        "output",
    )
    assert graph.edges == tuple((i, i + 1) for i in range(6))


def test_width_and_depth_are_parameters_of_the_space() -> None:
    deep = space("nasbench_macro", channels=16, stages=[4, 3, 3])
    architecture = deep.from_string("12000000")
    network = deep.build(architecture, CIFAR)
    assert [block.kind for block in deep.outline(architecture)][1:5] == ["mbconv_3x3_e3"] * 2 + [
        "mbconv_5x5_e6"
    ] * 2
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert deep.outline(architecture)[-3].output == ("batch", 16 * 8, 32 // 8, 32 // 8)
    with pytest.raises(InvalidArchitecture, match="stages"):
        NasBenchMacroSpace(stages=[1, 3, 3])
    with pytest.raises(InvalidArchitecture, match="channels=0"):
        NasBenchMacroSpace(channels=0)


def test_the_outline_has_all_parameters() -> None:
    architecture = SPACE.sample(np.random.default_rng(0))
    blocks = SPACE.outline(architecture)
    total = sum(p.numel() for p in built(SPACE.to_string(architecture)).parameters())
    assert sum(block.parameters for block in blocks) == total
    assert blocks[0].output == ("batch", 32, 32, 32)


def test_a_task_without_images_is_refused() -> None:
    tokens = TensorSpec("tokens", ("batch", "length"), "int64", 100)
    with pytest.raises(InvalidArchitecture, match="image network"):
        SPACE.build(SPACE.from_string("00000000"), Signature((tokens,), (tokens,)))
