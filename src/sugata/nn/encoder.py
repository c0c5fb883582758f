"""Self-attention that sees the whole sequence, for classifying texts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.dropout import Dropout
from sugata.nn.positions import sinusoidal
from sugata.nn.sequences import Steps

_POSITIONS = 0.1  # initial size of what positions add


class Encoder(nn.Module):
    """Layers of attention and feed-forward network (Vaswani et al. 2017), norms first (Xiong et al. 2020).

    Sinusoidal positions are added first, times a learned factor. (Departure: theirs is 1. Vectors of words
    start smaller here, and would be drowned.)

    Args:
        inputs: Width of the steps; brought to a multiple of `heads` where it is none.
        layers: How many.
        heads: Of the attention.
        ffn_factor: Hidden width of the feed-forward networks over that of the steps.
        dropout: Of what each part adds; probability.
    """

    def __init__(self, inputs: int, layers: int, heads: int, ffn_factor: int, dropout: float = 0.0) -> None:
        super().__init__()
        dim = -(-inputs // heads) * heads
        self.dim = dim
        self.projection = nn.Identity() if dim == inputs else nn.Linear(inputs, dim)
        self.position_scale = PositionScale()
        self.layers = nn.ModuleList(
            EncoderLayer(dim, heads, ffn_factor * dim, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, steps: Steps) -> Steps:
        """`Steps` `(batch, length, inputs)` to `(batch, length, dim)`."""
        x, kept = self.projection(steps.values), steps.kept
        x = self.position_scale(x)
        for layer in self.layers:
            x = layer(x, kept)
        return Steps(self.norm(x), kept)


class PositionScale(nn.Module):
    """Add sinusoidal positions times a learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), _POSITIONS))

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to the same."""
        places = torch.arange(x.shape[1], device=x.device)
        return x + self.scale * sinusoidal(places, x.shape[2])

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """To a small number."""
        self.scale.fill_(_POSITIONS)


class EncoderLayer(nn.Module):
    """`x + attention(norm(x))`, then `x + ffn(norm(x))`.

    Args:
        dim: Width.
        heads: Of the attention, a divisor of `dim`.
        ffn_dim: Hidden width of the feed-forward network.
        dropout: Of what is added; probability.
    """

    def __init__(self, dim: int, heads: int, ffn_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        self.ffn_norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, ffn_dim)
        self.down = nn.Linear(ffn_dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, kept: Tensor | None) -> Tensor:
        """`(batch, length, dim)` to the same; what is not kept `(batch, length)` is not attended to."""
        x = x + self.dropout(self.output(self._attended(self.attention_norm(x), kept)))
        transformed: Tensor = self.down(F.gelu(self.up(self.ffn_norm(x))))
        return x + self.dropout(transformed)  # type: ignore[no-any-return]

    def _attended(self, x: Tensor, kept: Tensor | None) -> Tensor:
        batch, length, dim = x.shape
        qkv: Tensor = self.qkv(x).view(batch, length, 3, self.heads, dim // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mask = None
        if kept is not None:  # a text without words attends to its first padding: nothing at all has no mean
            first = torch.arange(length, device=x.device) == 0
            mask = (kept | first)[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2)
