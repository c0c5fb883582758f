"""The language spaces: causal language models from a table of choices."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sugata.errors import InvalidArchitecture
from sugata.space import Block, Choice, Constraint, SearchSpace, Signature
from sugata.spaces.language import choices as language_choices
from sugata.spaces.language.options import options_of
from sugata.spaces.language.presets import WITH_HEADS
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn import LanguageModel, LanguageModelConfig


class LanguageSpace(SearchSpace):
    """Language models whose layers are alike, or alternate between two token mixers (``hybrid``).

    Args:
        preset: ``minimal``, ``medium``, ``full`` or ``tiny``.
        options: other options for some choices, such as ``{"hidden_dim": [64, 128]}``.

    Raises:
        InvalidArchitecture: the preset or a choice is unknown, or a choice is given no options.
    """

    def __init__(self, preset: str = "tiny", options: Mapping[str, Sequence[Value]] | None = None) -> None:
        self.name = f"language/{preset}"
        self.options = options_of(preset, options or {})
        self.parameters = {"preset": preset, "options": {k: list(v) for k, v in (options or {}).items()}}
        self.choices, self.constraints = self._choices()

    def _choices(self) -> tuple[tuple[Choice, ...], tuple[Constraint, ...]]:
        return language_choices.uniform(self.options)

    def layers(self, architecture: Mapping[str, Value]) -> list[tuple[str, float]]:
        """Token mixer and FFN multiplier of every layer, first to last."""
        mixers = [architecture["architecture"]]
        if mixers == ["hybrid"]:
            mixers = [architecture["first_mixer"], architecture["second_mixer"]]
        multiplier = float(architecture["ffn_multiplier"])
        return [(str(mixers[i % len(mixers)]), multiplier) for i in range(int(architecture["num_layers"]))]

    # -- what the values mean ---------------------------------------------------------------------

    def network(self, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """The network in one form, whatever the space: fields of ``LanguageModelConfig``, without inert ones.

        Raises:
            InvalidArchitecture: a choice is missing.
        """
        try:
            layers = self.layers(architecture)
            hidden_dim = int(architecture["hidden_dim"])
            mixers = {mixer for mixer, _ in layers}
            network: dict[str, Any] = {
                "vocabulary_size": int(architecture["vocab_size"]),
                "hidden_dim": hidden_dim,
                "layers": [[mixer, round(multiplier * hidden_dim)] for mixer, multiplier in layers],
                "normalization": str(architecture["normalization"]),
                "tie_embeddings": bool(architecture["tie_embeddings"]),
            }
            if mixers & WITH_HEADS:
                network["num_heads"] = int(architecture["num_heads"])
                network["position"] = str(architecture["position"])
            if mixers != {"rwkv"}:
                network["activation"] = str(architecture["activation"])
        except KeyError as missing:
            name = missing.args[0]
            raise InvalidArchitecture(
                f"choice {name!r} is missing from an architecture of {self.name}"
            ) from None
        return network

    def config(self, architecture: Mapping[str, Value]) -> "LanguageModelConfig":
        """What ``sugata.nn.LanguageModel`` is built from; inert fields keep harmless values.

        Raises:
            InvalidArchitecture: a choice is missing, or the model does not know a value.
        """
        from sugata.nn import LanguageModelConfig, LayerConfig

        network = self.network(architecture)
        layers = tuple(LayerConfig(mixer, ffn_dim) for mixer, ffn_dim in network.pop("layers"))
        return LanguageModelConfig(**{"num_heads": 1, **network, "layers": layers})

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "LanguageModel":
        """Build the model, with the vocabulary of the architecture.

        Args:
            signature: one input of tokens and one output of logits; their classes must fit the vocabulary.

        Raises:
            InvalidArchitecture: the signature asks for something other than a language model of this size.
        """
        from sugata.nn import LanguageModel

        config = self.config(architecture)
        _check(signature, config.vocabulary_size)
        return LanguageModel(config)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Embedding, layers, final norm and head, with the parameters counted on the built modules."""
        from sugata.spaces.language.outline import outline

        return outline(self.config(architecture))

    # -- keys -------------------------------------------------------------------------------------

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The network as it is trained: before compression, and whether attention is fused or not.

        What is pruned gradually is pruned while it trains, so the share is part of the key then.
        """
        network = self.network(architecture)
        if architecture.get("pruning_ratio") and architecture.get("pruning_method") == "gradual":
            network["pruned_while_training"] = architecture["pruning_ratio"]
        explicit = {"flash_attention": "transformer"}
        network["layers"] = [[explicit.get(mixer, mixer), ffn_dim] for mixer, ffn_dim in network["layers"]]
        return json.dumps(network, sort_keys=True)

    def deployment_key(self, architecture: Mapping[str, Value]) -> str:
        """The network as it is stored and executed."""
        network = self.network(architecture)
        storage = ("quantization", "pruning_ratio", "pruning_method")
        network |= {name: architecture[name] for name in storage if name in architecture}
        if not architecture.get("pruning_ratio"):
            network.pop("pruning_method", None)
        return json.dumps(network, sort_keys=True)


def _check(signature: Signature, vocabulary_size: int) -> None:
    if len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise InvalidArchitecture(
            f"the task has {len(signature.inputs)} inputs and {len(signature.outputs)} outputs; "
            "a language model has one of each: choose another space"
        )
    for tensor in (*signature.inputs, *signature.outputs):
        if tensor.classes is not None and tensor.classes > vocabulary_size:
            raise InvalidArchitecture(
                f"the task's {tensor.name!r} has {tensor.classes} classes, more than vocab_size "
                f"{vocabulary_size}; raise vocab_size"
            )
