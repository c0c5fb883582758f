"""Counts against formulas worked out by hand."""

import pytest
import torch
from torch import nn

from sugata.measure import count_parameters, flops, multiply_accumulates
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig


def config(mixer="transformer", layers=2, **changes):
    return LanguageModelConfig(100, 32, 4, tuple(LayerConfig(mixer, 48) for _ in range(layers)), **changes)


def test_a_gpt2_like_model_has_the_known_number_of_parameters():
    shape = LanguageModelConfig(50_000, 384, 6, tuple(LayerConfig("transformer", 4 * 384) for _ in range(6)))
    assert count_parameters(lambda: LanguageModel(shape)) == 49_026_816


def test_a_tied_head_is_counted_once():
    untied = count_parameters(lambda: LanguageModel(config()))
    assert untied - count_parameters(lambda: LanguageModel(config(tie_embeddings=True))) == 100 * 32


def test_any_module_is_counted_without_being_allocated():
    assert count_parameters(lambda: nn.Linear(10**6, 10**5)) == 10**11 + 10**5


@pytest.mark.parametrize("mixer", ["transformer", "flash_attention"])
def test_attention_flops_follow_the_formula(mixer):
    n, dim, ffn, layers, vocabulary = 20, 32, 48, 2, 100
    products = layers * (4 * dim * dim + 2 * dim * ffn) + dim * vocabulary
    scores_and_sums = layers * 2 * n * n * dim
    model = LanguageModel(config(mixer), device="meta")
    assert flops(model, (1, n)) == 2 * (n * products + scores_and_sums)


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_flops_of_every_mixer_are_counted_and_grow_with_depth(mixer):
    one, two, three = (flops(LanguageModel(config(mixer, n), device="meta"), (1, 128)) for n in (1, 2, 3))
    assert three - two == two - one > 2 * 128 * 2 * 32 * 48


def test_a_module_with_real_weights_is_refused():
    with pytest.raises(ValueError, match="meta"):
        flops(nn.Linear(2, 2), (1, 2), dtype=torch.float32)


def test_multiply_accumulates_are_fan_in_and_bias_per_output() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    convolution, depthwise, linear = 8 * 8 * 8 * 27, 8 * 6 * 6 * (9 + 1), 5 * (8 + 1)
    assert multiply_accumulates(network, (1, 3, 16, 16)) == convolution + depthwise + linear
    assert multiply_accumulates(network, (2, 3, 16, 16)) == 2 * (convolution + depthwise + linear)
    assert network.training
    assert network[1].num_batches_tracked == 0
