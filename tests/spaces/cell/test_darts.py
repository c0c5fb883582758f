"""The DARTS space: its count, genotypes in and out, what is the same, networks."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import image_signature
from sugata.spaces.cell import PUBLISHED, DartsSpace, Genotype
from sugata.spaces.cell.darts import DARTS_OPERATIONS

SPACE = DartsSpace()
SMALL = DartsSpace(channels=2, cells=3)
SEEDS = st.integers(0, 2**32 - 1)
V2 = PUBLISHED["darts_v2"].genotype


def test_it_has_the_published_number_of_cells() -> None:
    assert DartsSpace(none=False).size() == 1_037_664_180**2
    assert SPACE.size() == SPACE.valid() == (180 * 8**8) ** 2


def test_genotypes_go_in_and_out() -> None:
    for name in ("darts_v1", "darts_v2", "pc_darts", "pc_darts_imagenet"):
        genotype = PUBLISHED[name].genotype
        architecture = DartsSpace(none=False).from_string(str(genotype))
        again = DartsSpace(none=False).genotype(architecture)
        for before, after in zip(genotype.plans(), again.plans(), strict=True):
            assert before.output == after.output
            for node, other in zip(before.nodes, after.nodes, strict=True):
                assert sorted(node.edges) == sorted(other.edges)
        assert DartsSpace(none=False).from_genotype(again) == architecture


@given(SEEDS)
def test_strings_go_out_and_in(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    assert SPACE.from_string(SPACE.to_string(architecture)) == architecture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("'dil_conv_3x3'", "'sep_conv_7x7'"), "unknown operation 'sep_conv_7x7'"),
        (("('sep_conv_3x3', 0), ('sep_conv_3x3', 1)", "('sep_conv_3x3', 0), ('sep_conv_3x3', 0)"), "twice"),
        (("normal_concat=[2, 3, 4, 5]", "normal_concat=[3, 4, 5]"), "leave the cell"),
        (("], normal_concat", ", ('none', 0), ('none', 1)], normal_concat"), "5 nodes"),
    ],
)
def test_genotypes_of_other_spaces_are_refused(change: tuple[str, str], message: str) -> None:
    text = str(V2).replace(*change, 1)
    assert text != str(V2)
    with pytest.raises(InvalidArchitecture, match=message):
        SPACE.from_string(text)


def shuffled(seed: int) -> tuple[Genotype, Genotype]:
    """A random genotype, and the same with its edges and nodes in another order."""
    rng = np.random.default_rng(seed)
    genotype = SPACE.genotype(SPACE.sample(rng))
    fields = []
    for edges in (genotype.normal, genotype.reduce):
        orders = [
            order
            for order in itertools.permutations(range(2, 6))
            if all(
                source < 2 or order.index(source) < order.index(2 + i // 2)
                for i, (_, source) in enumerate(edges)
            )
        ]
        order = orders[rng.integers(len(orders))]
        place = {0: 0, 1: 1} | {state: 2 + i for i, state in enumerate(order)}
        moved: list[tuple[str, int]] = []
        for state in order:
            pair = [(operation, place[source]) for operation, source in edges[2 * state - 4 : 2 * state - 2]]
            moved += pair[:: rng.choice([1, -1])]
        fields.append(tuple(moved))
    return genotype, Genotype(fields[0], genotype.normal_concat, fields[1], genotype.reduce_concat)


@settings(max_examples=200)
@given(SEEDS)
def test_isomorphic_cells_have_one_key_and_one_canonical_form(seed: int) -> None:
    first, second = (SPACE.from_genotype(genotype) for genotype in shuffled(seed))
    canonical = SPACE.canonical(first)
    assert SPACE.canonical(second) == SPACE.canonical(canonical) == canonical
    assert SPACE.training_key(first) == SPACE.deployment_key(second) == SPACE.to_string(canonical)
    assert SPACE.graph(first) == SPACE.graph(second)


def test_the_input_of_an_absent_edge_makes_no_difference() -> None:
    values = dict(SPACE.from_genotype(V2))
    values |= {
        "normal_5_inputs": "0,2",
        "normal_5_operation_1": "none",
        "normal_5_operation_2": "sep_conv_3x3",
    }
    moved = values | {
        "normal_5_inputs": "2,4",
        "normal_5_operation_1": "sep_conv_3x3",
        "normal_5_operation_2": "none",
    }
    assert SPACE.training_key(values) == SPACE.training_key(moved)
    assert SPACE.graph(values) == SPACE.graph(moved)


def relabelled(edges: tuple[tuple[str, int], ...]) -> frozenset:
    """All ways to number the nodes of a cell, edges without operation left out."""
    ways = set()
    for order in itertools.permutations(range(2, 6)):
        place = {0: 0, 1: 1} | {state: 2 + i for i, state in enumerate(order)}
        nodes = []
        for state in order:
            pair = edges[2 * state - 4 : 2 * state - 2]
            nodes.append(tuple(sorted((op, place[source]) for op, source in pair if op != "none")))
        ways.add(tuple(nodes))
    return frozenset(ways)


@settings(max_examples=5)
@given(SEEDS)
def test_keys_tell_apart_exactly_what_is_not_isomorphic(seed: int) -> None:
    architecture = SPACE.sample(np.random.default_rng(seed))
    keys, cells, both = set(), set(), set()
    for neighbor in SPACE.neighbors(architecture):
        genotype = SPACE.genotype(neighbor)
        key = SPACE.training_key(neighbor)
        cell = (relabelled(genotype.normal), relabelled(genotype.reduce))
        keys.add(key)
        cells.add(cell)
        both.add((key, cell))
    assert len(keys) == len(cells) == len(both)


def test_the_published_cell_has_two_nodes_that_may_be_exchanged() -> None:
    values = dict(SPACE.from_genotype(V2))
    assert values["normal_5_inputs"] == "0,2"
    exchanged = values | {"normal_5_inputs": "0,3"}
    assert SPACE.training_key(values) == SPACE.training_key(exchanged)
    assert SPACE.training_key(values) != SPACE.training_key(values | {"normal_5_inputs": "1,3"})


@settings(max_examples=10)
@given(SEEDS)
def test_isomorphic_cells_have_networks_of_equal_size(seed: int) -> None:
    signature = image_signature(1, 8, 8, 2)
    sizes = []
    for genotype in shuffled(seed):
        network = SMALL.build(SMALL.from_genotype(genotype), signature)
        sizes.append(sorted(tuple(p.shape) for p in network.parameters()))
        network.initialize(torch.Generator().manual_seed(0))
        assert network(torch.ones(2, 1, 8, 8)).shape == (2, 2)
    assert sizes[0] == sizes[1]


def test_graphs_have_labels_with_the_cell_and_skips_as_edges() -> None:
    graph = SPACE.graph(SPACE.from_genotype(V2))
    assert graph.operations.count("normal:sep_conv_3x3") == 5
    assert graph.operations.count("normal:dil_conv_3x3") == 1
    assert graph.operations.count("reduce:max_pool_3x3") == 5
    assert not any("skip" in operation for operation in graph.operations)
    cells = SPACE.cell_graphs(SPACE.from_genotype(V2))
    assert set(cells) == {"normal", "reduction"}
    assert cells["normal"].operations[:2] == ("input_0", "input_1")


def test_the_outline_shows_all_cells_and_parameters() -> None:
    blocks = SPACE.outline(SPACE.from_genotype(V2))
    assert sum(block.parameters for block in blocks) == 3_349_342
    assert [block.kind for block in blocks].count("reduction") == 2
    assert blocks[-2].output == ("batch", 4 * 4 * 36, 8, 8)
    imagenet = DartsSpace(channels=48, cells=3, stem="imagenet").outline(SPACE.from_genotype(V2))
    assert imagenet[-2].output == ("batch", 4 * 4 * 48, 7, 7)


def test_without_none_the_option_is_gone_and_parameters_are_checked() -> None:
    options = next(c.options for c in DartsSpace(none=False).choices if "operation" in c.name)
    assert options == DARTS_OPERATIONS[1:]
    with pytest.raises(InvalidArchitecture, match="stem"):
        DartsSpace(stem="mnist")
    with pytest.raises(InvalidArchitecture, match="cells=1"):
        DartsSpace(cells=1)
