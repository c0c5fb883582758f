"""A space of one's own blocks as a supernet."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from sugata.errors import InvalidArchitecture
from sugata.oneshot import BlockSpace, BlockSupernet, Proxyless, SupernetSettings
from sugata.oneshot.supernets import make_supernet
from sugata.space import Choice, Condition, Signature, image_signature, image_sizes

from .test_proxyless import Pictures
from .toy import Quiet

SIGNATURE = image_signature(3, 8, 8, 4)


class Bigger(BlockSpace):
    """Blocks within blocks: the second is called twice, the third is inside a module."""

    name = "bigger"
    choices = (
        Choice("first", ("one", "three")),
        Choice("twice", ("skip", "three")),
        Choice("in", ("one", 3)),
    )

    def block(self, choice: str, option, signature: Signature) -> nn.Module:
        if option == "skip":
            return nn.Identity()
        size = 1 if option == "one" else 3
        return nn.Sequential(nn.Conv2d(6, 6, size, padding=size // 2), nn.BatchNorm2d(6), nn.ReLU())

    def network(self, blocks: Mapping[str, nn.Module], signature: Signature) -> nn.Module:
        sizes = image_sizes(signature)
        inside = nn.Sequential(blocks["in"], nn.Conv2d(6, 6, 1))
        stem, head = nn.Conv2d(sizes.channels, 6, 3), nn.Linear(6, sizes.outputs)
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(stem, blocks["first"], blocks["twice"], blocks["twice"], inside, pooled, head)


@pytest.fixture
def supernet() -> BlockSupernet:
    made = make_supernet(Bigger(), SIGNATURE)
    assert isinstance(made, BlockSupernet)
    made.initialize(torch.Generator().manual_seed(0))
    return made


def test_every_extracted_network_computes_its_active_path(supernet: BlockSupernet) -> None:
    supernet.eval()
    images = torch.randn(2, 3, 8, 8)
    outputs = []
    for architecture in supernet.space.enumerate():
        supernet.activate(architecture)
        alone = supernet.extract(architecture).eval()
        torch.testing.assert_close(alone(images), supernet(images))
        outputs.append(tuple(supernet(images).flatten().tolist()))
        built = supernet.space.build(architecture, SIGNATURE)
        assert {name: value.shape for name, value in built.state_dict().items()} == {
            name: value.shape for name, value in alone.state_dict().items()
        }
    assert len(set(outputs)) == 8


def test_it_is_trained_by_gradient_too(supernet: BlockSupernet) -> None:
    method = Proxyless(SupernetSettings(steps=3, batch_size=4, checks=1), weights_first=0.0)
    method.fit(supernet, Pictures(), Quiet())
    (found,) = method.derive(1)
    assert found in list(supernet.space.enumerate())
    assert all(not torch.equal(logits, torch.zeros(2)) for logits in method.logits.values())


def test_a_block_that_is_not_always_there_is_refused_in_one_line() -> None:
    class Sometimes(Bigger):
        choices = (
            *Bigger.choices[:2],
            Choice("in", ("one", 3), when=Condition(("first",), lambda first: first == "one", "first = one")),
        )

    with pytest.raises(InvalidArchitecture, match="choice 'in' of bigger has a condition; blocks of a"):
        make_supernet(Sometimes(), SIGNATURE)


def test_sampling_covers_the_space(supernet: BlockSupernet) -> None:
    rng = np.random.default_rng(0)
    assert len({supernet.sample(rng) for _ in range(100)}) == 8
