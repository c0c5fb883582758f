"""Dropout that draws from a generator of its own: the same training twice, and nothing global is touched."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Set a share of the values to zero in training, and scale what is left (Srivastava et al. 2014).

    Args:
        probability: That a value is set to zero.

    Attributes:
        generator: Of the draws; torch's own where None. The training loop sets it for each step.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, which is kept."""
        if not self.training or self.probability == 0:
            return x
        return x * self.kept(x) / (1 - self.probability)

    def kept(self, like: Tensor) -> Tensor:
        """A tensor of this shape and type: 1 where a value is kept, 0 where it is dropped."""
        return torch.empty_like(like).bernoulli_(1 - self.probability, generator=self.generator)

    def extra_repr(self) -> str:
        """The probability, as torch prints it."""
        return f"p={self.probability}"


def set_generator(network: nn.Module, generator: torch.Generator | None) -> None:
    """Let all dropouts of a network draw from one generator."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = generator
