"""Softmax attention: explicit, fused, and with grouped queries."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.config import LanguageModelConfig, LayerConfig
from sugata.nn.fused import grouped_query_attention, rotate_heads
from sugata.nn.initialization import initialize_linear
from sugata.nn.positions import rotary, rotate, slopes_of
from sugata.nn.token_mixer import State, TokenMixer


class Attention(TokenMixer):
    """Causal softmax attention (Vaswani et al. 2017), computed step by step: scores, mask, softmax, sum.

    In training mode, unless ALiBi biases the scores, the fused operation takes the place of these steps.

    One matrix `qkv` projects to all queries, then all keys, then all values. Without biases.

    Args:
        config: Gives width, heads and position encoding.
        layer: Gives the heads that are left; None: all.
    """

    name = "transformer"
    state_names = ("key", "value")

    def __init__(self, config: LanguageModelConfig, layer: LayerConfig | None = None) -> None:
        super().__init__()
        layer = layer or LayerConfig(self.name, 0)
        self.num_heads, self.key_value_heads = config.heads_of(layer)
        self.head_dim = config.head_dim
        self.rope_theta = config.rope_theta if config.position == "rope" else None
        self.slopes = slopes_of(config.num_heads, layer.heads) if config.position == "alibi" else None
        rows = (self.num_heads + 2 * self.key_value_heads) * self.head_dim
        self.qkv = nn.Linear(config.hidden_dim, rows, bias=False)
        self.output = nn.Linear(self.num_heads * self.head_dim, config.hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        positions = torch.arange(x.shape[1], device=x.device)
        query, key, value = (t.transpose(-3, -2) for t in self._project(x, positions))
        return self.output(self._attend(query, key, value).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _project(self, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(..., n, dim)` to queries, keys, values `(..., n, heads, head_dim)`."""
        heads, groups = self.num_heads, self.key_value_heads
        qkv = self.qkv(x)
        qkv = qkv.view(*qkv.shape[:-1], heads + 2 * groups, self.head_dim)
        if self.rope_theta is None:
            query, key, value = torch.split(qkv, [heads, groups, groups], dim=-2)
            return query, key, value
        query_key, value = torch.split(qkv, [heads + groups, groups], dim=-2)
        query_key = rotate(query_key, *rotary(positions, self.head_dim, self.rope_theta))
        query, key = torch.split(query_key, [heads, groups], dim=-2)
        return query, key, value

    def weights(self, x: Tensor) -> Tensor:
        """What every token of `(batch, length, dim)` attends to: `(batch, heads, length, length)`.

        Rows sum to 1. `forward` need not compute it; a distillation compares it with a teacher's.
        """
        positions = torch.arange(x.shape[1], device=x.device)
        query, key, _ = (t.transpose(-3, -2) for t in self._project(x, positions))
        key = key.repeat_interleave(self.num_heads // self.key_value_heads, dim=1)
        scores: Tensor = (query * self.head_dim**-0.5) @ key.transpose(-1, -2)
        return (scores.float() + self._bias(query)).softmax(-1)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """All tensors `(batch, heads, length, head_dim)`."""
        if self.training and self.slopes is None:
            # The same function: only what is deployed and measured has to be explicit.
            return F.scaled_dot_product_attention(query, key, value, is_causal=True)
        scores = (query * self.head_dim**-0.5) @ key.transpose(-1, -2)
        # In place: the scores are the largest tensor here, and a second one would cost more than the sum.
        scores += self._bias(query).to(scores.dtype)
        mixed: Tensor = scores.softmax(-1).to(value.dtype) @ value
        return mixed

    def _bias(self, query: Tensor) -> Tensor:
        """What is added to the scores: -inf ahead of time, and ALiBi; `(length, length)` or one per head."""
        steps = torch.arange(query.shape[2], device=query.device)
        ahead = steps[None, :] - steps[:, None]
        if self.slopes is None:
            bias = torch.zeros_like(ahead, dtype=torch.float32)
        else:
            bias = ahead.float() * torch.tensor(self.slopes, device=query.device)[:, None, None]
        return bias.masked_fill(ahead > 0, float("-inf"))

    def initial_state(self, batch: int) -> State:
        """An empty cache: keys and values, each `(batch, key-value heads, 0, head_dim)`."""
        shape = (batch, self.key_value_heads, 0, self.head_dim)
        return self.qkv.weight.new_zeros(shape), self.qkv.weight.new_zeros(shape)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Attend from one token `(batch, dim)` to the cache, which grows by it along axis 2."""
        keys, values = state
        steps = torch.arange(keys.shape[2] + 1, device=x.device)
        query, key, value = (t.transpose(1, 2) for t in self._project(x[:, None], steps[-1:]))
        keys = torch.cat((keys, key), dim=2)
        values = torch.cat((values, value), dim=2)
        # Queries of a group stand side by side, so that keys and values need not be repeated.
        grouped = query.reshape(
            -1, self.key_value_heads, self.num_heads // self.key_value_heads, self.head_dim
        )
        scores = (grouped * self.head_dim**-0.5) @ keys.transpose(-1, -2)
        if self.slopes is not None:
            slopes = torch.tensor(self.slopes, device=x.device).view(self.key_value_heads, -1, 1)
            scores = scores + slopes * (steps - steps[-1:])
        mixed = scores.softmax(-1).to(values.dtype) @ values
        return self.output(mixed.flatten(1)), (keys, values)

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """Attend from each of the tokens `(batch, n, dim)` to the cache and to those before it."""
        heads, groups = self.num_heads, self.key_value_heads
        widths = [heads * self.head_dim, groups * self.head_dim, groups * self.head_dim]
        query, key, value = torch.split(self.qkv(x), widths, dim=-1)
        if self.rope_theta is not None:
            cos, sin = (t[:, 0] for t in rotary(positions[0], self.head_dim, self.rope_theta))
            query, key = rotate_heads(query, cos, sin), rotate_heads(key, cos, sin)
        bias = None
        if self.slopes is not None:
            steps = torch.arange(positions[0, -1] + 1, device=x.device)  # type: ignore[call-overload]
            distance = (steps - positions[0][:, None]).to(x.dtype)
            bias = (distance * torch.tensor(self.slopes, device=x.device)[:, None, None])[None]
        mixed, keys, values = grouped_query_attention(
            query, key, value, state[0], state[1], positions, bias, (heads, groups)
        )
        return self.output(mixed), (keys, values)

    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill the two matrices."""
        initialize_linear(self.qkv, generator)
        initialize_linear(self.output, generator, depth)


class FlashAttention(Attention):
    """The same function in one fused operation that never stores the scores (Dao et al. 2022)."""

    name = "flash_attention"

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if self.slopes is None:
            return F.scaled_dot_product_attention(query, key, value, is_causal=True)
        bias = self._bias(query).to(query.dtype)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


class GroupedQueryAttention(FlashAttention):
    """Attention whose query heads share key-value heads (Ainslie et al. 2023), fused.

    Query head `i` uses key-value head `i // (num_heads / key-value heads)`.
    """

    name = "grouped_query_attention"

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return super()._attend(query, self._repeat(key), self._repeat(value))

    def _repeat(self, x: Tensor) -> Tensor:
        return x[:, :, None].expand(-1, -1, self.num_heads // self.key_value_heads, -1, -1).flatten(1, 2)
