"""Each token mixer against itself as its paper writes it: loops over time, a few lines, the same weights."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sugata.nn import MIXERS, LanguageModelConfig, LayerConfig, TokenMixer
from sugata.nn.attention import Attention
from sugata.nn.linear_attention import LinearAttention
from sugata.nn.mamba import Mamba
from sugata.nn.positions import alibi_slopes
from sugata.nn.rwkv import ChannelMixing, TimeMixing


def rotated(x: Tensor, position: int, theta: float = 10_000.0) -> Tensor:
    """`(heads, head_dim)` rotated by complex multiplication of the pairs (i, i + half)."""
    half = x.shape[-1] // 2
    angles = position * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    pairs = torch.complex(x[:, :half].double(), x[:, half:].double()) * torch.polar(
        torch.ones(half).double(), angles
    )
    return torch.cat((pairs.real, pairs.imag), dim=-1).float()


def attention(mixer: Attention, x: Tensor, position: str) -> Tensor:
    """One query, one head, one sequence at a time."""
    heads, groups, width = mixer.num_heads, mixer.key_value_heads, mixer.head_dim
    out = torch.empty_like(x)
    slopes = alibi_slopes(heads)
    for b in range(x.shape[0]):
        qkv = (x[b] @ mixer.qkv.weight.T).view(x.shape[1], heads + 2 * groups, width)
        for t in range(x.shape[1]):
            rows = []
            for h in range(heads):
                g = h * groups // heads
                scores = []
                for s in range(t + 1):
                    query, key = qkv[t, h : h + 1], qkv[s, heads + g : heads + g + 1]
                    if position == "rope":
                        query, key = rotated(query, t), rotated(key, s)
                    score = (query * key).sum() / width**0.5
                    scores.append(score - slopes[h] * (t - s) if position == "alibi" else score)
                weights = torch.stack(scores).softmax(0)
                rows.append(weights @ qkv[: t + 1, heads + groups + g])
            out[b, t] = torch.cat(rows) @ mixer.output.weight.T
    return out


def linear_attention(mixer: LinearAttention, x: Tensor, position: str) -> Tensor:
    """Every pair of tokens by itself."""
    heads, width = mixer.num_heads, mixer.head_dim
    out = torch.empty_like(x)
    slopes = torch.tensor(alibi_slopes(heads))
    for b in range(x.shape[0]):
        query, key, value = (x[b] @ mixer.qkv.weight.T).view(x.shape[1], 3, heads, width).unbind(1)
        query, key = F.elu(query) + 1, F.elu(key) + 1
        for t in range(x.shape[1]):
            above, below = torch.zeros(heads, width), torch.zeros(heads)
            for s in range(t + 1):
                weight = (query[t] * key[s]).sum(-1)
                if position == "alibi":
                    weight = weight * torch.exp(-slopes * (t - s))
                below = below + weight
                if position == "rope":
                    weight = (rotated(query[t], t) * rotated(key[s], s)).sum(-1)
                above = above + weight[:, None] * value[s]
            out[b, t] = (above / below[:, None]).flatten() @ mixer.output.weight.T
    return out


def mamba(mixer: Mamba, x: Tensor, position: str) -> Tensor:
    """The recurrence over time."""
    inner, state, heads = mixer.inner_dim, mixer.state_dim, mixer.num_heads
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        gate, mixed, dt = (x[b] @ mixer.in_proj.weight.T).split([inner, inner + 2 * state, heads], dim=-1)
        hidden = torch.zeros(heads, mixer.head_dim, state)
        for t in range(x.shape[1]):
            taps = [mixed[t - j] * mixer.conv.weight[:, 0, -1 - j] for j in range(mixer.kernel) if t >= j]
            channels, B, C = F.silu(sum(taps) + mixer.conv.bias).split([inner, state, state])
            step = torch.log1p(torch.exp(dt[t] + mixer.dt_bias))[:, None, None]
            channels = channels.view(heads, mixer.head_dim)
            hidden = (
                torch.exp(-step * mixer.A_log.exp()[:, None, None]) * hidden + step * channels[..., None] * B
            )
            y = (hidden * C).sum(-1) + mixer.D[:, None] * channels
            y = y.flatten() * F.silu(gate[t])
            y = y / (y.square().mean() + mixer.norm.eps).sqrt() * mixer.norm.weight
            out[b, t] = mixer.out_proj.weight @ y
    return out


def rwkv(mixer: TimeMixing, x: Tensor, position: str) -> Tensor:
    """Time mixing, as a weighted mean over the past and the present."""
    out = torch.empty_like(x)
    decay, bonus = mixer.time_decay.exp(), mixer.time_first
    for b in range(x.shape[0]):
        previous = torch.cat((torch.zeros_like(x[b, :1]), x[b, :-1]))
        key, value, receptance = (
            (x[b] * mix + previous * (1 - mix)) @ linear.weight.T
            for mix, linear in (
                (mixer.time_mix_key, mixer.key),
                (mixer.time_mix_value, mixer.value),
                (mixer.time_mix_receptance, mixer.receptance),
            )
        )
        for t in range(x.shape[1]):
            weights = [torch.exp(key[s] - (t - 1 - s) * decay) for s in range(t)] + [
                torch.exp(bonus + key[t])
            ]
            mean = sum(w * v for w, v in zip(weights, value, strict=False)) / sum(weights)
            out[b, t] = mixer.output.weight @ (torch.sigmoid(receptance[t]) * mean)
    return out


def channel_mixing(ffn: ChannelMixing, x: Tensor) -> Tensor:
    """RWKV's feed-forward network, token by token."""
    out = torch.empty_like(x)
    for t in range(x.shape[1]):
        previous = x[:, t - 1] if t else torch.zeros_like(x[:, 0])
        key = x[:, t] * ffn.time_mix_key + previous * (1 - ffn.time_mix_key)
        receptance = x[:, t] * ffn.time_mix_receptance + previous * (1 - ffn.time_mix_receptance)
        hidden = (key @ ffn.up.weight.T).clamp(min=0) ** 2
        out[:, t] = torch.sigmoid(receptance @ ffn.receptance.weight.T) * (hidden @ ffn.down.weight.T)
    return out


NAIVE = {
    "transformer": attention,
    "flash_attention": attention,
    "grouped_query_attention": attention,
    "linear_transformer": linear_attention,
    "mamba": mamba,
    "rwkv": rwkv,
}


def make_mixer(name: str, position: str, **fields: int) -> tuple[TokenMixer, LanguageModelConfig]:
    """A mixer with random weights, also where initialization would leave ones or zeros."""
    values: dict[str, int] = {"hidden_dim": 24, "num_heads": 6, "state_dim": 5, "mamba_head_dim": 8} | fields
    config = LanguageModelConfig(
        vocabulary_size=7, layers=(LayerConfig(name, 0),), position=position, **values
    )
    mixer = MIXERS[name](config)
    generator = torch.Generator().manual_seed(3)
    mixer.initialize(generator, layer=1, depth=3)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return mixer, config


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_every_mixer_has_a_naive_counterpart() -> None:
    assert set(NAIVE) == set(MIXERS)


@pytest.mark.parametrize("position", ["absolute", "rope", "alibi"])
@pytest.mark.parametrize("name", MIXERS)
@torch.no_grad()
def test_parallel_form_equals_the_naive_one(name: str, position: str) -> None:
    mixer, _ = make_mixer(name, position)
    x = noise(2, 11, 24)
    torch.testing.assert_close(mixer(x), NAIVE[name](mixer, x, position), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["linear_transformer", "mamba", "rwkv"])
@torch.no_grad()
def test_chunks_hand_over_their_state(name: str) -> None:
    mixer, _ = make_mixer(name, "alibi")
    x = noise(1, 150, 24)
    torch.testing.assert_close(mixer(x), NAIVE[name](mixer, x, "alibi"), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_channel_mixing_equals_the_naive_one() -> None:
    _, config = make_mixer("rwkv", "absolute")
    ffn = ChannelMixing(config, 40)
    ffn.initialize(torch.Generator().manual_seed(0), layer=1, depth=3)
    x = noise(2, 9, 24)
    torch.testing.assert_close(ffn(x), channel_mixing(ffn, x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MIXERS)
@torch.no_grad()
def test_step_changes_nothing_in_place(name: str) -> None:
    mixer, _ = make_mixer(name, "rope")
    state = mixer.initial_state(2)
    assert len(state) == len(mixer.state_names)
    _, state = mixer.step(noise(2, 24), state)
    before = [t.clone() for t in state]
    mixer.step(noise(2, 24, seed=1), state)
    for old, new in zip(before, state, strict=True):
        assert torch.equal(old, new)


@pytest.mark.parametrize("name", ["linear_transformer", "mamba", "rwkv"])
@torch.no_grad()
def test_recurrences_stay_accurate_under_bf16_autocast(name: str) -> None:
    mixer, _ = make_mixer(name, "alibi")
    x = noise(2, 300, 24)
    exact = mixer(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = mixer(x)
    assert (rough.float() - exact).norm() < 0.03 * exact.norm()


@torch.no_grad()
def test_rwkv_survives_extreme_keys() -> None:
    mixer, _ = make_mixer("rwkv", "absolute")
    for factor in (1e3, -1e3):
        mixer.key.weight.mul_(factor)
        assert mixer(noise(2, 70, 24)).isfinite().all()


@pytest.mark.parametrize("dt", [-200.0, 20.0])
def test_mamba_survives_extreme_step_sizes(dt: float) -> None:
    mixer, _ = make_mixer("mamba", "absolute")
    with torch.no_grad():
        mixer.dt_bias.fill_(dt)
    out = mixer(noise(2, 130, 24))
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in mixer.parameters())


@pytest.mark.parametrize("heads", range(1, 17))
def test_grouped_queries_share_the_fewest_heads_that_are_a_quarter(heads: int) -> None:
    layer = LayerConfig("grouped_query_attention", 0)
    config = LanguageModelConfig(vocabulary_size=7, hidden_dim=2 * heads, num_heads=heads, layers=(layer,))
    assert heads % config.key_value_heads == 0
    smaller = [n for n in range(1, config.key_value_heads) if heads % n == 0]
    assert 4 * config.key_value_heads >= heads
    assert all(4 * n < heads for n in smaller)


@pytest.mark.parametrize("name", ["mamba", "rwkv"])
def test_extreme_decays_stay_finite(name: str) -> None:
    config = LanguageModelConfig(16, 32, 2, (LayerConfig(name, 32),))
    mixer = MIXERS[name](config)
    mixer.initialize(torch.Generator().manual_seed(0), 0, 1)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.mul_(100.0)
    x = torch.randn(2, 70, 32, generator=torch.Generator().manual_seed(1))
    assert mixer(x).isfinite().all()
    out, state = mixer.step(x[:, 0], mixer.initial_state(2))
    assert out.isfinite().all()
    assert all(part.isfinite().all() for part in state)
