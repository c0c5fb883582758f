"""What a language model is made of, as frozen values that go through JSON unchanged."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sugata.errors import InvalidArchitecture

MIXER_NAMES = (
    "transformer",
    "flash_attention",
    "grouped_query_attention",
    "linear_transformer",
    "mamba",
    "rwkv",
)
NORMALIZATIONS = ("layernorm", "rmsnorm", "groupnorm")
ACTIVATIONS = ("gelu", "silu", "geglu", "swiglu")
POSITIONS = ("absolute", "rope", "alibi")

#: Mixers that see no order without a position encoding; the others are ordered by their recurrence.
POSITIONAL_MIXERS = frozenset(
    {"transformer", "flash_attention", "grouped_query_attention", "linear_transformer"}
)


@dataclass(frozen=True)
class LayerConfig:
    """One layer: a token mixer and a feed-forward network.

    Attributes:
        mixer: Name of the token mixer, one of `MIXER_NAMES`.
        ffn_dim: Hidden width of the feed-forward network; 0 leaves it out.
        heads: The query heads that pruning left, ascending numbers of the model's; None: all of them. Each
            key-value head that is left serves equally many.
    """

    mixer: str
    ffn_dim: int
    heads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _require_one_of("mixer", self.mixer, MIXER_NAMES)
        if self.heads is not None and self.mixer not in POSITIONAL_MIXERS:
            raise InvalidArchitecture(f"heads: {self.mixer} has no attention heads; leave the field out")
        if self.ffn_dim < 0:
            raise InvalidArchitecture(
                f"ffn_dim is {self.ffn_dim}; give a width, or 0 for no feed-forward network"
            )


@dataclass(frozen=True)
class LanguageModelConfig:
    """Everything that decides the shapes and the function of a `LanguageModel`.

    Attributes:
        vocabulary_size: Number of tokens.
        hidden_dim: Width of the residual stream.
        num_heads: Query heads of attention and linear attention before any pruning; inert in Mamba and RWKV
            layers.
        layers: The layers, first to last.
        normalization: layernorm, rmsnorm or groupnorm; statistics are of one token in all three.
        activation: gelu, silu, geglu or swiglu; inert in RWKV layers, which bring their own.
        position: absolute (sinusoidal, added to the embedding), rope or alibi; inert in Mamba and RWKV.
        tie_embeddings: The head shares its weight with the embedding.
        num_key_value_heads: Key-value heads of grouped-query attention; None takes the smallest divisor of
            `num_heads` that is at least a quarter of it.
        norm_eps: Added to variances.
        norm_groups: Most groups of groupnorm; the next lower number that fits `hidden_dim` is used.
        rope_theta: Base of the rotary wavelengths.
        state_dim: Mamba: state size per channel (N).
        mamba_head_dim: Mamba: channels per head (P); the common divisor with the inner width is used.
        expand: Mamba: inner width divided by `hidden_dim`.
        conv_kernel: Mamba: taps of the causal depthwise convolution.
        output_dim: Width of the head of an encoder, which gives vectors; None: logits of the vocabulary.
    """

    vocabulary_size: int
    hidden_dim: int
    num_heads: int
    layers: tuple[LayerConfig, ...]
    normalization: str = "layernorm"
    activation: str = "gelu"
    position: str = "absolute"
    tie_embeddings: bool = False
    num_key_value_heads: int | None = None
    norm_eps: float = 1e-5
    norm_groups: int = 8
    rope_theta: float = 10_000.0
    state_dim: int = 64
    mamba_head_dim: int = 64
    expand: int = 2
    conv_kernel: int = 4
    output_dim: int | None = None

    def __post_init__(self) -> None:
        _require_one_of("normalization", self.normalization, NORMALIZATIONS)
        _require_one_of("activation", self.activation, ACTIVATIONS)
        _require_one_of("position", self.position, POSITIONS)
        for name in (
            "vocabulary_size", "hidden_dim", "num_heads", "norm_groups",
            "state_dim", "mamba_head_dim", "expand", "conv_kernel",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise InvalidArchitecture(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.output_dim is not None and self.output_dim < 1:
            raise InvalidArchitecture(f"output_dim is {self.output_dim}; it must be at least 1")
        if self.output_dim is not None and self.tie_embeddings:
            raise InvalidArchitecture("tie_embeddings: a head of output_dim is no embedding; set it to false")
        if self.uses_positions:
            self._check_heads()

    def _check_heads(self) -> None:
        if self.hidden_dim % self.num_heads:
            raise InvalidArchitecture(
                f"num_heads {self.num_heads} does not divide hidden_dim {self.hidden_dim}; choose a divisor"
            )
        if self.position == "rope" and self.head_dim % 2:
            raise InvalidArchitecture(
                f"position rope needs an even head width, not {self.head_dim} "
                f"(hidden_dim {self.hidden_dim} / num_heads {self.num_heads}); choose other num_heads"
            )
        if self.num_heads % self.key_value_heads:
            raise InvalidArchitecture(
                f"num_key_value_heads {self.key_value_heads} does not divide num_heads {self.num_heads}; "
                "choose a divisor"
            )
        for layer in self.layers:
            self._check_left(layer)

    def _check_left(self, layer: LayerConfig) -> None:
        """What pruning left of a layer's heads."""
        left = layer.heads
        if left is None:
            return
        groups = Counter(self._key_value_head(layer.mixer, head) for head in left)
        known = set(left) <= set(range(self.num_heads)) and list(left) == sorted(set(left))
        if not left or not known or len(set(groups.values())) != 1:
            raise InvalidArchitecture(
                f"heads {list(left)} of a layer: give ascending numbers below num_heads {self.num_heads}, "
                "equally many for each key-value head"
            )

    def _key_value_head(self, mixer: str, head: int) -> int:
        """Number of the key-value head that a query head uses."""
        grouped = mixer == "grouped_query_attention"
        return head // (self.num_heads // self.key_value_heads) if grouped else head

    def heads_of(self, layer: LayerConfig) -> tuple[int, int]:
        """How many query heads a layer has, and how many key-value heads; 0 where its mixer has none."""
        if layer.mixer not in POSITIONAL_MIXERS:
            return 0, 0
        left = range(self.num_heads) if layer.heads is None else layer.heads
        return len(left), len({self._key_value_head(layer.mixer, head) for head in left})

    @property
    def head_dim(self) -> int:
        """Width of an attention head."""
        return self.hidden_dim // self.num_heads

    @property
    def key_value_heads(self) -> int:
        """Key-value heads of grouped-query attention."""
        if self.num_key_value_heads is not None:
            return self.num_key_value_heads
        return next(
            n for n in range(1, self.num_heads + 1) if self.num_heads % n == 0 and 4 * n >= self.num_heads
        )

    @property
    def uses_positions(self) -> bool:
        """Whether any layer needs a position encoding."""
        return any(layer.mixer in POSITIONAL_MIXERS for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `from_dict` is its inverse. Layers with all heads do not list them."""
        layers: list[dict[str, Any]] = []
        for layer in self.layers:
            heads = {} if layer.heads is None else {"heads": list(layer.heads)}
            layers.append({"mixer": layer.mixer, "ffn_dim": layer.ffn_dim, **heads})
        return dataclasses.asdict(self) | {"layers": layers}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LanguageModelConfig":
        """The configuration that `to_dict` wrote.

        Raises:
            InvalidArchitecture: A field is unknown, missing or has an impossible value.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidArchitecture(f"model configuration: unknown field {unknown[0]!r}; remove it")
        try:
            layers = tuple(_layer(layer) for layer in values["layers"])
            return cls(**{**values, "layers": layers})
        except (KeyError, TypeError) as error:
            raise InvalidArchitecture(f"model configuration is incomplete or malformed: {error}") from error


def _layer(values: Mapping[str, Any]) -> LayerConfig:
    heads = values.get("heads")
    return LayerConfig(**{**values, "heads": None if heads is None else tuple(heads)})


def _require_one_of(name: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise InvalidArchitecture(f"{name} is {value!r}; choose one of {', '.join(options)}")
