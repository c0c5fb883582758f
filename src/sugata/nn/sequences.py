"""Sequences between blocks: vectors over time steps, and which of the steps are no padding."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Steps(NamedTuple):
    """A batch of sequences.

    Attributes:
        values: `(batch, length, dim)`.
        kept: `(batch, length)` bool, true where a step is no padding; None where all are.
    """

    values: Tensor
    kept: Tensor | None

    @property
    def masked(self) -> Tensor:
        """The values, zero where a step is padding."""
        return self.values if self.kept is None else self.values * self.kept[..., None]

    def mean(self) -> Tensor:
        """`(batch, dim)`, the mean over what is no padding; zero where all of it is."""
        if self.kept is None:
            return self.values.mean(1)
        return self.masked.sum(1) / self.kept.sum(1, keepdim=True).clamp(min=1)

    def max(self) -> Tensor:
        """`(batch, dim)`, the largest value of each channel; zero where all is padding."""
        if self.kept is None:
            return self.values.amax(1)
        lowest = torch.finfo(self.values.dtype).min
        largest = self.values.masked_fill(~self.kept[..., None], lowest).amax(1)
        return largest * self.kept.any(1, keepdim=True)

    def last(self) -> Tensor:
        """`(batch, dim)`, the last step that is no padding."""
        if self.kept is None:
            return self.values[:, -1]
        places = torch.arange(self.values.shape[1], device=self.values.device)
        last = (places * self.kept).amax(1)
        return self.values.gather(1, last[:, None, None].expand(-1, 1, self.values.shape[2])).squeeze(1)


class MeanOverSteps(nn.Module):
    """The mean of a sequence."""

    def forward(self, steps: Steps) -> Tensor:
        """`Steps` `(batch, length, dim)` to `(batch, dim)`."""
        return steps.mean()


class MaxOverSteps(nn.Module):
    """The largest value of each channel."""

    def forward(self, steps: Steps) -> Tensor:
        """`Steps` `(batch, length, dim)` to `(batch, dim)`."""
        return steps.max()


class LastStep(nn.Module):
    """The last step."""

    def forward(self, steps: Steps) -> Tensor:
        """`Steps` `(batch, length, dim)` to `(batch, dim)`."""
        return steps.last()


class FlatSteps(nn.Module):
    """All steps in one vector, padding as zeros."""

    def forward(self, steps: Steps) -> Tensor:
        """`Steps` `(batch, length, dim)` to `(batch, length * dim)`."""
        return steps.masked.flatten(1)
