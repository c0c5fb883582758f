"""The language model: embedding, layers of token mixer and feed-forward network, norm, head."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sugata.nn.attention import Attention, FlashAttention, GroupedQueryAttention
from sugata.nn.config import LanguageModelConfig, LayerConfig
from sugata.nn.feed_forward import FeedForward
from sugata.nn.initialization import initialize_embedding, initialize_head, initialize_linear
from sugata.nn.linear_attention import LinearAttention
from sugata.nn.mamba import Mamba
from sugata.nn.norms import make_norm
from sugata.nn.positions import sinusoidal
from sugata.nn.rwkv import ChannelMixing, TimeMixing
from sugata.nn.token_mixer import State, TokenMixer

#: Every token mixer by the name that a `LayerConfig` gives it.
MIXERS: Mapping[str, type[TokenMixer]] = MappingProxyType(
    {
        "transformer": Attention,
        "flash_attention": FlashAttention,
        "grouped_query_attention": GroupedQueryAttention,
        "linear_transformer": LinearAttention,
        "mamba": Mamba,
        "rwkv": TimeMixing,
    }
)


class Layer(nn.Module):
    """`x + mixer(norm(x))`, then `x + ffn(norm(x))`.

    Args:
        config: The model's configuration.
        layer: This layer's.
    """

    def __init__(self, config: LanguageModelConfig, layer: LayerConfig) -> None:
        super().__init__()
        self.mixer_norm = make_norm(config)
        kind: Callable[..., TokenMixer] = MIXERS[layer.mixer]
        # Only mixers with heads know of heads that are gone.
        self.mixer = kind(config) if layer.heads is None else kind(config, layer)
        self.ffn_norm: nn.Module | None = None
        self.ffn: FeedForward | ChannelMixing | None = None
        if layer.ffn_dim:
            self.ffn_norm = make_norm(config)
            ffn = ChannelMixing if layer.mixer == "rwkv" else FeedForward
            self.ffn = ffn(config, layer.ffn_dim)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the tensors of the state, in order."""
        return self.mixer.state_names + (() if self.ffn is None else self.ffn.state_names)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, length, dim)` to `(batch, length, dim)`."""
        x = x + self.mixer(self.mixer_norm(x))
        if self.ffn is not None and self.ffn_norm is not None:
            x = x + self.ffn(self.ffn_norm(x))
        return x

    def initial_state(self, batch: int) -> State:
        """The mixer's state, then the feed-forward network's."""
        return self.mixer.initial_state(batch) + (() if self.ffn is None else self.ffn.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One token `(batch, dim)`."""
        split = len(self.mixer.state_names)
        mixed, mixer_state = self.mixer.step(self.mixer_norm(x), state[:split])
        x = x + mixed
        if self.ffn is None or self.ffn_norm is None:
            return x, mixer_state
        transformed, ffn_state = self.ffn.step(self.ffn_norm(x), state[split:])
        return x + transformed, mixer_state + ffn_state

    def extend(self, x: Tensor, state: State, positions: Tensor) -> tuple[Tensor, State]:
        """A few tokens `(batch, n, dim)` at `positions` `(batch, n)`."""
        split = len(self.mixer.state_names)
        mixed, mixer_state = self.mixer.extend(self.mixer_norm(x), state[:split], positions)
        x = x + mixed
        if self.ffn is None or self.ffn_norm is None:
            return x, mixer_state
        transformed, ffn_state = self.ffn.extend(self.ffn_norm(x), state[split:], positions)
        return x + transformed, mixer_state + ffn_state

    def initialize(self, generator: torch.Generator, layer: int, depth: int) -> None:
        """Fill every parameter, for layer number `layer` of `depth`."""
        _reset_norm(self.mixer_norm)
        self.mixer.initialize(generator, layer, depth)
        if self.ffn is not None and self.ffn_norm is not None:
            _reset_norm(self.ffn_norm)
            self.ffn.initialize(generator, layer, depth)


class LanguageModel(nn.Module):
    """A causal language model with a token mixer of its own choice in every layer.

    The weights of a new model are those of `initialize` with a generator of seed 0; the global random state
    is neither read nor changed.

    Args:
        config: Shapes and choices.
        device: Where the parameters live; `"meta"` gives them shapes only, for counting.

    Attributes:
        embedding_scale: What token embeddings are multiplied by: sqrt(hidden_dim) if tied or in an encoder,
            else 1.
        checkpoint_activations: Keep only the inputs of layers during training and compute the rest again in
            the backward pass: less memory, more time.
    """

    def __init__(self, config: LanguageModelConfig, device: torch.device | str | None = None) -> None:
        super().__init__()
        self.config = config
        self.checkpoint_activations = False
        # One matrix cannot have both the unit variance of an embedding and the small one of a head, so a tied
        # one is multiplied on its way in (Vaswani et al. 2017, section 3.4).
        # In an encoder it makes the table learn faster, which is most of what a search by words needs.
        scaled = config.tie_embeddings or config.output_dim is not None
        self.embedding_scale = config.hidden_dim**0.5 if scaled else 1.0
        # Built without storage first: filling the matrices once is enough.
        with torch.device("meta"):
            self.embedding = nn.Embedding(config.vocabulary_size, config.hidden_dim)
            self.layers = nn.ModuleList(Layer(config, layer) for layer in config.layers)
            self.norm = make_norm(config)
            outputs = config.output_dim or config.vocabulary_size
            self.head = nn.Linear(config.hidden_dim, outputs, bias=False)
        target = torch.get_default_device() if device is None else torch.device(device)
        if target.type != "meta":
            self.to_empty(device=target)
        if config.tie_embeddings:
            self.head.weight = self.embedding.weight
        if target.type != "meta":
            self.initialize(torch.Generator(device=target).manual_seed(0))

    @property
    def state_names(self) -> tuple[str, ...]:
        """A name for every tensor of the state, in order; usable as input names of an exported graph."""
        names = [f"layers.{i}.{name}" for i, layer in enumerate(self._layers()) for name in layer.state_names]
        return (("position",) if self.config.uses_positions else ()) + tuple(names)

    @property
    def _adds_positions(self) -> bool:
        return self.config.position == "absolute" and self.config.uses_positions

    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `(batch, length, vocabulary)` of tokens `(batch, length)`; at `t`, of token `t + 1`."""
        return self.head(self.features(tokens))  # type: ignore[no-any-return]

    def features(self, tokens: Tensor) -> Tensor:
        """What the head reads: `(batch, length, dim)` after the final norm, for a fused loss."""
        x = self._embed(tokens)
        if self._adds_positions:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
            x = x + sinusoidal(positions, self.config.hidden_dim).to(x.dtype)
        for layer in self.layers:
            if self.checkpoint_activations and self.training:
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        return self.norm(x)  # type: ignore[no-any-return]

    def _embed(self, tokens: Tensor) -> Tensor:
        x: Tensor = self.embedding(tokens)
        return x if self.embedding_scale == 1.0 else x * self.embedding_scale

    def initial_state(self, batch: int) -> State:
        """The state before the first token: a flat tuple of tensors, named by `state_names`, batch on axis 0.

        Caches of keys and values start with length 0 on axis 2 and grow; everything else keeps its shape.
        """
        position = self.embedding.weight.new_zeros(batch, dtype=torch.int64)
        state: State = (position,) if self.config.uses_positions else ()
        for layer in self._layers():
            state += layer.initial_state(batch)
        return state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """One token of every sequence.

        Args:
            tokens: `(batch,)` int64.
            state: From `initial_state` or the previous step; it is not changed.

        Returns:
            Logits `(batch, vocabulary)` and the state after these tokens.
        """
        x = self._embed(tokens)
        after: State = ()
        if self.config.uses_positions:
            position, state = state[0], state[1:]
            after = (position + 1,)
            if self._adds_positions:
                x = x + sinusoidal(position, self.config.hidden_dim).to(x.dtype)
        for layer in self._layers():
            count = len(layer.state_names)
            x, layer_state = layer.step(x, state[:count])
            after, state = after + layer_state, state[count:]
        return self.head(self.norm(x)), after

    def extend(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """A few tokens of every sequence at once: reading a prompt takes fewer, larger products than steps.

        Args:
            tokens: `(batch, n)` int64, best at most `BLOCK` of them.
            state: From `initial_state` or the previous call; it is not changed. Rows are of equal length.

        Returns:
            Logits `(batch, n, vocabulary)` and the state after these tokens.
        """
        x, after = self.extend_features(tokens, state)
        return self.head(x), after

    def extend_features(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """`extend` without the head: `(batch, n, dim)` after the final norm."""
        x = self._embed(tokens)
        positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        after: State = ()
        if self.config.uses_positions:
            # Made once: in an exported graph each layer's own would be nodes of their own.
            positions, state = state[0][:, None] + positions, state[1:]
            after = (positions[:, -1] + 1,)
            if self._adds_positions:
                x = x + sinusoidal(positions[0], self.config.hidden_dim).to(x.dtype)
        for layer in self._layers():
            count = len(layer.state_names)
            x, layer_state = layer.extend(x, state[:count], positions)
            after, state = after + layer_state, state[count:]
        return self.norm(x), after

    def initialize(self, generator: torch.Generator) -> None:
        """Fill every parameter anew (muP, Yang et al. 2022: embedding, hidden matrices, head by fan-in).

        Departures from muP's tables: no multipliers in the forward pass and attention scores divided by
        sqrt(head_dim); a tied head has the embedding's variance, 1 / hidden_dim, and an encoder's projection
        is a hidden matrix.
        """
        initialize_embedding(self.embedding, generator, self.embedding_scale)
        for index, layer in enumerate(self._layers()):
            layer.initialize(generator, index, len(self.layers))
        _reset_norm(self.norm)
        if self.config.output_dim is not None:
            initialize_linear(self.head, generator)
        elif not self.config.tie_embeddings:
            initialize_head(self.head, generator)


@torch.no_grad()
def _reset_norm(norm: nn.Module) -> None:
    for name, parameter in norm.named_parameters():
        parameter.fill_(0.0 if name == "bias" else 1.0)
