"""Batch norms in blocks against torch's own, and against exact sums."""

import copy

import pytest
import torch
from torch import nn

from sugata.nn.batch_norm import batch_norm, normalized


@pytest.mark.parametrize("shape", [(8, 6, 4, 4), (3, 5, 7, 3), (2, 2000, 2, 2)])  # of odd sizes; one block
@pytest.mark.parametrize("affine", [True, False])
def test_outputs_gradients_and_statistics_are_those_of_the_module(shape, affine: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 3 + torch.randn(shape, generator=generator, dtype=torch.float64)
    weight = torch.randn(shape[1], generator=generator, dtype=torch.float64)
    g = torch.randn(shape, generator=generator, dtype=torch.float64)
    norm = nn.BatchNorm2d(shape[1], affine=affine).double()
    if affine:
        norm.weight.data.copy_(weight)
        norm.bias.data.copy_(weight.flip(0))
    found = []
    for precise in (False, True):
        own, inputs, scale = copy.deepcopy(norm), x.clone().requires_grad_(), weight.clone().requires_grad_()
        if precise:
            y = batch_norm(own, inputs, None if affine else scale)
        else:
            y = own(inputs) if affine else own(inputs) * scale.view(1, -1, 1, 1)
        (y * g).sum().backward()
        gradients = [one.grad for one in own.parameters()] or [scale.grad]
        found.append([y.detach(), inputs.grad, *gradients, *own.buffers()])
    for right, mine in zip(*found, strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-9, atol=1e-11)


def test_many_positions_are_added_up_precisely() -> None:
    x = torch.rand(64, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=torch.channels_last)
    _, mean, variance = normalized(x)
    exact = x.double()
    torch.testing.assert_close(mean.double(), exact.mean((0, 2, 3)), rtol=3e-6, atol=0)
    torch.testing.assert_close(variance.double(), exact.var((0, 2, 3), unbiased=False), rtol=3e-6, atol=0)


def test_what_comes_out_may_be_changed_in_place() -> None:
    x = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.relu_(normalized(x)[0]).sum().backward()
    expected = torch.autograd.grad(torch.relu(nn.BatchNorm2d(3)(x)).sum(), x)[0]
    torch.testing.assert_close(x.grad, expected)


def test_half_precision_comes_out_as_it_went_in() -> None:
    x = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    y, mean, _ = normalized(x, torch.ones(3))
    y.float().square().sum().backward()
    assert (y.dtype, x.grad.dtype, mean.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    torch.testing.assert_close(y.float(), nn.BatchNorm2d(3)(x.float()), rtol=1e-2, atol=1e-2)
