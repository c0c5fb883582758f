"""Fully connected layers."""

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor, nn

from sugata.nn.dropout import Dropout

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
)


class DenseLayer(nn.Module):
    """A linear layer, batch norm where asked for, activation, dropout; the input added where widths agree.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        activation: One of `ACTIVATIONS`.
        batch_norm: Normalize before the activation.
        dropout: Probability.
        residual: Add the input to the output where both are equally wide.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str = "relu",
        batch_norm: bool = False,
        dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=not batch_norm)
        self.norm = nn.BatchNorm1d(outputs) if batch_norm else None
        self.activation = ACTIVATIONS[activation]()
        self.dropout = Dropout(dropout)
        self.residual = residual and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs)` to `(batch, outputs)`."""
        y: Tensor = self.linear(x)
        if self.norm is not None:
            y = self.norm(y)
        y = self.dropout(self.activation(y))
        return x + y if self.residual else y
