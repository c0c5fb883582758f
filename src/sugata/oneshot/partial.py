"""Partial channels: only some channels of a node go through the options of an edge."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.oneshot.mixed import MixedOperation
from sugata.trial import Value


class PartialMixedOperation(nn.Module):
    """A mixed operation on the first of every `parts` channels (Xu et al. 2020, "PC-DARTS", section 3.2).

    The other channels pass by, at a stride of 2 through a 2x2 maximum, and all are shuffled, so that the next
    edge takes others. What passes by is multiplied by the sum of the weights: 1, or the weight of the edge
    where edges are normalized (section 3.3).

    Args:
        options: As of `MixedOperation`, for a part of the channels.
        parts: Into how many parts the channels are divided.
        stride: Of the options.
    """

    def __init__(self, options: Mapping[Value, nn.Module | None], parts: int, stride: int = 1) -> None:
        super().__init__()
        self.mixed = MixedOperation(options)
        self.parts = parts
        self.stride = stride

    def forward(self, x: Tensor, selected: int | Tensor) -> Tensor:
        """`(batch, channels, height, width)` to the same, height and width divided by the stride."""
        count = x.shape[1] // self.parts
        taken, passed = x[:, :count], x[:, count:]
        if self.stride > 1:
            passed = F.max_pool2d(passed, self.stride, self.stride, ceil_mode=True)
        if isinstance(selected, Tensor):
            passed = passed * selected.sum()
        mixed = self.mixed(taken, selected)
        if mixed is None:
            mixed = torch.zeros_like(passed[:, :count])
        return F.channel_shuffle(torch.cat([mixed, passed], dim=1), self.parts)


def check_parts(parts: int, channels: int) -> None:
    """Refuse a number of parts that does not divide the channels.

    Raises:
        RecipeError: it does not.
    """
    if parts < 1 or channels % parts:
        raise RecipeError(
            f"supernet.network.partial is {parts}; it must divide the first cells' {channels} channels"
        )


def refuse_extraction(parts: int) -> None:
    """A network of its own has no partial channels: what was found is trained anew.

    Raises:
        InvalidArchitecture: the supernet has partial channels.
    """
    if parts > 1:
        raise InvalidArchitecture(
            f"a supernet with 1/{parts} of the channels on its edges has no networks to extract;"
            " build the architecture and train it, or make the supernet with partial=1"
        )
