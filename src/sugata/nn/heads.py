"""The last layer of a network."""

import torch
from torch import Tensor, nn

from sugata.nn.dropout import Dropout
from sugata.nn.initialization import initialize_head


class Head(nn.Module):
    """Several inputs as one vector, dropout, and a linear layer.

    Args:
        before: Modules that each input goes through first, to be vectors.
        dim: Width of all of them together.
        outputs: Classes, labels or values.
        dropout: Probability.
    """

    def __init__(self, before: list[list[nn.Module]], dim: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.before = nn.ModuleList(nn.Sequential(*modules) for modules in before)
        self.dropout = Dropout(dropout)
        self.linear = nn.Linear(dim, outputs)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs of the blocks before to `(batch, outputs)`: logits, or standardized values."""
        vectors = [module(x) for module, x in zip(self.before, inputs, strict=True)]
        vector = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=1)
        return self.linear(self.dropout(vector))  # type: ignore[no-any-return]

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Variance 1/fan_in^2, as of all heads (`initialize_head`); what is before by its own rule."""
        from sugata.nn.block_network import initialize_block

        for module in self.before:
            initialize_block(module, generator)
        initialize_head(self.linear, generator)
        self.linear.bias.zero_()
