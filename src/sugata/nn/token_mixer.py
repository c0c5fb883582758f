"""The contract of token mixers: one function in two forms."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]

#: Tokens that a long text is best cut into for `extend`: more of them make larger matrix products, but a
#: recurrence over `n` tokens takes n^2 operations there.
BLOCK = 32


class TokenMixer(nn.Module, ABC):
    """Mixes information along time, causally.

    `forward` computes a whole sequence in parallel, `step` one token from a state; both give the same
    outputs. Constructors may leave parameters unset; `initialize` fills every one.
    """

    #: Learning rate of its parameters as a multiple of what suits attention. Recurrences need more: in 12
    #: seconds of training at width 128, four times the rate takes 3 % off Mamba's and 4 % off RWKV's bits per
    #: byte, and adds 10 % to attention's.
    rate_factor: float = 1.0

    #: Names of the tensors of the state, in order. The batch is axis 0 of each.
    state_names: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first token."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)` to its output `(batch, dim)` and a new state; changes nothing in place."""

    @abstractmethod
    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """A few tokens `(batch, n, dim)` from a state: their outputs, and the state after the last.

        What `step` gives token by token. Quadratic in `n`: meant for blocks of up to `BLOCK` tokens.

        Args:
            x: the tokens.
            state: from `initial_state` or an earlier call; it is not changed.
            positions: of the tokens, `(batch, n)` int64, the same in all rows.
        """

    @abstractmethod
    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter, for layer number `layer` of `depth`."""


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """No autocast on the device of `x`; the meta device, on which networks are counted, has none."""
    if x.device.type == "meta":
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)
