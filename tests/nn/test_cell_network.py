"""Networks of cells: shapes, auxiliary head, drop path, and the operations in them."""

import pytest
import torch
from torch import nn

from sugata.nn.cell_network import CellNetwork, DropPath
from sugata.nn.darts_operations import OPERATIONS, FactorizedReduce
from sugata.space import CellNode, CellPlan

PLAN = CellPlan((CellNode((("sep_conv_3x3", 0), ("skip_connect", 1))),), (2,))


def network(cells: int = 5, stem: str = "cifar", auxiliary: bool = False) -> CellNetwork:
    made = CellNetwork(
        PLAN, PLAN, image_channels=3, channels=4, cells=cells, outputs=5, stem=stem, auxiliary=auxiliary
    )
    made.initialize(torch.Generator().manual_seed(0))
    return made


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_operations_keep_the_channels_and_divide_the_size_by_the_stride(
    name: str, size: tuple[int, int]
) -> None:
    images = torch.randn(2, 6, *size)
    for stride in (1, 2):
        result = OPERATIONS[name](6, stride)(images)
        assert result.shape == (2, 6, -(-size[0] // stride), -(-size[1] // stride))


def test_a_factorized_reduction_sees_even_and_odd_positions() -> None:
    reduce = FactorizedReduce(1, 2)
    nn.init.ones_(reduce.even.weight)
    nn.init.ones_(reduce.odd.weight)
    reduce.norm = nn.Identity()
    images = torch.arange(9.0).reshape(1, 1, 3, 3)
    even, odd = reduce(images)[0]
    assert even.tolist() == [[0, 2], [6, 8]]
    assert odd.tolist() == [[4, 0], [0, 0]]


@pytest.mark.parametrize(("stem", "size", "last"), [("cifar", 12, 3), ("imagenet", 64, 2)])
def test_reductions_halve_the_resolution_and_double_the_channels(stem: str, size: int, last: int) -> None:
    made = network(stem=stem)
    shapes: list[tuple[int, ...]] = []
    for cell in made.cells:
        cell.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    assert made(torch.randn(2, 3, size, size)).shape == (2, 5)
    first = size if stem == "cifar" else size // 8
    assert shapes[0] == (4, first, first)
    assert shapes[1] == (8, first // 2, first // 2)
    assert shapes[3] == shapes[4] == (16, last, last)


@pytest.mark.parametrize("size", [16, 32, 28, 64])
def test_the_auxiliary_head_takes_part_in_training_at_any_resolution(size: int) -> None:
    made = network(auxiliary=True)
    images = torch.randn(2, 3, size, size)
    outputs, auxiliary = made.forward_with_auxiliary(images)
    assert auxiliary is not None
    assert outputs.shape == auxiliary.shape == (2, 5)
    (outputs.sum() + 0.4 * auxiliary.sum()).backward()
    assert all(parameter.grad is not None for parameter in made.parameters())
    assert network().forward_with_auxiliary(images)[1] is None


def test_drop_path_leaves_out_whole_images_and_keeps_the_mean() -> None:
    drop = DropPath()
    images = torch.ones(4000, 2, 1, 1)
    assert torch.equal(drop(images), images)
    drop.probability, drop.generator = 0.25, torch.Generator().manual_seed(0)
    dropped = drop(images)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert float(dropped.mean()) == pytest.approx(1, abs=0.03)
    assert torch.equal(drop.eval()(images), images)


def test_drop_path_is_set_for_the_whole_network_and_spares_identities() -> None:
    made = network()
    images = torch.randn(8, 3, 8, 8)
    made.drop_path.probability, made.drop_path.generator = 0.5, torch.Generator().manual_seed(1)
    assert all(cell.drop_path is made.drop_path for cell in made.cells)
    first = made(images)
    made.drop_path.generator = torch.Generator().manual_seed(1)
    assert torch.equal(made(images), first)
    made.drop_path.generator = torch.Generator().manual_seed(2)
    assert not torch.equal(made(images), first)
    made.eval()
    assert torch.equal(made(images), made(images))
