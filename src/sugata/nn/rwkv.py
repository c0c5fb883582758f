"""RWKV-4: time mixing with a decay per channel, and its channel mixing."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.chunks import cut_time, pad_time
from sugata.nn.config import LanguageModelConfig
from sugata.nn.initialization import initialize_linear
from sugata.nn.token_mixer import State, TokenMixer, without_autocast

#: Steps per chunk: within a chunk the work grows with its length, between chunks with their number.
CHUNK = 32
#: Keys are exponentiated without a running maximum, so they are kept where sums of exponentials stay finite.
KEY_LIMIT = 60.0
DECAY_LIMIT = 20.0  # a decay this fast forgets at once; beyond, it would overflow


class TimeMixing(TokenMixer):
    """Time mixing of RWKV-4 (Peng et al. 2023, equations 11 to 16).

    `wkv_t` is a mean of past values with weights exp(k_i - (t - 1 - i) w) and exp(u + k_t) for the present.
    The parallel form multiplies by each channel's Toeplitz matrix of decays within chunks of `CHUNK` steps
    and carries sums from chunk to chunk.

    Departures: k and u + k are clamped to +-`KEY_LIMIT` instead of being shifted by a running maximum; wkv is
    in float32 under autocast too.

    Args:
        config: Gives the width.
    """

    state_names = ("previous", "numerator", "denominator")
    rate_factor = 4.0

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.time_decay = nn.Parameter(torch.empty(dim))
        self.time_first = nn.Parameter(torch.empty(dim))
        self.time_mix_key = nn.Parameter(torch.empty(dim))
        self.time_mix_value = nn.Parameter(torch.empty(dim))
        self.time_mix_receptance = nn.Parameter(torch.empty(dim))
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.receptance = nn.Linear(dim, dim, bias=False)
        self.output = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        length = x.shape[1]
        x = pad_time(x, CHUNK)
        receptance, key, value = self._project(x, shift(x))
        with without_autocast(x):
            mixed = self._wkv(key.float(), value.float())
        out: Tensor = self.output(cut_time(receptance * mixed, length))
        return out

    def _project(self, x: Tensor, previous: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        difference = x - previous
        key = self.key(torch.addcmul(previous, difference, self.time_mix_key))
        value = self.value(torch.addcmul(previous, difference, self.time_mix_value))
        receptance = self.receptance(torch.addcmul(previous, difference, self.time_mix_receptance))
        return torch.sigmoid(receptance), key, value

    def _wkv(self, key: Tensor, value: Tensor) -> Tensor:
        """Keys and values `(batch, length, dim)` to their weighted means; whole chunks."""
        batch, _, dim = key.shape
        weight = key.clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        terms = torch.stack((weight * value, weight))  # (2, batch, length, dim)
        # Channels first: each has its own matrix of decays over the steps of a chunk.
        terms_by_channel = terms.view(-1, CHUNK, dim).permute(2, 1, 0)  # (dim, CHUNK, 2 batch chunks)
        rate = self.time_decay.clamp(max=DECAY_LIMIT).exp()
        sums = _toeplitz(rate, CHUNK + 1)[:, :, :CHUNK] @ terms_by_channel
        inside, ends = torch.split(sums, [CHUNK, 1], dim=1)
        starts = self._carry(ends.view(dim, 2 * batch, -1), rate)
        steps = torch.arange(CHUNK, device=key.device)
        past = inside + torch.exp(-rate[:, None] * steps)[..., None] * starts.reshape(dim, 1, -1)
        past = past.permute(2, 1, 0).reshape(terms.shape)
        present = (key + self.time_first).clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        mean: Tensor = (past[0] + present * value) / (past[1] + present)
        return mean

    def _carry(self, ends: Tensor, rate: Tensor) -> Tensor:
        """Sums at the ends of chunks to sums at their starts, `(dim, 2 batch, chunks)`."""
        return ends @ _toeplitz(rate * CHUNK, ends.shape[2]).transpose(1, 2)

    def initial_state(self, batch: int) -> State:
        """Zeros: the previous token and the two sums, each `(batch, dim)`."""
        zeros = self.key.weight.new_zeros(batch, self.key.in_features, dtype=torch.float32)
        return zeros, zeros.clone(), zeros.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        previous, numerator, denominator = state
        receptance, key, value = self._project(x, previous)
        key, value = key.float(), value.float()
        present = (key + self.time_first).clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        mixed = (numerator + present * value) / (denominator + present)
        weight = key.clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        decay = torch.exp(-self.time_decay.clamp(max=DECAY_LIMIT).exp())
        after = (x.float(), numerator * decay + weight * value, denominator * decay + weight)
        return self.output(receptance * mixed), after

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """Tokens `(batch, n, dim)`: quadratic among themselves, and by the state to all before."""
        length = x.shape[1]
        receptance, key, value = self._project(x, _shift_in(state[0], x))
        key, value = key.float(), value.float()
        weight = key.clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        terms = torch.stack((weight * value, weight))  # (2, batch, n, dim)
        rate = self.time_decay.clamp(max=DECAY_LIMIT).exp()
        steps = torch.arange(length + 1, device=x.device)
        distance = (steps[:, None] - steps[:length] - 1)[..., None]
        decays = torch.exp(-rate * distance.clamp(min=0)).masked_fill(distance < 0, 0.0)  # (n + 1, n, dim)
        carried = torch.exp(-rate * steps[:, None]) * torch.stack(state[1:])[:, :, None]
        sums = (decays * terms[:, :, None]).sum(3) + carried  # before each token, and after the last
        present = (key + self.time_first).clamp(-KEY_LIMIT, KEY_LIMIT).exp()
        mixed = (sums[0, :, :length] + present * value) / (sums[1, :, :length] + present)
        after = (x[:, -1].float(), sums[0, :, length], sums[1, :, length])
        return self.output(receptance * mixed), after

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter; decays, bonus and token-shift mixes as in the paper's appendix E."""
        for linear in (self.key, self.value, self.receptance):
            initialize_linear(linear, generator)
        initialize_linear(self.output, generator, depth)
        dim = self.time_decay.shape[0]
        rising, falling = layer / max(depth - 1, 1), 1.0 - layer / depth
        channels = torch.arange(dim, device=self.time_decay.device)
        self.time_decay.copy_(-5.0 + 8.0 * (channels / max(dim - 1, 1)) ** (0.7 + 1.3 * rising))
        self.time_first.copy_(math.log(0.3) + 0.5 * ((channels + 1) % 3 - 1))
        mix = (channels / dim) ** falling
        self.time_mix_key.copy_(mix)
        self.time_mix_value.copy_(mix + 0.3 * rising)
        self.time_mix_receptance.copy_((channels / dim) ** (0.5 * falling))


class ChannelMixing(nn.Module):
    """Channel mixing of RWKV-4 (Peng et al. 2023, equations 17 to 19): token shift, squared ReLU, gate.

    Args:
        config: Gives the width.
        ffn_dim: Hidden width.
    """

    state_names: tuple[str, ...] = ("ffn_previous",)
    rate_factor = 4.0

    def __init__(self, config: LanguageModelConfig, ffn_dim: int) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.time_mix_key = nn.Parameter(torch.empty(dim))
        self.time_mix_receptance = nn.Parameter(torch.empty(dim))
        self.up = nn.Linear(dim, ffn_dim, bias=False)
        self.receptance = nn.Linear(dim, dim, bias=False)
        self.down = nn.Linear(ffn_dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        return self._mix(x, shift(x))

    def _mix(self, x: Tensor, previous: Tensor) -> Tensor:
        difference = x - previous
        hidden = F.relu(self.up(torch.addcmul(previous, difference, self.time_mix_key))).square()
        gate = torch.sigmoid(self.receptance(torch.addcmul(previous, difference, self.time_mix_receptance)))
        out: Tensor = gate * self.down(hidden)
        return out

    def initial_state(self, batch: int) -> State:
        """Zeros for the token before the first, `(batch, dim)`."""
        return (self.up.weight.new_zeros(batch, self.up.in_features, dtype=torch.float32),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        return self._mix(x, state[0]), (x.float(),)

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """Tokens `(batch, n, dim)` after the one in the state."""
        return self._mix(x, _shift_in(state[0], x)), (x[:, -1].float(),)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter; token-shift mixes as in the paper's appendix E."""
        initialize_linear(self.up, generator)
        initialize_linear(self.receptance, generator)
        initialize_linear(self.down, generator, depth)
        dim = self.time_mix_key.shape[0]
        mix = (torch.arange(dim, device=self.time_mix_key.device) / dim) ** (1.0 - layer / depth)
        self.time_mix_key.copy_(mix)
        self.time_mix_receptance.copy_(mix)


def shift(x: Tensor) -> Tensor:
    """Every token replaced by the one before it, the first by zeros; `(batch, length, dim)`."""
    return F.pad(x, (0, 0, 1, -1))


def _shift_in(previous: Tensor, x: Tensor) -> Tensor:
    """Every token replaced by the one before it, the first by `previous` `(batch, dim)`."""
    return torch.cat((previous[:, None].to(x.dtype), x[:, :-1]), dim=1)


def _toeplitz(rate: Tensor, size: int) -> Tensor:
    """Weights exp(-(t - 1 - i) rate) of step i in step t > i, else 0; `(dim,)` to `(dim, size, size)`."""
    steps = torch.arange(size, device=rate.device)
    distance = steps[:, None] - steps - 1
    return torch.exp(-rate[:, None, None] * distance.clamp(min=0)).masked_fill(distance < 0, 0.0)
