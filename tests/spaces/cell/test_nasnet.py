"""The NASNet space: exact sizes, any number of nodes and inputs, networks."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import image_signature
from sugata.spaces import space, summary
from sugata.spaces.cell import PUBLISHED, NasNetFullSpace, NasNetSpace
from sugata.spaces.cell.genotype import OPERATIONS

SEEDS = st.integers(0, 2**32 - 1)


def test_four_nodes_eight_operations_and_two_inputs_have_the_published_count() -> None:
    made = space("nasnet")
    assert made.size() == (2 * 8) ** 2 * (3 * 8) ** 2 * (4 * 8) ** 2 * (5 * 8) ** 2 == 241_591_910_400
    assert summary(made)["scientific"]["valid"] == "2.42e+11"
    assert NasNetSpace(two_cells=True).size() == 241_591_910_400**2


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, len(OPERATIONS)), st.booleans(), st.booleans())
def test_sizes_follow_the_formula(nodes: int, inputs: int, count: int, two: bool, both: bool) -> None:
    made = NasNetSpace(nodes, inputs, OPERATIONS[:count], combine="any" if both else "concat", two_cells=two)
    cell = math.prod(((2 + node) * count) ** inputs * (2 if both else 1) for node in range(nodes))
    assert made.size() == made.valid() == cell ** (2 if two else 1)


def test_one_small_space_has_as_many_keys_as_different_cells() -> None:
    """Two nodes of one input: brute force over all relabellings."""
    made = NasNetSpace(2, 1, ["skip_connect", "conv_3x3"])
    cells = set()
    for values in itertools.product((0, 1), (0, 1), (0, 1, 2), (0, 1)):
        first, second = values[:2], values[2:]
        independent = second[0] < 2
        cells.add(tuple(sorted([first, second])) if independent else (first, second))
    keys = {made.training_key(architecture) for architecture in made.enumerate()}
    assert made.size() == 24
    assert len(keys) == len(cells) == 18


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 6), st.integers(1, 4), st.sampled_from(["add", "concat", "any"]), st.booleans())
def test_canonical_forms_are_stable_and_keep_the_network(
    seed: int, nodes: int, inputs: int, combine: str, two: bool
) -> None:
    made = NasNetSpace(nodes, inputs, OPERATIONS, combine, two, channels=2, cells=1)
    architecture = made.sample(np.random.default_rng(seed))
    canonical = made.canonical(architecture)
    assert made.canonical(canonical) == canonical
    assert made.training_key(architecture) == made.deployment_key(canonical)
    assert made.graph(architecture) == made.graph(canonical)
    signature = image_signature(3, 8, 8, 2)
    with torch.device("meta"):
        sizes = [
            sorted(tuple(p.shape) for p in made.build(a, signature).parameters())
            for a in (architecture, canonical)
        ]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("combine", ["add", "concat"])
def test_networks_of_every_operation_train(combine: str) -> None:
    made = NasNetSpace(8, 2, OPERATIONS, combine, channels=4, cells=1)
    values = {}
    for i, (node, number) in enumerate(itertools.product(range(2, 10), (1, 2))):
        values |= {
            f"cell_{node}_input_{number}": i % node,
            f"cell_{node}_operation_{number}": OPERATIONS[i],
        }
    network = made.build(made.architecture(values), image_signature(1, 9, 7, 3))
    network.initialize(torch.Generator().manual_seed(0))
    images = torch.randn(4, 1, 9, 7, generator=torch.Generator().manual_seed(1))
    loss = torch.nn.functional.cross_entropy(network(images), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert loss.isfinite()


def test_published_cells_lie_in_the_full_space() -> None:
    full = NasNetFullSpace()
    for name in ("nasnet_a", "amoebanet_a"):
        genotype = PUBLISHED[name].genotype
        assert full.to_string(full.from_genotype(genotype)) == str(genotype)
    assert (
        sum(b.parameters for b in full.outline(full.from_genotype(PUBLISHED["nasnet_a"].genotype)))
        == 3_061_738
    )
    with pytest.raises(InvalidArchitecture, match="leave the cell"):
        full.from_genotype(PUBLISHED["nasnet_a_original"].genotype)
    with pytest.raises(InvalidArchitecture, match="4 nodes"):
        full.from_genotype(
            type(PUBLISHED["darts_v2"].genotype)(
                PUBLISHED["nasnet_a"].genotype.normal[:8],
                (2, 3, 4, 5),
                PUBLISHED["nasnet_a"].genotype.reduce,
                (4, 5, 6),
            )
        )


def test_one_cell_is_both_cells_of_a_genotype() -> None:
    made = NasNetSpace(2, 2)
    text = (
        "Genotype(normal=[('conv_3x3', 0), ('conv_5x5', 1), ('skip_connect', 2), ('conv_3x3', 0)],"
        " normal_concat=[3],"
    )
    other = (
        " reduce=[('conv_5x5', 1), ('conv_3x3', 0), ('conv_3x3', 0), ('skip_connect', 2)], reduce_concat=[3])"
    )
    architecture = made.from_string(text + other)
    assert made.from_string(made.to_string(architecture)) == architecture
    with pytest.raises(InvalidArchitecture, match="two_cells"):
        made.from_string(text + other.replace("conv_5x5", "conv_3x3"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nodes": 0}, "nodes=0"),
        ({"inputs": 0}, "inputs=0"),
        ({"combine": "multiply"}, "combine"),
        ({"operations": ["conv_3x4"]}, "did you mean 'conv_3x3'"),
        ({"channels": 1}, "channels=1"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        NasNetSpace(**parameters)


def test_nodes_that_concatenate_have_no_genotype() -> None:
    made = NasNetSpace(combine="concat")
    with pytest.raises(InvalidArchitecture, match="add two"):
        made.to_string(made.sample(np.random.default_rng(0)))
