"""Linear attention with a constant-size state."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.chunks import cut_time, pad_time
from sugata.nn.config import LanguageModelConfig, LayerConfig
from sugata.nn.initialization import initialize_linear
from sugata.nn.positions import rotary, rotate, slopes_of
from sugata.nn.token_mixer import State, TokenMixer, without_autocast

#: Steps per chunk: within a chunk the work grows with its length, between chunks with their number.
CHUNK = 64
_EPS = 1e-6


class LinearAttention(TokenMixer):
    """Causal linear attention with feature map elu + 1 (Katharopoulos et al. 2020, equations 7, 8 and 12).

    The parallel form is quadratic within chunks of `CHUNK` steps and hands a sum over the past, a matrix per
    head, from chunk to chunk. Sums and states are in float32 under autocast too.

    Positions: `rope` rotates the mapped queries and keys in the numerator alone (Su et al. 2021, equation
    19). `alibi` weights every pair of tokens by exp(-slope * distance), in numerator and denominator: what
    ALiBi's bias does to the exponential kernel of softmax attention, here a decay of the state.

    Args:
        config: Gives width, heads and position encoding.
        layer: Gives the heads that are left; None: all.
    """

    def __init__(self, config: LanguageModelConfig, layer: LayerConfig | None = None) -> None:
        super().__init__()
        layer = layer or LayerConfig("linear_transformer", 0)
        self.num_heads, _ = config.heads_of(layer)
        self.head_dim = config.head_dim
        self.rope_theta = config.rope_theta if config.position == "rope" else None
        self.slopes = slopes_of(config.num_heads, layer.heads) if config.position == "alibi" else None
        self.state_names = ("sum", "normalizer") if self.rope_theta is None else ("sum", "normalizer", "time")
        width = self.num_heads * self.head_dim
        self.qkv = nn.Linear(config.hidden_dim, 3 * width, bias=False)
        self.output = nn.Linear(width, config.hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        length = x.shape[1]
        qkv = self.qkv(pad_time(x, CHUNK))
        with without_autocast(x):
            mixed = self._mix(qkv.float())
        return self.output(cut_time(mixed, length))  # type: ignore[no-any-return]

    def _mix(self, qkv: Tensor) -> Tensor:
        """Queries, keys and values `(batch, length, 3 n)` to `(batch, length, n)`; whole chunks."""
        batch, length, _ = qkv.shape
        split = qkv.view(batch, length, 3, self.num_heads, self.head_dim)
        query_key, value = split[:, :, :2], split[:, :, 2]
        query_key = F.elu(query_key) + 1
        query, key = query_key.unbind(2)
        if self.rope_theta is None:
            ones = torch.ones_like(value[..., :1])
            sums = self._causal_sum(query, key, torch.cat((value, ones), dim=-1))
            numerator, denominator = torch.split(sums, [self.head_dim, 1], dim=-1)
        else:
            denominator = (query * key.cumsum(1)).sum(-1, keepdim=True)
            angles = rotary(torch.arange(length, device=qkv.device), self.head_dim, self.rope_theta)
            numerator = self._causal_sum(rotate(query, *angles), rotate(key, *angles), value)
        return (numerator / (denominator + _EPS)).reshape(batch, length, -1)

    def _causal_sum(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Sum over the past and present of `(query . key) value`, all `(batch, length, heads, width)`."""
        batch, length, heads, _ = query.shape
        query, key, value = (
            t.view(batch, -1, CHUNK, heads, t.shape[-1]).permute(0, 3, 1, 2, 4) for t in (query, key, value)
        )
        count = query.shape[2]
        within, before, after, between = self._decays(count, query)
        inside = (query @ key.transpose(-1, -2) * within) @ value
        ends = (key * after).transpose(-1, -2) @ value
        starts = (between @ ends.flatten(3)).view(ends.shape)
        sums = inside + (query * before) @ starts
        return sums.permute(0, 2, 3, 1, 4).reshape(batch, length, heads, -1)

    def _decays(self, count: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weights by distance: within a chunk, from its start, to its end, and from chunk to chunk."""
        slopes = torch.zeros(1) if self.slopes is None else torch.tensor(self.slopes)
        slopes = slopes.to(like.device)[:, None, None]
        steps = torch.arange(CHUNK, device=like.device)
        chunks = torch.arange(count, device=like.device)
        within = _causal_decay(slopes, steps[:, None] - steps)
        between = _causal_decay(slopes * CHUNK, chunks[:, None] - chunks - 1)
        before = torch.exp(-slopes * (steps[:, None] + 1))
        after = torch.exp(-slopes * (CHUNK - 1 - steps[:, None]))
        return within[:, None], before[:, None], after[:, None], between

    def initial_state(self, batch: int) -> State:
        """Zero sums `(batch, heads, head_dim, head_dim)`, their normalizers, and for rope the position."""
        shape = (batch, self.num_heads, self.head_dim)
        zeros = self.qkv.weight.new_zeros
        state = (zeros(*shape, self.head_dim, dtype=torch.float32), zeros(shape, dtype=torch.float32))
        return state if self.rope_theta is None else (*state, zeros(batch, dtype=torch.int64))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        total, normalizer = state[:2]
        qkv = self.qkv(x)
        query, key, value = qkv.float().view(qkv.shape[0], 3, self.num_heads, self.head_dim).unbind(1)
        query, key = F.elu(query) + 1, F.elu(key) + 1
        if self.slopes is not None:
            decay = torch.exp(-torch.tensor(self.slopes, device=x.device))[:, None]
            total, normalizer = total * decay[..., None], normalizer * decay
        normalizer = normalizer + key
        denominator = (query * normalizer).sum(-1, keepdim=True)
        after: State = ()
        if self.rope_theta is not None:
            angles = rotary(state[2], self.head_dim, self.rope_theta)
            query, key = rotate(query, *angles), rotate(key, *angles)
            after = (state[2] + 1,)
        total = total + key[..., :, None] * value[..., None, :]
        mixed = (query[..., None, :] @ total)[..., 0, :] / (denominator + _EPS)
        return self.output(mixed.flatten(1)), (total, normalizer, *after)

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """Tokens `(batch, n, dim)`: quadratic among themselves, and by the state to all before."""
        total, normalizer = state[:2]
        batch, length, _ = x.shape
        split = self.qkv(x).float().view(batch, length, 3, self.num_heads, self.head_dim)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # (batch, heads, n, head_dim)
        query, key = F.elu(query) + 1, F.elu(key) + 1
        steps = torch.arange(length, device=x.device)
        ahead = steps[:, None] - steps
        slopes = torch.tensor(self.slopes or [0.0], device=x.device)[:, None, None]
        within = _causal_decay(slopes, ahead)
        before = torch.exp(-slopes * (steps[:, None] + 1))
        after = torch.exp(-slopes * (length - 1 - steps[:, None]))
        whole = before[:, -1:]
        scores = query @ key.transpose(-1, -2) * within
        denominator = scores.sum(-1, keepdim=True) + (query * before) @ normalizer[..., None]
        state_after: State = ()
        normalizer = normalizer * whole[..., 0] + (key * after).sum(2)
        if self.rope_theta is not None:
            angles = rotary(state[2][:1] + steps, self.head_dim, self.rope_theta)
            cos, sin = (t.transpose(0, 1) for t in angles)  # (1, n, head_dim / 2)
            query, key = rotate(query, cos, sin), rotate(key, cos, sin)
            scores = query @ key.transpose(-1, -2) * within
            state_after = (state[2] + length,)
        mixed = (scores @ value + (query * before) @ total) / (denominator + _EPS)
        total = total * whole + (key * after).transpose(-1, -2) @ value
        return self.output(mixed.transpose(1, 2).flatten(2)), (total, normalizer, *state_after)

    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill the two matrices."""
        initialize_linear(self.qkv, generator)
        initialize_linear(self.output, generator, depth)


def _causal_decay(slopes: Tensor, distance: Tensor) -> Tensor:
    """exp(-slope * distance), 0 for what lies ahead (negative distances)."""
    return torch.exp(-slopes * distance).masked_fill(distance < 0, 0.0)
