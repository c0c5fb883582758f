"""Pooling over all positions of an image."""

from torch import Tensor, nn


class PositionMean(nn.Module):
    """The mean over positions, as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)` to `(batch, channels)`."""
        return x.mean((2, 3))
