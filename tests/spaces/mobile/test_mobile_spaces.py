"""ProxylessNAS, MnasNet and the published networks: parameters, counts, and what is one network."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.measure import count_parameters
from sugata.space import SearchSpace, image_signature
from sugata.spaces import baseline, space
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace, PublishedMobileSpace
from sugata.spaces.scaling import rounded_channels

IMAGENET, CIFAR = image_signature(3, 224, 224, 1000), image_signature(3, 32, 32, 10)
# Proxyless and MnasNet: 4.1 M and 3.9 M in the papers' tables; EfficientNet: 5.3, 7.8, 9.2, 12, 19, 30, 43
# and 66 M (Tan & Le 2019, table 2). The exact numbers are those of the publicly released models.
PUBLISHED = {
    "proxyless_mobile": 4_080_512,
    "mnasnet_a1": 3_887_038,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
}
SPACES: list[SearchSpace] = [ProxylessSpace(), MnasNetSpace(), PublishedMobileSpace()]
every_space = pytest.mark.parametrize("searched", SPACES, ids=lambda searched: searched.name)


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_published_networks_have_their_published_parameters(name: str, parameters: int) -> None:
    published = PublishedMobileSpace()
    assert count_parameters(lambda: published.build({"network": name}, IMAGENET)) == parameters


def test_the_searched_form_of_proxyless_is_the_published_network() -> None:
    known = baseline("proxyless_mobile_searched")
    found = ProxylessSpace()
    assert count_parameters(lambda: found.build(known.architecture, IMAGENET)) == 4_080_512
    assert found.training_key(known.architecture) == SPACES[2]._layout({"network": "proxyless_mobile"}).key()  # type: ignore[attr-defined]


def test_mobilenet_v2_is_in_the_space_of_mnasnet() -> None:
    known = baseline("mobilenet_v2")
    parameters = count_parameters(lambda: space("mnasnet").build(known.architecture, IMAGENET))
    assert parameters == 3_504_872  # torchvision's mobilenet_v2, which differs in ReLU6 only


@pytest.mark.parametrize(
    ("channels", "rounded"), [(32, 32), (35.2, 32), (38.4, 40), (11, 16), (4, 8), (12, 16)]
)
def test_channels_are_rounded_to_multiples_of_eight(channels: float, rounded: int) -> None:
    assert rounded_channels(channels) == rounded


@every_space
@pytest.mark.parametrize(("signature", "last"), [(IMAGENET, 7), (CIFAR, 4)])
def test_large_images_are_halved_five_times_and_small_ones_three(
    searched: SearchSpace, signature, last: int
) -> None:
    architecture = searched.sample(np.random.default_rng(0))
    with torch.device("meta"):
        network = searched.build(architecture, signature)
        x = network.stem(torch.zeros(1, 3, *signature.inputs[0].shape[2:]))
        for layer in network.layers:
            x = layer(x)
    assert tuple(x.shape[2:]) == (last, last)


@every_space
def test_the_outline_has_all_parameters(searched: SearchSpace) -> None:
    architecture = searched.sample(np.random.default_rng(1))
    blocks = searched.outline(architecture)
    parameters = count_parameters(lambda: searched.build(architecture, IMAGENET))
    assert sum(block.parameters for block in blocks) == parameters


@given(seed=st.integers(0, 10_000))
def test_where_a_block_is_left_out_makes_no_difference(seed: int) -> None:
    searched, rng = ProxylessSpace(), np.random.default_rng(seed)
    architecture = searched.sample(rng)
    canonical = searched.canonical(architecture)
    assert searched.canonical(canonical) == canonical
    assert searched.training_key(architecture) == searched.training_key(canonical)
    assert searched.graph(architecture) == searched.graph(canonical)
    values = dict(architecture)
    names = [name for name in values if name.startswith("stage_3_") and not name.endswith("_1")]
    shuffled = [values[name] for name in names if values[name] != "skip"]
    shuffled += ["skip"] * (len(names) - len(shuffled))
    moved = values | dict(zip(names, shuffled, strict=True))
    assert searched.training_key(moved) == searched.training_key(architecture)


def test_sizes_are_exact() -> None:
    proxyless = ProxylessSpace()
    assert proxyless.size() == 6**6 * 7**15
    assert proxyless.distinct() == (6 + 6**2 + 6**3 + 6**4) ** 5 * 6
    # operation, expansion, kernel, squeeze, skip, filters, layers
    assert MnasNetSpace().size() == (3 * 2 * 2 * 2 * 2 * 3) ** 7 * 3**5 * 2**2


def test_a_skip_that_cannot_be_added_makes_no_difference() -> None:
    searched = MnasNetSpace()
    values = dict(baseline("mobilenet_v2").architecture)
    key = searched.training_key(values)
    assert searched.training_key(values | {"block_7_skip": "none"}) == key  # one layer, other channels
    assert searched.training_key(values | {"block_2_skip": "none"}) != key


@every_space
def test_a_small_network_trains(searched: SearchSpace) -> None:
    network = searched.build(searched.sample(np.random.default_rng(2)), image_signature(1, 16, 16, 3))
    network.initialize(torch.Generator().manual_seed(0))
    outputs = network(torch.randn(4, 1, 16, 16))
    assert outputs.shape == (4, 3)
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
