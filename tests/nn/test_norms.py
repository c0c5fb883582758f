"""Normalizations: what they compute, and that they look at one token only."""

import pytest
import torch

from sugata.nn import LanguageModelConfig, LayerConfig
from sugata.nn.config import NORMALIZATIONS
from sugata.nn.norms import make_norm


def norm_of(normalization: str, dim: int) -> torch.nn.Module:
    config = LanguageModelConfig(9, dim, 1, (LayerConfig("mamba", 0),), normalization=normalization)
    norm = make_norm(config)
    with torch.no_grad():
        for i, parameter in enumerate(norm.parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)))
    return norm


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_statistics_never_cross_time_steps(normalization: str) -> None:
    norm = norm_of(normalization, 24)
    x = torch.randn(2, 6, 24, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[:, 3] = 100.0 * changed[:, 3] + 7.0
    others = [0, 1, 2, 4, 5]
    assert torch.equal(norm(x)[:, others], norm(changed)[:, others])
    torch.testing.assert_close(norm(x)[1, 4], norm(x[1, 4]))


def test_group_norm_equals_torch_on_single_tokens() -> None:
    norm = norm_of("groupnorm", 24)
    x = torch.randn(10, 24, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.group_norm(x, 6, norm.weight, norm.bias, eps=1e-5)
    torch.testing.assert_close(norm(x), expected, atol=1e-6, rtol=1e-5)


def test_rms_norm_equals_torch() -> None:
    norm = norm_of("rmsnorm", 24)
    x = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(norm(x), torch.nn.functional.rms_norm(x, (24,), norm.weight, 1e-5))


@pytest.mark.parametrize(("dim", "groups"), [(384, 8), (20, 5), (28, 7), (8, 2), (6, 1), (1, 1)])
def test_group_norm_takes_the_largest_fitting_number_of_groups(dim: int, groups: int) -> None:
    assert norm_of("groupnorm", dim).groups == groups
