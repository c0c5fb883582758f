"""The mixture that is computed together against every operation of every edge by itself."""

import copy
import itertools

import pytest
import torch
import torch.nn.functional as F

from sugata.oneshot import DartsSupernet
from sugata.oneshot.darts_cell import EDGES
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace

pytestmark = pytest.mark.slow


def one_by_one(supernet: DartsSupernet, images: torch.Tensor, mixture) -> torch.Tensor:
    """The published forward pass: a module call for each operation."""
    before = supernet.stem0(images)
    last = supernet.stem1(before)
    for cell in supernet.cells:
        states = [cell.first(before), cell.second(last)]
        for _, incoming in itertools.groupby(enumerate(EDGES), key=lambda edge: edge[1][1]):
            terms = [
                weight * option(states[source])
                for i, (source, _) in incoming
                for option, weight in zip(cell.edges[i].options, mixture[cell.names[i]], strict=True)
                if not (weight == 0 or option is cell.edges[i].options[0])  # the first is `none`
            ]
            states.append(sum(terms))
        before, last = last, torch.cat(states[2:], 1)
    return supernet.classifier(last.mean((2, 3)))


def results(supernet: DartsSupernet, dtype: torch.dtype, together: bool, drop: bool, side: int):
    """Outputs, gradients of weights and logits, and running statistics."""
    generator = torch.Generator().manual_seed(1)
    logits = {
        name: torch.randn(8, generator=generator, dtype=dtype).requires_grad_() for name in supernet.decisions
    }
    images = torch.randn(8, 3, side, side, generator=generator).to(dtype)
    labels = torch.randint(0, 4, (8,), generator=generator)
    network = copy.deepcopy(supernet).to(dtype).train()
    kept = torch.ones(8, dtype=dtype)
    kept[3] = 0.0 if drop else 1.0
    mixture = {name: torch.softmax(one, 0) * kept for name, one in logits.items()}
    network.mix(mixture)
    outputs = network(images) if together else one_by_one(network, images, mixture)
    F.cross_entropy(outputs, labels).backward()
    found = {name: parameter.grad for name, parameter in network.named_parameters()}
    found |= {name: one.grad for name, one in logits.items()}
    found |= dict(network.named_buffers())
    return found | {"outputs": outputs.detach()}


@pytest.mark.parametrize(
    ("dtype", "side", "drop", "relative", "absolute"),
    [
        (torch.float64, 16, False, 1e-9, 1e-11),
        (torch.float64, 9, True, 1e-9, 1e-11),  # odd sizes; skips left out
        (torch.float32, 16, False, 1e-4, 1e-5),
    ],
)
def test_outputs_gradients_and_statistics_are_the_same(dtype, side, drop, relative, absolute) -> None:
    supernet = DartsSupernet(DartsSpace(channels=4, cells=4), image_signature(3, side, side, 4))
    supernet.initialize(torch.Generator().manual_seed(0))
    expected = results(supernet, dtype, False, drop, side)
    found = results(supernet, dtype, True, drop, side)
    for name, right in expected.items():
        if right is None:
            assert found[name] is None
        else:
            torch.testing.assert_close(found[name], right, rtol=relative, atol=absolute, msg=name)


def test_running_statistics_stay_in_fp32_where_products_are_in_bf16() -> None:
    exact = DartsSupernet(DartsSpace(channels=4, cells=3), image_signature(3, 8, 8, 4)).train()
    exact.initialize(torch.Generator().manual_seed(0))
    exact.mix({name: torch.full((8,), 1 / 8) for name in exact.decisions})
    coarse, images = copy.deepcopy(exact), torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    exact(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coarse(images)
    for (name, right), found in zip(exact.named_buffers(), coarse.buffers(), strict=True):
        assert found.dtype == right.dtype, name
        torch.testing.assert_close(found, right, rtol=0.1, atol=0.1, msg=name)
