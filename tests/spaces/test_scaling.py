"""Compound scaling: coefficients, the grid, rounding, and found networks made larger."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import ListedSpace, SearchSpace, image_signature, image_sizes
from sugata.spaces import baseline, space
from sugata.spaces.mobile.published import EFFICIENTNETS
from sugata.spaces.scaling import (
    CompoundScaling,
    coefficient_grid,
    grid_search,
    rounded_channels,
    rounded_layers,
    scale,
    scaled_space,
)

PUBLISHED = CompoundScaling(1.2, 1.1, 1.15)
CIFAR, IMAGENET = image_signature(3, 32, 32, 10), image_signature(3, 224, 224, 1000)
SMALL: dict[str, dict[str, object]] = {
    "nasbench201": {"channels": 16, "cells": 1},
    "nasbench101": {"channels": 16, "cells": 1},
    "darts": {"channels": 16, "cells": 5},
    "nasnet": {"channels": 16, "cells": 1},
    "nasnet_full": {"channels": 16, "cells": 1},
    "nasbench_macro": {"channels": 16, "head_channels": 64},
    "mnasnet": {},
    "proxyless": {},
}


def test_the_published_coefficients_are_on_the_grid_and_near_twice_the_cost() -> None:
    grid = coefficient_grid()
    assert CompoundScaling() == PUBLISHED
    assert PUBLISHED in grid
    assert PUBLISHED.cost == pytest.approx(1.92, abs=0.001)
    assert len(grid) == len(set(grid)) == 109
    assert all(abs(scaling.cost - 2) <= 0.1 for scaling in grid)
    assert CompoundScaling(2, 1, 1) in grid  # deeper alone, wider alone, larger alone
    assert CompoundScaling(1, 1.4, 1) in grid
    assert CompoundScaling(1, 1, 1.4) in grid


def test_a_coarse_grid_with_nothing_near_twice_the_cost_is_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="tolerance"):
        coefficient_grid(0.3, 0.001)
    with pytest.raises(InvalidArchitecture, match="step"):
        coefficient_grid(0)


@pytest.mark.parametrize(
    ("name", "phi", "resolution"),
    [("b0", 0, 224), ("b1", 0.5, 240), ("b2", 1, 260), ("b3", 2, 300)],
)
def test_the_published_factors_are_those_of_a_phi(name: str, phi: float, resolution: int) -> None:
    width, depth = EFFICIENTNETS[f"efficientnet_{name}"]
    assert round(PUBLISHED.width(phi), 1) == width
    assert round(PUBLISHED.depth(phi), 1) == depth
    assert 224 * PUBLISHED.resolution(phi) == pytest.approx(resolution, rel=0.015)  # in steps of 20 pixels


@pytest.mark.parametrize(
    ("name", "stem", "channels", "layers", "head"),
    [
        ("b0", 32, (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1), 1280),
        ("b1", 32, (16, 24, 40, 80, 112, 192, 320), (2, 3, 3, 4, 4, 5, 2), 1280),
        ("b2", 32, (16, 24, 48, 88, 120, 208, 352), (2, 3, 3, 4, 4, 5, 2), 1408),
        ("b3", 40, (24, 32, 48, 96, 136, 232, 384), (2, 3, 3, 5, 5, 6, 2), 1536),
        ("b4", 48, (24, 32, 56, 112, 160, 272, 448), (2, 4, 4, 6, 6, 8, 2), 1792),
        ("b5", 48, (24, 40, 64, 128, 176, 304, 512), (3, 5, 5, 7, 7, 9, 3), 2048),
        ("b6", 56, (32, 40, 72, 144, 200, 344, 576), (3, 6, 6, 8, 8, 11, 3), 2304),
        ("b7", 64, (32, 48, 80, 160, 224, 384, 640), (4, 7, 7, 10, 10, 13, 4), 2560),
    ],
)
def test_rounding_gives_the_published_layouts(
    name: str, stem: int, channels: tuple[int, ...], layers: tuple[int, ...], head: int
) -> None:
    """As in the published code; the released B0 to B7 have exactly these blocks."""
    width, depth = EFFICIENTNETS[f"efficientnet_{name}"]
    base = (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)
    assert tuple(rounded_channels(count * width) for count in base[0]) == channels
    assert tuple(rounded_layers(count * depth) for count in base[1]) == layers
    assert (rounded_channels(32 * width), rounded_channels(1280 * width)) == (stem, head)


@given(st.floats(1, 5000), st.sampled_from([1, 2, 4, 8, 16]))
def test_rounded_channels_are_multiples_that_lose_little(channels: float, divisor: int) -> None:
    rounded = rounded_channels(channels, divisor)
    assert rounded % divisor == 0
    assert rounded >= 0.9 * channels
    assert rounded <= max(divisor, channels + divisor)


def test_whole_numbers_of_layers_are_not_rounded_up_by_an_error_of_the_last_digit() -> None:
    assert 25 * 2.2 > 55
    assert rounded_layers(25 * 2.2) == 55
    assert rounded_layers(11.01) == 12


def test_efficientnet_b0_at_phi_one_is_b2() -> None:
    published = space("mobile/published")
    b0, b2 = (published.architecture({"network": f"efficientnet_{name}"}) for name in ("b0", "b2"))
    scaled = scale(published, b0, IMAGENET, PUBLISHED, 1)
    assert scaled.counts()[0] == 9_109_994 == sum(block.parameters for block in published.outline(b2))
    assert image_sizes(scaled.signature).height == 258
    assert scale(published, b0, IMAGENET, PUBLISHED, 0).counts()[0] == 5_288_548


@pytest.mark.parametrize("name", SMALL)
def test_a_found_network_of_every_image_space_grows(name: str) -> None:
    searched = space(name, **SMALL[name])
    architecture = searched.sample(np.random.default_rng(0))
    if name == "nasbench101":
        architecture = searched.architecture(baseline("nasbench101_resnet").architecture)
    sizes = [
        scale(searched, architecture, CIFAR, CompoundScaling(1.3, 1.5, 1.25), phi).counts()
        for phi in (0, 1, 2)
    ]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0]
    assert sizes[0][1] < sizes[1][1] < sizes[2][1]
    scaled = scaled_space(searched, width=1.5, depth=1.3)
    assert scaled.name == searched.name
    assert scaled.architecture(architecture) == architecture
    assert scaled_space(searched, width=1, depth=1) is searched


def test_only_what_is_asked_for_grows() -> None:
    cells = space("nasbench201", channels=16, cells=5)
    assert scaled_space(cells, width=1, depth=1.2).parameters == {"channels": 16, "cells": 6}
    assert scaled_space(cells, width=1.5, depth=1).parameters == {"channels": 24, "cells": 5}
    assert scaled_space(cells, width=1.1, depth=1, divisor=2).parameters["channels"] == 18
    macro = space("nasbench_macro")
    assert scaled_space(macro, width=1.1, depth=1.2).parameters == {
        "channels": 32,
        "stages": [3, 4, 4],
        "head_channels": 1408,
    }


@pytest.mark.parametrize(
    "made", [space("tiny"), ListedSpace(space("darts"), [space("darts").sample(np.random.default_rng(0))])]
)
def test_a_space_without_width_and_depth_is_refused(made: SearchSpace) -> None:
    architecture = made.sample(np.random.default_rng(0))
    with pytest.raises(InvalidArchitecture, match="cannot be scaled"):
        scale(made, architecture, CIFAR, PUBLISHED, 0)


def test_nothing_becomes_smaller() -> None:
    made = space("nasbench201")
    with pytest.raises(InvalidArchitecture, match="phi=-1"):
        scale(made, made.sample(np.random.default_rng(0)), CIFAR, PUBLISHED, -1)
    for wrong in (0.9, math.nan, math.inf):
        with pytest.raises(InvalidArchitecture, match="gamma"):
            CompoundScaling(gamma=wrong)


def test_the_grid_search_ranks_what_a_function_says_of_the_built_networks() -> None:
    made = space("nasbench201", channels=8, cells=1)
    architecture = made.from_string("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    grid = [CompoundScaling(2, 1, 1), CompoundScaling(1, 2, 1), CompoundScaling(1, 1, 1.4)]
    seen = []

    def evaluate(network) -> float:
        assert network.phi == 1
        assert network.scaling.gamma == 1 or image_sizes(network.signature).height == 45
        with torch.device("meta"):
            parameters = sum(p.numel() for p in network.build().parameters())
        seen.append(network.scaling)
        return math.nan if network.scaling.gamma > 1 else -parameters

    ranked = grid_search(made, architecture, CIFAR, evaluate, grid)
    assert seen == grid
    assert [scaling for scaling, _ in ranked] == grid
    assert math.isnan(ranked[-1][1])
