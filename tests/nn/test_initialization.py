"""Initialization of image networks."""

import pytest
import torch
from torch import nn

from sugata.nn.initialization import initialize_convolutional


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(16, 64, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.Conv2d(64, 64, 5, groups=64),
        nn.GroupNorm(4, 64),
        nn.Linear(64, 100),
    )


def test_the_generator_alone_decides_whatever_was_there_before() -> None:
    first, second = network(), network()
    for parameter in second.parameters():
        nn.init.constant_(parameter, 7.0)
    second[1].running_mean.fill_(3.0)
    for one in (first, second):
        initialize_convolutional(one, torch.Generator().manual_seed(5))
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], tensor, rtol=0, atol=0, msg=name)


def test_variances_are_those_of_he_and_heed_groups() -> None:
    made = network()
    initialize_convolutional(made, torch.Generator().manual_seed(0))
    assert made[0].weight.var().item() == pytest.approx(2 / (16 * 9), rel=0.1)
    assert made[2].weight.var().item() == pytest.approx(2 / 25, rel=0.15)
    assert made[4].weight.var().item() == pytest.approx(1 / 64, rel=0.1)
    assert made[2].bias.abs().sum() == made[4].bias.abs().sum() == 0


def test_what_is_not_known_is_not_left_as_it_was() -> None:
    with pytest.raises(TypeError, match="PReLU"):
        initialize_convolutional(nn.Sequential(nn.PReLU()), torch.Generator())
