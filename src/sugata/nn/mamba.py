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

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """Both `(..., dim)`."""
        x = x * F.silu(gate)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Mamba(TokenMixer):
    """Mamba-2 (Dao & Gu 2024): state-space duality, `h' = exp(dt A) h + dt B x`, `y = C h + D x` per head.

    The parallel form is the block decomposition of section 6: quadratic within chunks of `CHUNK` steps, states
    from chunk to chunk by one small matrix. One group: B and C are shared by all heads, which makes the work on
    the states two matrix products over all heads at once. Decays and states are in float32 under autocast too.

    Rows of `in_proj`: gate, x, B, C, dt; `conv` runs over x, B, C.

    Args:
        config: Gives width, `expand`, `mamba_head_dim`, `state_dim`, `conv_kernel`, `norm_eps`.
    """

    state_names = ("window", "state")

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
            gate, mixed, dt = projected.float().split((self.inner_dim, self.conv_dim, self.num_heads), dim=-1)
            mixed = F.silu(self._convolve(mixed))
            y = self.norm(self._scan(mixed, F.softplus(dt + self.dt_bias)), gate)
        return self.out_proj(cut_time(y, length))  # type: ignore[no-any-return]

    def _convolve(self, x: Tensor) -> Tensor:
        """Causal depthwise convolution of `(batch, length, conv_dim)`."""
        padded = F.pad(x.transpose(1, 2), (self.kernel - 1, 0))
        return self.conv(padded).transpose(1, 2)  # type: ignore[no-any-return]

    def _scan(self, mixed: Tensor, dt: Tensor) -> Tensor:
        """The state-space layer in chunks.

        Args:
            mixed: x, B and C, `(batch, length, conv_dim)`.
            dt: Step sizes `(batch, length, heads)`.

        Returns:
            `(batch, length, inner_dim)`.
        """
        batch, length, _ = mixed.shape
        chunked = mixed.view(batch, -1, CHUNK, self.conv_dim)
        x, B, C = chunked.split((self.inner_dim, self.state_dim, self.state_dim), dim=-1)
        x = x.view(batch, -1, CHUNK, self.num_heads, self.head_dim)
        dt = dt.view(batch, -1, CHUNK, self.num_heads)
        decay = (dt * -self.A_log.exp()).transpose(2, 3).cumsum(-1)  # (batch, chunks, heads, CHUNK), log
        scaled = x * dt[..., None]

        pairs = (C @ B.transpose(-1, -2))[:, :, None] * _decay_matrix(decay, CHUNK)
        inside = pairs @ scaled.transpose(2, 3)  # (batch, chunks, heads, CHUNK, head_dim)

        to_end = (decay[..., -1:] - decay).exp().transpose(2, 3)[..., None]
        ends = B.transpose(-1, -2) @ (scaled * to_end).flatten(3)  # (batch, chunks, state_dim, inner_dim)
        starts = self._carry(ends, decay[..., -1])
        from_start = decay.exp().transpose(2, 3)[..., None]
        carried = (C @ starts).view(x.shape) * from_start

        y = inside.transpose(2, 3) + carried + x * self.D[:, None]
        return y.reshape(batch, length, self.inner_dim)

    def _carry(self, ends: Tensor, decay: Tensor) -> Tensor:
        """What chunks add to the state, `(batch, chunks, state_dim, inner_dim)`, to the state each starts with.

        Args:
            ends: Contribution of each chunk, as of its end.
            decay: Logarithm of each chunk's whole decay, `(batch, chunks, heads)`.
        """
        batch, count = ends.shape[:2]
        total = decay.transpose(1, 2).cumsum(-1)  # (batch, heads, chunks)
        # From the end of chunk j to the start of chunk i > j: the decays of chunks j+1 … i-1.
        weights = _decay_matrix(total - decay.transpose(1, 2), count, total, diagonal=-1)
        per_head = ends.view(batch, count, self.state_dim, self.num_heads, self.head_dim).permute(
            0, 3, 1, 2, 4
        )
        carried = weights @ per_head.flatten(3)
        carried = carried.view(batch, self.num_heads, count, self.state_dim, self.head_dim)
        return carried.permute(0, 2, 3, 1, 4).flatten(3)

    def initial_state(self, batch: int) -> State:
        """Zeros: the convolution's last inputs and the states `(batch, heads, head_dim, state_dim)`."""
        zeros = self.in_proj.weight.new_zeros
        window = zeros(batch, self.kernel - 1, self.conv_dim, dtype=torch.float32)
        return window, zeros(batch, self.num_heads, self.head_dim, self.state_dim, dtype=torch.float32)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        window, hidden = state
        projected = self.in_proj(x).float()
        gate, mixed, dt = projected.split((self.inner_dim, self.conv_dim, self.num_heads), dim=-1)
        window = torch.cat((window, mixed[:, None]), dim=1)
        mixed = F.silu((window * self.conv.weight[:, 0].t()).sum(1) + self.conv.bias)
        channels, B, C = mixed.split((self.inner_dim, self.state_dim, self.state_dim), dim=-1)
        dt = F.softplus(dt + self.dt_bias)[..., None]
        channels = channels.view(-1, self.num_heads, self.head_dim)
        decay = torch.exp(dt * -self.A_log.exp()[:, None])[..., None]
        hidden = hidden * decay + (channels * dt)[..., None] * B[:, None, None]
        y = (hidden @ C[:, None, :, None])[..., 0] + channels * self.D[:, None]
        return self.out_proj(self.norm(y.flatten(1), gate)), (window[:, 1:], hidden)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter; A, dt and D as published: A uniform in [1, 16], dt log-uniform in [0.001, 0.1]."""
        initialize_linear(self.in_proj, generator)
        initialize_linear(self.out_proj, generator, depth)
        bound = self.kernel**-0.5
        self.conv.weight.uniform_(-bound, bound, generator=generator)
        if self.conv.bias is not None:
            self.conv.bias.uniform_(-bound, bound, generator=generator)
        self.A_log.uniform_(1.0, 16.0, generator=generator).log_()
        dt = self.dt_bias.uniform_(math.log(1e-3), math.log(1e-1), generator=generator).exp_()
        dt.copy_(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus
        self.D.fill_(1.0)
        self.norm.weight.fill_(1.0)


def _decay_matrix(reached: Tensor, size: int, passed: Tensor | None = None, diagonal: int = 0) -> Tensor:
    """exp(reached[i] - passed[j]) for j <= i + diagonal, else 0; `(..., size)` to `(..., size, size)`.

    Masked before the exponential: above the diagonal the difference is positive and may overflow.
    """
    passed = reached if passed is None else passed
    ahead = torch.ones(size, size, dtype=torch.bool, device=reached.device).triu(diagonal + 1)
    return (reached[..., :, None] - passed[..., None, :]).masked_fill(ahead, float("-inf")).exp()
