"""Feed-forward networks, plain and gated."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.config import LanguageModelConfig
from sugata.nn.initialization import initialize_linear

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "silu": F.silu,
    "geglu": F.gelu,
    "swiglu": F.silu,
}


class FeedForward(nn.Module):
    """`down(act(up(x)))`, or gated `down(act(gate(x)) * up(x))` (Shazeer 2020) for geglu and swiglu.

    The gate and the up projection are one matrix: rows `[:ffn_dim]` of `up.weight` are the gate, rows
    `[ffn_dim:]` what it gates. Column `i` of `down.weight` belongs to hidden channel `i`.

    Args:
        config: Gives width and activation.
        ffn_dim: Hidden width.
    """

    def __init__(self, config: LanguageModelConfig, ffn_dim: int) -> None:
        super().__init__()
        self.gated = config.activation in ("geglu", "swiglu")
        self.activation = _ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.hidden_dim, (2 if self.gated else 1) * ffn_dim, bias=False)
        self.down = nn.Linear(ffn_dim, config.hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., dim)` to `(..., dim)`."""
        if not self.gated:
            return self.down(self.activation(self.up(x)))  # type: ignore[no-any-return]
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(self.activation(gate) * value)  # type: ignore[no-any-return]

    state_names: tuple[str, ...] = ()

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """Nothing: a token's output depends on that token alone."""
        return ()

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`(batch, dim)` to `(batch, dim)`."""
        return self(x), state

    def extend(
        self, x: Tensor, state: tuple[Tensor, ...], positions: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`(batch, n, dim)` to `(batch, n, dim)`."""
        return self(x), state

    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Draw the weights for layer number `layer` of `depth`."""
        initialize_linear(self.up, generator)
        initialize_linear(self.down, generator, depth)
