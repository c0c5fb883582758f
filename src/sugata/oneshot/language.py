"""The language spaces as elastic supernets: all widths, depths and token mixers in one set of weights."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from sugata.compression import compress
from sugata.errors import InvalidArchitecture
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.nn.feed_forward import FeedForward
from sugata.nn.initialization import initialize_embedding, initialize_head
from sugata.nn.language_model import MIXERS, Layer
from sugata.nn.norms import make_norm
from sugata.nn.rwkv import ChannelMixing
from sugata.oneshot.elastic import ElasticSupernet
from sugata.oneshot.plans import Plans
from sugata.oneshot.scores import SupernetEvaluator
from sugata.oneshot.slices import Slice, slices
from sugata.space import Architecture, Signature
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling, Task
from sugata.trial import Value

#: Mixers that compute the same function with the same weights, and so share them.
_FAMILIES = {"flash_attention": "transformer"}


@dataclass(frozen=True)
class _Plan:
    """An architecture's ordinary model, without storage, and where its parameters come from."""

    part: "_Part"
    slices: dict[str, Slice]

    def weights(self) -> dict[str, Tensor]:
        return {name: one.take() for name, one in self.slices.items()}


class _Part(nn.Module):
    """Calls a model, or only what is below its head."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, head: bool) -> Tensor:
        return self.model(tokens) if head else self.model.features(tokens)


class ElasticLayer(nn.Module):
    """All that a layer can be, at the largest size.

    Token mixers, feed-forward networks, and for each of these a norm of every kind.
    """

    def __init__(
        self, config: LanguageModelConfig, mixers: set[str], ffns: dict[str, int], norms: set[str]
    ) -> None:
        super().__init__()
        self.mixers = nn.ModuleDict({name: MIXERS[name](config) for name in sorted(mixers)})
        self.ffns = nn.ModuleDict({kind: _ffn(config, kind, width) for kind, width in sorted(ffns.items())})
        self.norms = nn.ModuleDict(
            {
                f"{user}_{norm}": make_norm(replace(config, normalization=norm))
                for user in (*self.mixers, *self.ffns)
                for norm in sorted(norms)
            }
        )


class LanguageSupernet(ElasticSupernet):
    """Language models as slices of one set of weights, for a language space with one vocabulary.

    Shared: rows and columns of every matrix among widths (the first ones of the largest), layers among
    depths (the first ones), and all matrices among numbers of heads (a head is a range of rows), positions,
    plain activations (gelu, silu), gated ones (geglu, swiglu), and compressions, which come after training.
    Explicit and fused attention are one mixer here.

    Not shared: in each layer the weights of different mixers; plain, gated and RWKV's feed-forward networks;
    scales and shifts of different normalizations, and of the same one before different mixers; embedding and
    head of tied and of untied models.

    An architecture is computed by the ordinary ``LanguageModel`` with slices in the place of its parameters:
    what trains, what scores and what is extracted are one code.

    Args:
        space: its choice ``vocab_size`` has one option.
        signature: of the task, for that vocabulary.

    Raises:
        InvalidArchitecture: several vocabularies, or another one than the task's.
    """

    space: LanguageSpace
    of_data = ("embedding", "tied", "untied_head")

    def __init__(self, space: LanguageSpace, signature: Signature) -> None:
        super().__init__(space, signature)
        self.decisions = {choice.name: choice.options for choice in space.choices}
        self.sizes = _sizes(space)
        vocabulary = _one_vocabulary(space, signature)
        options = space.options
        width = max(int(value) for value in options["hidden_dim"])
        self.depth = max(int(value) for value in options["num_layers"])
        mixers = _mixers(space)
        config = _largest(space, vocabulary, width)
        norms = {str(norm) for norm in options["normalization"]}
        with torch.device("meta"):
            layers = [ElasticLayer(config, mixers, _ffns(space), norms) for _ in range(self.depth)]
            self.layers = nn.ModuleList(layers)
            self.norms = nn.ModuleDict(
                {norm: make_norm(replace(config, normalization=norm)) for norm in sorted(norms)}
            )
            self.tied = (
                nn.Linear(width, vocabulary, bias=False) if True in options["tie_embeddings"] else None
            )
            untied = False in options["tie_embeddings"]
            self.embedding = nn.Embedding(vocabulary, width) if untied else None
            self.untied_head = nn.Linear(width, vocabulary, bias=False) if untied else None
        self.to_empty(device=torch.get_default_device())
        self.initialize(torch.Generator().manual_seed(0))
        self._plans: Plans[LanguageModelConfig, _Plan] = Plans()
        self.activate(space.sample(np.random.default_rng(0)))

    def activate(self, architecture: Mapping[str, Value]) -> None:
        """From now on compute this architecture alone.

        Raises:
            InvalidArchitecture: the space does not have it.
        """
        super().activate(self.space.architecture(architecture))
        self.config = self.space.config(architecture)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `(batch, length, vocabulary)` of tokens `(batch, length)`."""
        return self._call(tokens, head=True)

    def features(self, tokens: Tensor) -> Tensor:
        """What the head reads, `(batch, length, width of the architecture)`, for a fused loss."""
        return self._call(tokens, head=False)

    @property
    def head(self) -> nn.Linear:
        """The active architecture's head; its weight is a slice, through which gradients flow."""
        head = nn.Linear(1, 1, bias=False, device="meta")
        name = "embedding.weight" if self.config.tie_embeddings else "head.weight"
        del head.weight
        head.weight = self._plan(self.config).slices[name].take()
        return head

    def extract(self, architecture: Mapping[str, Value]) -> LanguageModel:
        """An ordinary model with copied weights."""
        config = self.space.config(self.space.architecture(architecture))
        model = LanguageModel(config, device="meta")
        model.to_empty(device=next(self.parameters()).device)
        if config.tie_embeddings:  # emptying has made two of it
            model.head.weight = model.embedding.weight
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for name, weight in self._plan(config).weights().items():
                parameters[name].copy_(weight)
        return model

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights, those of every layer as if all layers were there."""
        for index, layer in enumerate(self._layers()):
            for part in (*layer.mixers.values(), *layer.ffns.values()):
                part.initialize(generator, index, self.depth)  # type: ignore[operator]
        for name, parameter in self.named_parameters():
            if "norms." in name:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        if self.tied is not None:
            self.tied.weight.normal_(0.0, self.tied.in_features**-0.5, generator=generator)
        if self.embedding is not None and self.untied_head is not None:
            initialize_embedding(self.embedding, generator, 1.0)
            initialize_head(self.untied_head, generator)

    def evaluator(self, task: Task, limit: int | None = None) -> SupernetEvaluator:
        """Scores compressed networks, as they would ship."""
        return LanguageSupernetEvaluator(self, task, limit=limit)

    def costs(
        self, architecture: Architecture, names: frozenset[str], exclusive: AbstractContextManager[None]
    ) -> dict[str, float]:
        """Exact parameters, stored size and FLOPs; latency of the exported network, measured now."""
        from sugata.evaluators.language import LanguageNetworks

        task = CodeLanguageModelling()  # costs follow from the architecture alone
        return LanguageNetworks(self.space, task).costs(architecture, names, exclusive)

    def _layers(self) -> list[ElasticLayer]:
        return [layer for layer in self.layers if isinstance(layer, ElasticLayer)]

    def _call(self, tokens: Tensor, *, head: bool) -> Tensor:
        plan = self._plan(self.config)
        plan.part.train(self.training)
        weights = {f"model.{name}": weight for name, weight in plan.weights().items()}
        return functional_call(plan.part, weights, (tokens, head))

    def _plan(self, config: LanguageModelConfig) -> _Plan:
        return self._plans.get(config, lambda: self._planned(config))

    def _planned(self, config: LanguageModelConfig) -> _Plan:
        model, norm = LanguageModel(config, device="meta"), config.normalization
        found: dict[str, Slice] = {}

        def add(name: str, small: nn.Module, large: nn.Module, exponent: float = 0.5) -> None:
            found.update({f"{name}.{key}": one for key, one in slices(small, large, exponent).items()})

        layers = zip(config.layers, model.layers, self._layers(), strict=False)  # the first of them
        for i, (choice, layer, shared) in enumerate(layers):
            assert isinstance(layer, Layer)
            mixer = _FAMILIES.get(choice.mixer, choice.mixer)
            add(f"layers.{i}.mixer", layer.mixer, shared.mixers[mixer])
            add(f"layers.{i}.mixer_norm", layer.mixer_norm, shared.norms[f"{mixer}_{norm}"])
            if layer.ffn is not None and layer.ffn_norm is not None:
                kind = _ffn_kind(choice.mixer, config.activation)
                add(f"layers.{i}.ffn", layer.ffn, shared.ffns[kind])
                add(f"layers.{i}.ffn_norm", layer.ffn_norm, shared.norms[f"{kind}_{norm}"])
        add("norm", model.norm, self.norms[norm])
        if self.tied is not None and config.tie_embeddings:
            found["embedding.weight"] = slices(model.head, self.tied)["weight"]
        elif self.embedding is not None and self.untied_head is not None:
            add("embedding", model.embedding, self.embedding)
            # A head's weights are drawn with variance 1/fan_in^2, not 1/fan_in.
            add("head", model.head, self.untied_head, exponent=1.0)
        return _Plan(_Part(model), found)


class LanguageSupernetEvaluator(SupernetEvaluator):
    """Scores an architecture with the weights that would ship: sliced, pruned and quantized as it says."""

    supernet: LanguageSupernet

    def score(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        """The task's metrics of the compressed network on the validation split."""
        from sugata.evaluators.language import compression_of

        network = self.network(architecture)
        assert isinstance(network, LanguageModel)
        shipped = compress(network, **vars(compression_of(architecture))).restore()
        return self.task.evaluate(shipped, architecture, split="validation", limit=self.limit)


def _one_vocabulary(space: LanguageSpace, signature: Signature) -> int:
    sizes = [int(size) for size in space.options["vocab_size"]]
    if len(sizes) > 1:
        raise InvalidArchitecture(
            f"{space.name}: vocab_size has the options {', '.join(map(str, sizes))}; a supernet shares one"
            f" vocabulary: give the space options={{'vocab_size': [{sizes[0]}]}}"
        )
    classes = signature.outputs[0].classes
    if classes is not None and classes > sizes[0]:
        raise InvalidArchitecture(
            f"{space.name}: vocab_size is {sizes[0]}, the task has {classes} tokens; give the space"
            f" options={{'vocab_size': [{classes}]}}"
        )
    return sizes[0]


def _largest(space: LanguageSpace, vocabulary: int, width: int) -> LanguageModelConfig:
    """Of which every mixer has room for any architecture's.

    One attention head as wide as the model, so that grouped queries have as many keys as there can be, and
    Mamba heads as narrow as those of any width, so that there are as many.
    """
    config = LanguageModelConfig(vocabulary, width, 1, (LayerConfig("transformer", 0),))
    narrowest = min(
        math.gcd(config.expand * int(each), config.mamba_head_dim) for each in space.options["hidden_dim"]
    )
    return replace(config, mamba_head_dim=narrowest)


def _mixers(space: LanguageSpace) -> set[str]:
    """The families of token mixers that a layer may have."""
    names: set[str] = set()
    for choice in ("architecture", "first_mixer", "second_mixer", "layer_mixer"):
        names.update(str(option) for option in space.options.get(choice, ()))
    if "architecture" in space.options and "hybrid" not in space.options["architecture"]:
        names = {str(option) for option in space.options["architecture"]}
    return {_FAMILIES.get(name, name) for name in names if name != "hybrid"}


def _ffns(space: LanguageSpace) -> dict[str, int]:
    """Largest hidden width of each kind of feed-forward network that a layer may have."""
    name = "ffn_multiplier" if "ffn_multiplier" in space.options else "layer_ffn"
    most = max(
        round(float(multiplier) * int(width))
        for multiplier in space.options[name]
        for width in space.options["hidden_dim"]
    )
    kinds = {_ffn_kind(m, str(a)) for m in _mixers(space) for a in space.options["activation"]}
    return dict.fromkeys(kinds, most)


def _ffn_kind(mixer: str, activation: str) -> str:
    if mixer == "rwkv":
        return "channel_mixing"
    return "gated" if activation in ("geglu", "swiglu") else "plain"


def _ffn(config: LanguageModelConfig, kind: str, width: int) -> nn.Module:
    if kind == "channel_mixing":
        return ChannelMixing(config, width)
    return FeedForward(replace(config, activation="geglu" if kind == "gated" else "gelu"), width)


def _sizes(space: LanguageSpace) -> dict[str, tuple[Value, ...]]:
    """Widths and depths, smallest first. The number of heads is no size: it adds no weights."""
    return {
        choice.name: tuple(sorted(choice.options))
        for choice in space.choices
        if choice.name in ("hidden_dim", "num_layers", "ffn_multiplier") or choice.name.endswith("_ffn")
    }
