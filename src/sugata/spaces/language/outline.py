"""A language model as blocks, its parameters counted on modules without storage."""

from torch import nn

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.space import Block
from sugata.spaces.language.presets import WITH_HEADS

_POSITIONS = {"absolute": "sinusoidal positions", "rope": "RoPE", "alibi": "ALiBi"}
_ACTIVATIONS = {"gelu": "GELU", "silu": "SiLU", "geglu": "GeGLU", "swiglu": "SwiGLU"}
_NORMALIZATIONS = {"layernorm": "LayerNorm", "rmsnorm": "RMSNorm", "groupnorm": "GroupNorm"}


def outline(config: LanguageModelConfig) -> tuple[Block, ...]:
    """Embedding, layers, final norm and head. A tied head has no parameters of its own."""
    model = LanguageModel(config, device="meta")
    wide = ("batch", "length", config.hidden_dim)
    norm = _NORMALIZATIONS[config.normalization]
    embedding = f"{config.vocabulary_size:,} tokens of {config.hidden_dim} channels"
    if config.uses_positions and config.position == "absolute":
        embedding += ", sinusoidal positions added"
    head = f"{config.hidden_dim} to {config.vocabulary_size:,}"
    if config.tie_embeddings:
        head += ", the embedding's weights"
    blocks = [Block("embedding", "embedding", embedding, wide, _count(model.embedding))]
    for i, (layer, module) in enumerate(zip(config.layers, model.layers, strict=True), start=1):
        blocks.append(Block(f"layer {i}", layer.mixer, _layer(config, layer), wide, _count(module)))
    blocks.append(Block("final norm", config.normalization, norm, wide, _count(model.norm)))
    parameters = 0 if config.tie_embeddings else _count(model.head)
    blocks.append(Block("head", "head", head, ("batch", "length", config.vocabulary_size), parameters))
    return tuple(blocks)


def _layer(config: LanguageModelConfig, layer: LayerConfig) -> str:
    parts = []
    if layer.mixer in WITH_HEADS:
        heads, groups = config.heads_of(layer)
        parts.append(f"{heads} heads of {config.head_dim}")
        if layer.mixer == "grouped_query_attention":
            parts.append(f"{groups} for keys and values")
        if config.position != "absolute":
            parts.append(_POSITIONS[config.position])
    if layer.mixer == "mamba":
        parts.append(f"{config.expand * config.hidden_dim} inner channels, state {config.state_dim}")
    if layer.ffn_dim:
        activation = "squared ReLU" if layer.mixer == "rwkv" else _ACTIVATIONS[config.activation]
        parts.append(f"{activation} FFN of {layer.ffn_dim}")
    return ", ".join(parts)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
