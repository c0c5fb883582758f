"""One tensor of several."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Concatenated(nn.Module):
    """Channels of all inputs beside one another.

    Args:
        before: Modules that each input goes through first.
    """

    def __init__(self, before: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.before = nn.ModuleList(nn.Sequential(*modules) for modules in before)

    def forward(self, *inputs: Tensor) -> Tensor:
        """`(batch, dim, ...)` of each, of equal further sizes, to `(batch, sum of dims, ...)`."""
        return torch.cat([module(x) for module, x in zip(self.before, inputs, strict=True)], dim=1)


class Added(nn.Module):
    """The sum of all inputs; narrower ones are projected to the widest.

    Args:
        before: Modules that each input goes through first.
        dims: Channels of each after that.
        dim: Channels of the sum.
    """

    def __init__(self, before: Sequence[Sequence[nn.Module]], dims: Sequence[int], dim: int) -> None:
        super().__init__()
        self.before = nn.ModuleList(
            nn.Sequential(*modules, *([] if width == dim else [nn.Linear(width, dim)]))
            for modules, width in zip(before, dims, strict=True)
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        """`(batch, ...)` of each to `(batch, dim, ...)`."""
        parts = [module(x) for module, x in zip(self.before, inputs, strict=True)]
        return torch.stack(parts).sum(0)
