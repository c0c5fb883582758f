"""Mamba-2: a selective state-space mixer in its matrix form."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.chunks import cut_time, pad_time
from sugata.nn.config import LanguageModelConfig
from sugata.nn.initialization import initialize_linear
from sugata.nn.token_mixer import State, TokenMixer, without_autocast

#: Steps per chunk: within a chunk the work grows with its length, between chunks with their number.
CHUNK = 64
_SMALLEST_STEP = 1e-30
_FORGOTTEN = 60.0
_LARGEST_LOG = 20.0  # a decay this fast forgets at once; beyond, it would overflow


class GatedRMSNorm(nn.Module):
    """Root-mean-square normalization of `x * silu(gate)` (Dao & Gu 2024, section 7.1).

    Args:
        dim: Channels.
        eps: Added to the mean square.
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def scale(self, x: Tensor) -> Tensor:
        """The factor that normalizes each token of `(..., dim)`: `(..., 1)`."""
        return torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """Both `(..., dim)`."""
        x = x * F.silu(gate)
        return x * self.scale(x) * self.weight


class Mamba(TokenMixer):
    """Mamba-2 (Dao & Gu 2024): state-space duality, `h' = exp(dt A) h + dt B x`, `y = C h + D x` per head.

    The parallel form is the block decomposition of section 6: quadratic within chunks of `CHUNK` steps,
    states from chunk to chunk by one small matrix. One group: B and C are shared by all heads. Decays and
    states are in float32 under autocast too.

    Rows of `in_proj`: gate, x, B, C, dt; `conv` runs over x, B, C.

    Args:
        config: Gives width, `expand`, `mamba_head_dim`, `state_dim`, `conv_kernel`, `norm_eps`.
    """

    state_names = ("window", "state")
    rate_factor = 4.0

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.inner_dim = config.expand * config.hidden_dim
        self.head_dim = math.gcd(self.inner_dim, config.mamba_head_dim)
        self.num_heads = self.inner_dim // self.head_dim
        self.state_dim = config.state_dim
        self.kernel = config.conv_kernel
        self.conv_dim = self.inner_dim + 2 * self.state_dim
        rows = self.inner_dim + self.conv_dim + self.num_heads
        self.in_proj = nn.Linear(config.hidden_dim, rows, bias=False)
        self.conv = nn.Conv1d(self.conv_dim, self.conv_dim, self.kernel, groups=self.conv_dim)
        self.dt_bias = nn.Parameter(torch.empty(self.num_heads))
        self.A_log = nn.Parameter(torch.empty(self.num_heads))
        self.D = nn.Parameter(torch.empty(self.num_heads))
        self.norm = GatedRMSNorm(self.inner_dim, config.norm_eps)
        self.out_proj = nn.Linear(self.inner_dim, config.hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        length = x.shape[1]
        projected = self.in_proj(pad_time(x, CHUNK))
        with without_autocast(x):
            gate, mixed, dt = self._split(projected.float())
            mixed = F.silu(self._convolve(mixed))
            y = self._scan(mixed, F.softplus(dt + self.dt_bias)) * F.silu(gate)
            scale = self.norm.scale(y)
            y = y * self.norm.weight
        # The scale of a token commutes with the projection, whose output is narrower.
        return cut_time(self.out_proj(y) * scale, length)

    @property
    def _conv_bias(self) -> Tensor:
        assert self.conv.bias is not None  # it was made with one
        return self.conv.bias

    def _split(self, projected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gate, what the convolution runs over, and step sizes before their bias."""
        gate, mixed, dt = torch.split(projected, [self.inner_dim, self.conv_dim, self.num_heads], dim=-1)
        return gate, mixed, dt

    def _convolve(self, x: Tensor) -> Tensor:
        """Causal depthwise convolution of `(batch, length, conv_dim)`.

        In two dimensions, the first of size 1, because those have kernels for channels in the last place.
        """
        padded = F.pad(x, (0, 0, self.kernel - 1, 0))[:, None].permute(0, 3, 1, 2)
        out = F.conv2d(padded, self.conv.weight[:, :, None], self._conv_bias, groups=self.conv_dim)
        return out.permute(0, 2, 3, 1)[:, 0]

    def _scan(self, mixed: Tensor, dt: Tensor) -> Tensor:
        """The state-space layer in chunks.

        Decays and step sizes are folded into B, C and the matrix within chunks, so that x is never scaled.

        Args:
            mixed: x, B and C, `(batch, length, conv_dim)`.
            dt: Step sizes `(batch, length, heads)`.

        Returns:
            `(batch, length, inner_dim)`.
        """
        batch, length, _ = mixed.shape
        x, B, C = torch.split(mixed, [self.inner_dim, self.state_dim, self.state_dim], dim=-1)
        # Heads before chunks: (batch, heads, chunks, CHUNK, width).
        x = x.reshape(batch, -1, CHUNK, self.num_heads, self.head_dim).permute(0, 3, 1, 2, 4).contiguous()
        B = B.reshape(batch, 1, -1, CHUNK, self.state_dim)
        C = C.reshape(batch, 1, -1, CHUNK, self.state_dim)
        dt = dt.view(batch, -1, CHUNK, self.num_heads).permute(0, 3, 1, 2)
        decay = (dt * -self.A_log.clamp(max=_LARGEST_LOG).exp()[:, None, None]).cumsum(-1)  # logarithms
        write = decay - dt.clamp(min=_SMALLEST_STEP).log()

        ends = (B * (decay[..., -1:] - write).exp()[..., None]).transpose(-1, -2) @ x
        starts = self._carry(ends, decay[..., -1])
        pairs = (C @ B.transpose(-1, -2)) * _decay_matrix(decay, write)
        y = torch.baddbmm(
            (x * self.D[:, None, None, None]).flatten(0, 2),
            (C * decay.exp()[..., None]).flatten(0, 2),
            starts.flatten(0, 2),
        )
        y = torch.baddbmm(y, pairs.flatten(0, 2), x.flatten(0, 2))
        return y.view(x.shape).permute(0, 2, 3, 1, 4).reshape(batch, length, self.inner_dim)

    def _carry(self, ends: Tensor, decay: Tensor) -> Tensor:
        """What chunks add to the state, as of their ends, to the state each starts with.

        Args:
            ends: `(batch, heads, chunks, state_dim, head_dim)`.
            decay: Logarithm of each chunk's whole decay, `(batch, heads, chunks)`.
        """
        # A chunk that forgets this much forgets all; larger sums would only cost digits in their differences.
        decay = decay.clamp(min=-_FORGOTTEN)
        total = decay.cumsum(-1)
        # From the end of chunk j to the start of chunk i > j: the decays of chunks j + 1 to i - 1.
        weights = _decay_matrix(total - decay, total, diagonal=-1)
        return (weights @ ends.flatten(3)).view(ends.shape)

    def initial_state(self, batch: int) -> State:
        """Zeros: the convolution's last inputs and the states `(batch, heads, head_dim, state_dim)`."""
        zeros = self.in_proj.weight.new_zeros
        window = zeros(batch, self.kernel - 1, self.conv_dim, dtype=torch.float32)
        return window, zeros(batch, self.num_heads, self.head_dim, self.state_dim, dtype=torch.float32)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        window, hidden = state
        projected = self.in_proj(x).float()
        gate, mixed, dt = self._split(projected)
        window = torch.cat((window, mixed[:, None]), dim=1)
        mixed = F.silu((window * self.conv.weight[:, 0].t()).sum(1) + self._conv_bias)
        channels, B, C = torch.split(mixed, [self.inner_dim, self.state_dim, self.state_dim], dim=-1)
        dt = F.softplus(dt + self.dt_bias)[..., None]
        channels = channels.view(-1, self.num_heads, self.head_dim)
        decay = torch.exp(dt * -self.A_log.clamp(max=_LARGEST_LOG).exp()[:, None])[..., None]
        hidden = hidden * decay + (channels * dt)[..., None] * B[:, None, None]
        y = (hidden @ C[:, None, :, None])[..., 0] + channels * self.D[:, None]
        return self.out_proj(self.norm(y.flatten(1), gate)), (window[:, 1:], hidden)

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """Tokens `(batch, n, dim)`: quadratic among themselves, and by the state to all before."""
        window, hidden = state
        length = x.shape[1]
        gate, mixed, dt = self._split(self.in_proj(x).float())
        window = torch.cat((window, mixed), dim=1)
        taps = self.conv.weight[:, 0].t()
        convolved = self._conv_bias
        for tap in range(self.kernel):
            convolved = convolved + window[:, tap : tap + length] * taps[tap]
        channels, B, C = torch.split(
            F.silu(convolved), [self.inner_dim, self.state_dim, self.state_dim], dim=-1
        )
        channels = channels.view(-1, length, self.num_heads, self.head_dim).transpose(1, 2)
        B, C = B[:, None], C[:, None]
        dt = F.softplus(dt + self.dt_bias).transpose(1, 2)  # (batch, heads, n)
        decay = (dt * -self.A_log.clamp(max=_LARGEST_LOG).exp()[:, None]).cumsum(-1)  # logarithms
        write = decay - dt.clamp(min=_SMALLEST_STEP).log()
        pairs = (C @ B.transpose(-1, -2)) * _decay_matrix(decay, write)
        past = (C @ hidden.transpose(-1, -2)) * decay.exp()[..., None]
        y = pairs @ channels + past + channels * self.D[:, None, None]
        written = channels * (decay[..., -1:] - write).exp()[..., None]
        hidden = hidden * decay[..., -1:].exp()[..., None] + written.transpose(-1, -2) @ B
        return self.out_proj(self.norm(y.transpose(1, 2).flatten(2), gate)), (window[:, length:], hidden)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter; as published, A is uniform in [1, 16], dt log-uniform in [0.001, 0.1]."""
        initialize_linear(self.in_proj, generator)
        initialize_linear(self.out_proj, generator, depth)
        bound = self.kernel**-0.5
        self.conv.weight.uniform_(-bound, bound, generator=generator)
        self._conv_bias.uniform_(-bound, bound, generator=generator)
        self.A_log.uniform_(1.0, 16.0, generator=generator).log_()
        dt = self.dt_bias.uniform_(math.log(1e-3), math.log(1e-1), generator=generator).exp_()
        dt.copy_(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus
        self.D.fill_(1.0)
        self.norm.weight.fill_(1.0)


def _decay_matrix(reached: Tensor, passed: Tensor, diagonal: int = 0) -> Tensor:
    """exp(reached[i] - passed[j]) for j <= i + diagonal, else 0; `(..., size)` to `(..., size, size)`.

    Masked before the exponential: above the diagonal the difference is positive and may overflow. The sum of
    mask and difference is one matrix product, which spares passes over the largest tensor, also backwards.
    """
    steps = torch.arange(reached.shape[-1], device=reached.device)
    allowed = steps[:, None] + diagonal >= steps
    mask = torch.where(allowed, 0.0, float("-inf"))
    ones = torch.ones_like(reached)
    left = torch.stack((reached, ones), dim=-1).flatten(0, -3)
    right = torch.stack((ones, -passed), dim=-2).flatten(0, -3)
    return torch.baddbmm(mask, left, right).exp_().view(*reached.shape, -1)
