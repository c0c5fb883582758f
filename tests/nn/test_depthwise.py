"""Depthwise convolutions against torch's own, and the phases of images."""

import pytest
import torch
import torch.nn.functional as F

from sugata.nn.depthwise import depthwise, from_phases, phases


def made(height: int, width: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(height * width + size)
    x = torch.randn(3, 4, height, width, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, 1, size, size, generator=generator, dtype=torch.float64)
    return x.requires_grad_(), weight.requires_grad_()


def gradients(y: torch.Tensor, *of: torch.Tensor) -> tuple[torch.Tensor, ...]:
    towards = torch.arange(y.numel(), dtype=y.dtype).sin().view(y.shape)
    return (y.detach(), *torch.autograd.grad(y, of, towards))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (5, 4), (4, 3), (2, 2), (1, 1)])
def test_results_and_gradients_are_those_of_the_plain_convolution(height, width, stride, size) -> None:
    x, weight = made(height, width, size)
    expected = gradients(F.conv2d(x, weight, None, stride, size // 2, 1, 4), x, weight)
    for found, right in zip(gradients(depthwise(x, weight, stride), x, weight), expected, strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (3, 4)])
def test_a_dilated_convolution_is_a_dense_one_on_the_phases(height, width, size) -> None:
    x, weight = made(height, width, size)
    expected = gradients(F.conv2d(x, weight, None, 1, 2 * (size // 2), 2, 4), x, weight)
    y = from_phases(depthwise(phases(x), weight), height, width)
    for found, right in zip(gradients(y, x, weight), expected, strict=True):
        torch.testing.assert_close(found, right)


def test_only_the_gradient_that_is_needed_is_computed() -> None:
    x, weight = made(6, 6, 5)
    (of_weight,) = torch.autograd.grad(depthwise(x.detach(), weight).sum(), weight)
    (of_x,) = torch.autograd.grad(depthwise(x, weight.detach()).sum(), x)
    assert of_weight.shape == weight.shape
    assert of_x.shape == x.shape
