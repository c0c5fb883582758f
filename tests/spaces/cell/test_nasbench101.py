"""NAS-Bench-101 against the published hashes and parameters."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.nn.nasbench101 import NasBench101Cell, vertex_channels
from sugata.space import Architecture, Graph, image_signature
from sugata.spaces.cell.nasbench101 import NasBench101Space
from sugata.spaces.cell.nasbench101_graph import (
    MOST_EDGES,
    OPERATIONS,
    PAIRS,
    ModuleGraph,
    count_valid,
    graph_hash,
    pruned_edges,
)

SPACE = NasBench101Space()
CIFAR = image_signature(3, 32, 32, 10)
CONV3, CONV1, POOL = OPERATIONS
cells = st.integers(0, 2**32).map(lambda seed: SPACE.sample(np.random.default_rng(seed)))


@pytest.fixture(scope="module")
def table(real_data: Path) -> pd.DataFrame:
    return pd.read_parquet(real_data / "nasbench101_sample" / "nasbench101_sample.parquet")


# -- hashes and strings ---------------------------------------------------------------------------------


def test_every_hash_is_the_published_one(table: pd.DataFrame) -> None:
    for bits, digits, published in zip(table.adj_upper, table.ops, table["hash"], strict=True):
        assert bytes.fromhex(SPACE.training_key(SPACE.from_string(f"{bits}:{digits}"))) == published


def test_the_pruned_cell_is_the_row_of_the_table(table: pd.DataFrame) -> None:
    for size, bits, digits in zip(table.n_vertices, table.adj_upper, table.ops, strict=True):
        module = SPACE.module(SPACE.from_string(f"{bits}:{digits}"))
        pairs = itertools.combinations(range(size), 2)
        assert "".join(str(int(pair in module.edges)) for pair in pairs) == bits
        assert "".join(map(str, module.operations)) == digits


@given(cell=cells)
def test_a_cell_survives_its_string(cell: Architecture) -> None:
    assert SPACE.from_string(SPACE.to_string(cell)) == cell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("101:3", "unknown operation '3' in '101:3'; known are 0, 1, 2"),
        ("1012:11", "is no cell"),
        ("101:11", "is no cell"),
        ("1" * 21 + ":000000", "is no cell"),
        ("101:x", "unknown operation 'x'"),
        ("001:0", "at most 9 of them"),
        ("1" * 21 + ":00000", "at most 9 of them"),
        ("", "write the adjacency's upper triangle row by row"),
    ],
)
def test_a_wrong_string_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.from_string(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(cell=cells, seed=st.integers(0, 2**32))
def test_renumbered_vertices_keep_the_hash(cell: Architecture, seed: int) -> None:
    module = SPACE.module(cell)
    other = renumbered(module, np.random.default_rng(seed))
    assert graph_hash(other) == graph_hash(module)
    assert other.canonical() == module.canonical()


def renumbered(module: ModuleGraph, rng: np.random.Generator) -> ModuleGraph:
    """The same graph in a random topological order."""
    last = len(module.operations) + 1
    order = [0]
    while len(order) <= last:
        before = {v: {a for a, b in module.edges if b == v} for v in range(last + 1) if v not in order}
        order.append(int(rng.choice([v for v, sources in before.items() if sources <= set(order)])))
    edges = sorted((order.index(a), order.index(b)) for a, b in module.edges)
    return ModuleGraph(tuple(edges), tuple(module.operations[v - 1] for v in order[1:-1]))


# -- what is valid, and what is the same ----------------------------------------------------------------


def test_the_raw_size_is_the_published_one_and_the_valid_are_counted_exactly() -> None:
    assert SPACE.size() == 509_607_936
    rng = np.random.default_rng(0)
    draws = rng.integers(2, size=(4000, len(PAIRS))).tolist()
    share = np.mean([0 < len(pruned_edges(tuple(edges))) <= MOST_EDGES for edges in draws])
    assert count_valid() / 2**21 == pytest.approx(share, abs=0.03)
    assert SPACE.valid() == count_valid() * 3**5 == 373_754_169


def test_every_distinct_cell_is_enumerated_once_and_in_canonical_form() -> None:
    few = itertools.takewhile(lambda cell: len(SPACE.module(cell).operations) <= 2, SPACE.enumerate())
    found = list(few)
    assert len({SPACE.training_key(cell) for cell in found}) == len(found) == brute_force_distinct(4) == 91
    assert all(SPACE.canonical(cell) == cell for cell in found)


def brute_force_distinct(most_vertices: int) -> int:
    found = set()
    for size in range(2, most_vertices + 1):
        pairs = list(itertools.combinations(range(size), 2))
        for bits in itertools.product("01", repeat=len(pairs)):
            for digits in itertools.product("012", repeat=size - 2):
                try:
                    cell = SPACE.from_string("".join(bits) + ":" + "".join(digits))
                except InvalidArchitecture:
                    break  # whatever the operations
                found.add(SPACE.training_key(cell))
    return len(found)


@given(first=cells, second=cells, seed=st.integers(0, 2**32))
def test_draws_mutants_children_and_neighbors_are_valid(
    first: Architecture, second: Architecture, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    mutant = SPACE.mutate(first, rng, 1 / 26)
    child = SPACE.crossover(first, second, rng, "uniform")
    neighbors = list(itertools.islice(SPACE.neighbors(first), 5))
    assert mutant != first
    assert neighbors
    for cell in (first, second, mutant, child, *neighbors):
        SPACE.validate(cell)
        module = SPACE.module(cell)
        assert 1 <= len(module.edges) <= MOST_EDGES
        assert len(module.operations) <= 5


def test_what_has_no_effect_is_dropped() -> None:
    # 1 leads nowhere, nothing leads to 2, 3 does the work.
    cell = SPACE.from_string("101000" + "00000" + "1000" + "001" + "00" + "0" + ":01202")
    assert SPACE.module(cell) == ModuleGraph(((0, 1), (1, 2)), (2,))
    assert SPACE.graph(cell) == Graph(("input", POOL, "output"), ((0, 1), (1, 2)))
    canonical = SPACE.canonical(cell)
    assert SPACE.to_string(canonical) == "100000" + "00001" + "0" * 10 + ":20000"
    assert SPACE.training_key(canonical) == SPACE.training_key(cell) == SPACE.deployment_key(cell)


# -- networks -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_trainable_parameters_are_those_of_the_table(table: pd.DataFrame) -> None:
    """Exactly where channels divide evenly.

    Where three or five vertices share the output, the order of the vertices decides who gets one more, and
    the table does not always list them in the order of its network: then another order fits.
    """
    for row in table.sample(60, random_state=0).itertuples():
        module = SPACE.module(SPACE.from_string(f"{row.adj_upper}:{row.ops}"))
        sharing = sum(b == len(module.operations) + 1 and a > 0 for a, b in module.edges)
        if sharing in (3, 5):
            rng = np.random.default_rng(0)
            orders = {module, *(renumbered(module, rng) for _ in range(40))}
            assert row.trainable_params in {formula(order) for order in orders}
            continue
        assert built(module) == formula(module) == row.trainable_params


def built(module: ModuleGraph) -> int:
    with torch.device("meta"):
        network = SPACE.build(SPACE._from_graph(module), CIFAR)
    return sum(parameter.numel() for parameter in network.parameters())


def formula(module: ModuleGraph) -> int:
    """Parameters added up by hand."""

    def convolution(inputs: int, outputs: int, kernel_size: int) -> int:
        return inputs * outputs * kernel_size**2 + 2 * outputs

    inputs, total = 128, convolution(3, 128, 3)
    for outputs in (128,) * 3 + (256,) * 3 + (512,) * 3:
        channels = vertex_channels(module.edges, len(module.operations) + 2, inputs, outputs)
        total += sum(convolution(inputs, channels[b], 1) for a, b in module.edges if a == 0)
        for wide, operation in zip(channels[1:-1], module.operations, strict=True):
            total += {0: convolution(wide, wide, 3), 1: convolution(wide, wide, 1), 2: 0}[operation]
        inputs = outputs
    return total + 512 * 10 + 10


def test_channels_are_shared_among_what_leads_to_the_output() -> None:
    edges = ((0, 1), (0, 2), (1, 3), (2, 5), (3, 5), (1, 5), (0, 5), (2, 4), (4, 3))
    assert vertex_channels(edges, 6, 64, 128) == [64, 43, 43, 42, 42, 128]
    assert vertex_channels(((0, 1),), 2, 64, 128) == [64, 128]


def test_a_cell_adds_projects_cuts_and_joins() -> None:
    """Written out for a cell in which a wider vertex leads to a narrower one."""
    edges = ((0, 1), (0, 2), (1, 2), (1, 3), (0, 3), (2, 3))
    cell = NasBench101Cell(edges, [POOL, CONV1], 4, 5).eval()
    assert cell.channels == [4, 3, 2, 5]
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    project = cell.projections
    first = torch.nn.functional.max_pool2d(project["1"](x), 3, 1, 1)
    second = cell.operations[1](first[:, :2] + project["2"](x))
    torch.testing.assert_close(cell(x), torch.cat([first, second], 1) + project["3"](x))


@pytest.mark.parametrize("text", ["1:", "101:0", "110000000000010000001:00000"])
def test_small_networks_learn(text: str) -> None:
    space = NasBench101Space(channels=4, cells=1)
    try:
        network = space.build(space.from_string(text), image_signature(1, 7, 9, 3))
    except InvalidArchitecture:
        pytest.fail(f"{text} should be valid")
    network.initialize(torch.Generator().manual_seed(0))
    logits = network(torch.randn(4, 1, 7, 9, generator=torch.Generator().manual_seed(1)))
    assert logits.shape == (4, 3)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_too_few_channels_are_refused() -> None:
    space = NasBench101Space(channels=2)
    three = space.from_string("1110" + "001" + "01" + "1" + ":000")
    with pytest.raises(InvalidArchitecture, match="3 vertices share 2 channels"):
        space.build(three, CIFAR)
