"""NAS-Bench-201 against its published table."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.measure import multiply_accumulates
from sugata.space import Architecture, Graph, Signature, TensorSpec, image_signature
from sugata.spaces.cell.nasbench201 import EDGES, OPERATIONS, NasBench201Space

SPACE = NasBench201Space()
DATA_SETS = {
    "c10": image_signature(3, 32, 32, 10),
    "c100": image_signature(3, 32, 32, 100),
    "in16": image_signature(3, 16, 16, 120),
}
cells = st.tuples(*[st.sampled_from(OPERATIONS)] * len(EDGES)).map(
    lambda cell: SPACE.architecture({choice.name: op for choice, op in zip(SPACE.choices, cell, strict=True)})
)


@pytest.fixture(scope="module")
def table(real_data: Path) -> pd.DataFrame:
    return pd.read_parquet(real_data / "nasbench201" / "nasbench201.parquet")


def every_edge(operation: str) -> Architecture:
    return SPACE.architecture({choice.name: operation for choice in SPACE.choices})


# -- strings and counts ---------------------------------------------------------------------------------


@given(cell=cells)
def test_a_cell_survives_its_string(cell: Architecture) -> None:
    assert SPACE.from_string(SPACE.to_string(cell)) == cell


def test_the_official_string_names_source_nodes_target_by_target() -> None:
    cell = SPACE.from_string(
        "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
    )
    assert dict(cell) == {
        "0->1": "nor_conv_3x3",
        "0->2": "none",
        "1->2": "avg_pool_3x3",
        "0->3": "skip_connect",
        "1->3": "nor_conv_1x1",
        "2->3": "none",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "|nor_conv_5x5~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "unknown operation 'nor_conv_5x5' on edge 0->1; did you mean 'nor_conv_3x3'?",
        ),
        ("|xyz~0|+|none~0|none~1|+|none~0|none~1|none~2|", "'xyz' on edge 0->1; known are none, skip"),
        ("|none~0|+|none~0|none~1|", "lacks the edges 0->3, 1->3, 2->3"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "'none~0' at node 2"),
        ("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "'none~1' at node 1"),
        ("", "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"),
    ],
)
def test_a_wrong_string_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.from_string(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counts_are_the_published_ones() -> None:
    assert (SPACE.size(), SPACE.valid(), SPACE.distinct()) == (15_625, 15_625, 6_466)
    found = list(SPACE.enumerate())
    assert len({SPACE.training_key(cell) for cell in found}) == len(found) == 6_466


# -- what is the same -----------------------------------------------------------------------------------


def test_training_keys_are_the_published_ones_and_fast(table: pd.DataFrame) -> None:
    every = [SPACE.from_string(text) for text in table.arch]
    start = time.process_time()
    keys = [SPACE.training_key(cell) for cell in every]
    assert time.process_time() - start < 1
    assert keys == table.unique_str.tolist()
    assert [SPACE.deployment_key(cell) for cell in every] == keys


@given(cell=cells)
def test_the_canonical_cell_trains_the_same_and_stands_for_all_that_do(cell: Architecture) -> None:
    canonical = SPACE.canonical(cell)
    assert SPACE.training_key(canonical) == SPACE.training_key(cell)
    assert SPACE.canonical(canonical) == canonical
    assert list(canonical.values()).count("none") >= list(cell.values()).count("none")


def test_renamed_nodes_and_edges_without_effect_change_nothing() -> None:
    in_order = "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|avg_pool_3x3~1|skip_connect~2|"
    written_out = "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    dead_edge = "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    first, second, third = (SPACE.from_string(text) for text in (in_order, written_out, dead_edge))
    assert SPACE.training_key(second) == SPACE.training_key(third)
    assert SPACE.canonical(second) == SPACE.canonical(third) == second
    assert SPACE.graph(first) == SPACE.graph(second) == SPACE.graph(third)
    through_1 = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"
    through_2 = "|none~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
    assert len({SPACE.graph(SPACE.from_string(text)) for text in (through_1, through_2)}) == 1


def test_the_graph_has_skips_as_edges_and_no_dead_operations() -> None:
    text = "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
    operations = ("input", "nor_conv_3x3", "nor_conv_1x1", "output")
    assert SPACE.graph(SPACE.from_string(text)) == Graph(operations, ((0, 1), (0, 3), (1, 2), (2, 3)))
    assert SPACE.graph(every_edge("none")) == Graph(("input", "output"), ())
    assert SPACE.graph(every_edge("skip_connect")) == Graph(("input", "output"), ((0, 1),) * 4)


@given(cell=cells)
def test_every_operation_of_a_graph_lies_between_input_and_output(cell: Architecture) -> None:
    for graph in (SPACE.graph(cell), SPACE.cell_graphs(cell)["cell"]):
        assert graph.operations[0] == "input"
        assert graph.operations[-1] == "output"
        for node in range(1, len(graph.operations) - 1):
            assert graph.predecessors(node)
            assert graph.successors(node)


# -- networks -------------------------------------------------------------------------------------------


def built_counts(space: NasBench201Space, cell: Architecture, signature: Signature) -> tuple[int, int]:
    with torch.device("meta"):
        network = space.build(cell, signature)
    images = tuple(size for size in signature.inputs[0].shape if isinstance(size, int))
    return sum(p.numel() for p in network.parameters()), multiply_accumulates(network, (1, *images))


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA_SETS)
def test_parameters_and_macs_are_those_of_the_table(name: str, table: pd.DataFrame) -> None:
    random = [SPACE.sample(np.random.default_rng(i)) for i in range(8)]
    rows = table.set_index("arch")
    for cell in [*random, *map(every_edge, OPERATIONS)]:
        row = rows.loc[SPACE.to_string(cell)]
        expected = (row[f"{name}_params"], row[f"{name}_macs"])
        assert built_counts(SPACE, cell, DATA_SETS[name]) == expected, SPACE.to_string(cell)


def test_width_and_depth_are_free() -> None:
    cell = every_edge("nor_conv_1x1")
    parameters, _ = built_counts(NasBench201Space(channels=4, cells=1), cell, image_signature(1, 28, 28, 10))
    in_cells = sum(6 * (c * c + 2 * c) for c in (4, 8, 16))
    reductions = sum(9 * c * 2 * c + 9 * 4 * c * c + 8 * c + 2 * c * c for c in (4, 8))
    assert parameters == (9 * 4 + 2 * 4) + in_cells + reductions + 2 * 16 + 16 * 10 + 10
    with pytest.raises(InvalidArchitecture, match="channels=0"):
        NasBench201Space(channels=0)


@pytest.mark.parametrize("size", [(7, 9), (28, 28), (1, 1)])
def test_images_of_any_size_can_be_learned(size: tuple[int, int]) -> None:
    network = NasBench201Space(channels=2, cells=1).build(
        every_edge("avg_pool_3x3"), image_signature(3, *size, 5)
    )
    network.initialize(torch.Generator().manual_seed(0))
    logits = network(torch.randn(4, 3, *size, generator=torch.Generator().manual_seed(1)))
    assert logits.shape == (4, 5)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_cell_computes_the_sum_over_its_edges() -> None:
    """Against the formula of a cell with one operation of each kind, evaluated by hand."""
    space = NasBench201Space(channels=3, cells=1)
    text = "|nor_conv_1x1~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|skip_connect~1|nor_conv_3x3~2|"
    network = space.build(space.from_string(text), image_signature(3, 8, 8, 2)).eval()
    cell = network.layers[0]
    assert cell.edges == ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3))
    conv1, _, pool, _, conv3 = cell.operations
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = conv1(x) + conv3(x + pool(conv1(x)))
    torch.testing.assert_close(cell(x), expected)


def test_poolings_do_not_count_the_border() -> None:
    network = NasBench201Space(channels=3, cells=1).build(
        every_edge("avg_pool_3x3"), image_signature(3, 8, 8, 2)
    )
    ones = torch.ones(1, 3, 8, 8)
    torch.testing.assert_close(network.layers[0].operations[0](ones), ones)


def test_a_task_without_images_is_refused() -> None:
    tokens = TensorSpec("tokens", ("batch", "length"), "int64", 100)
    with pytest.raises(InvalidArchitecture, match="image network"):
        SPACE.build(every_edge("none"), Signature((tokens,), (tokens,)))
