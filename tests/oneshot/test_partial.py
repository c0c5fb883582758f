"""Partial channels: which go through the options, which pass by, and where they are used."""

import numpy as np
import pytest
import torch
from torch import nn

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot import Darts, DartsSupernet, NasBench201Supernet, SupernetSettings
from sugata.oneshot.partial import PartialMixedOperation
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace, NasBench201Space

from .toy import Quiet, ToySupernet, ToyTask

SIGNATURE = image_signature(3, 8, 8, 4)


class Double(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def test_one_part_is_mixed_and_the_others_pass_by_before_all_are_shuffled() -> None:
    edge = PartialMixedOperation({"none": None, "double": Double()}, parts=2)
    x = torch.arange(1.0, 5.0).view(1, 4, 1, 1)
    assert edge(x, torch.tensor([0.5, 0.5])).flatten().tolist() == [1.0, 3.0, 2.0, 4.0]
    assert edge(x, 1).flatten().tolist() == [2.0, 3.0, 4.0, 4.0]
    assert edge(x, 0).flatten().tolist() == [0.0, 3.0, 0.0, 4.0]


def test_what_passes_by_has_the_weight_of_its_edge() -> None:
    edge = PartialMixedOperation({"none": None, "double": Double()}, parts=2)
    x = torch.arange(1.0, 5.0).view(1, 4, 1, 1)
    assert edge(x, torch.tensor([0.1, 0.1])).flatten().tolist() == pytest.approx([0.2, 0.6, 0.4, 0.8])


@pytest.mark.parametrize(
    "make",
    [
        lambda: NasBench201Supernet(NasBench201Space(channels=4, cells=1), SIGNATURE, partial=2),
        lambda: DartsSupernet(DartsSpace(channels=4, cells=3), SIGNATURE, partial=2),
    ],
)
def test_a_supernet_with_partial_channels_mixes_and_refuses_to_extract(make) -> None:
    supernet = make()
    logits = {
        name: torch.zeros(len(options), requires_grad=True) for name, options in supernet.decisions.items()
    }
    supernet.mix({name: torch.softmax(one, 0) for name, one in logits.items()})
    output = supernet(torch.randn(4, 3, 8, 8))
    output.square().sum().backward()
    assert output.shape == (4, 4)
    assert all(one.grad is not None for one in logits.values())
    architecture = supernet.space.sample(np.random.default_rng(0))
    supernet.activate(architecture)
    assert supernet(torch.randn(4, 3, 8, 8)).shape == (4, 4)
    with pytest.raises(InvalidArchitecture, match="1/2 of the channels"):
        supernet.extract(architecture)


def test_parts_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"supernet\.network\.partial is 3; it must divide the first cells' 4 channels"
    ):
        NasBench201Supernet(NasBench201Space(channels=4, cells=1), SIGNATURE, partial=3)


def test_the_weights_of_the_edges_into_a_node_are_learned_and_sum_to_one() -> None:
    class Summed(ToySupernet):
        """Both decisions are added up."""

        def __init__(self) -> None:
            super().__init__()
            self.sums = {"node": ("first", "second")}

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(
                self.mixed["first"](x, self.selection["first"])
                + self.mixed["second"](0 * x, self.selection["second"])
            )

    search = Darts(
        SupernetSettings(steps=100, batch_size=32, checks=2), logit_rate=0.05, edge_normalization=True
    )
    search.fit(Summed(), ToyTask(), Quiet())
    weights = {name: one.detach() for name, one in search._derivable().items()}
    first, second = float(weights["first"].sum()), float(weights["second"].sum())
    assert first + second == pytest.approx(1.0)
    assert first > 0.6  # the other edge carries nothing
