"""Recurrent layers over sequences of different lengths."""

from typing import Literal

import torch
from torch import Tensor, nn

from sugata.nn.dropout import Dropout
from sugata.nn.sequences import Steps

RecurrentKind = Literal["gru", "lstm"]


class Recurrent(nn.Module):
    """GRU (Cho et al. 2014) or LSTM (Hochreiter & Schmidhuber 1997) layers, in one direction or both.

    Padding stands at the end. The backward direction begins at each sequence's own last step, as over torch's
    packed sequences: its input is turned around within that length, and its output back.

    Args:
        inputs: Width of the steps.
        units: Width of each direction's state.
        layers: One on the other.
        kind: `gru` or `lstm`.
        bidirectional: Put the states of both directions beside one another.
        dropout: Between layers and after the last one; probability.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int,
        kind: RecurrentKind = "gru",
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        make = nn.GRU if kind == "gru" else nn.LSTM
        self.outputs = units * (2 if bidirectional else 1)
        widths = [inputs, *([self.outputs] * (layers - 1))]
        self.forwards = nn.ModuleList(make(width, units, batch_first=True) for width in widths)
        self.backwards = nn.ModuleList(
            make(width, units, batch_first=True) for width in widths if bidirectional
        )
        self.dropout = Dropout(dropout)

    def forward(self, steps: Steps) -> Steps:
        """`Steps` `(batch, length, inputs)` to `(batch, length, outputs)`."""
        x, kept = steps
        for i, forwards in enumerate(self.forwards):
            parts = [forwards(x)[0]]
            if len(self.backwards):
                parts.append(_turned(self.backwards[i](_turned(x, kept))[0], kept))
            x = self.dropout(torch.cat(parts, dim=2))
        return Steps(x, kept)


def _turned(x: Tensor, kept: Tensor | None) -> Tensor:
    """Each sequence from its last step to its first; padding stays where it is."""
    if kept is None:
        return x.flip(1)
    places = torch.arange(x.shape[1], device=x.device)
    lengths = kept.sum(1, keepdim=True)
    order = torch.where(places < lengths, lengths - 1 - places, places)
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[2]))
