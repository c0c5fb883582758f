"""The options of every preset, by choice: the whole difference between them."""

from collections.abc import Mapping
from types import MappingProxyType

from sugata.trial import Value

Options = Mapping[str, tuple[Value, ...]]

#: All token mixers, those of ``medium`` first; their order carries no meaning.
MIXERS = (
    "transformer",
    "linear_transformer",
    "grouped_query_attention",
    "mamba",
    "flash_attention",
    "rwkv",
)
#: Mixers with heads and position encodings; the others are ordered by their recurrence.
WITH_HEADS = frozenset({"transformer", "flash_attention", "grouped_query_attention", "linear_transformer"})

_ACTIVATIONS = ("gelu", "silu", "geglu", "swiglu")
_NORMALIZATIONS = ("layernorm", "rmsnorm", "groupnorm")
_POSITIONS = ("absolute", "rope", "alibi")
_QUANTIZATIONS = ("fp16", "int8", "int4")
_PRUNING_METHODS = ("magnitude", "structured", "gradual")

_MINIMAL: Options = {
    "architecture": ("transformer",),
    "position": ("absolute",),
    "num_heads": (8,),
    "hidden_dim": (256, 512),
    "num_layers": (4, 6),
    "ffn_multiplier": (4,),
    "activation": ("gelu",),
    "normalization": ("layernorm", "rmsnorm"),
    "vocab_size": (50_000,),
    "tie_embeddings": (False,),
    "quantization": ("fp16",),
    "pruning_ratio": (0.0,),
    "pruning_method": ("magnitude",),
}

_MEDIUM: Options = {
    "architecture": MIXERS[:4],
    "position": _POSITIONS,
    "num_heads": (4, 6, 8, 12),
    "hidden_dim": (256, 384, 512, 768),
    "num_layers": (4, 6, 8, 12),
    "ffn_multiplier": (3, 4),
    "activation": _ACTIVATIONS,
    "normalization": _NORMALIZATIONS[:2],
    "vocab_size": (50_000,),
    "tie_embeddings": (False,),
    "quantization": _QUANTIZATIONS,
    "pruning_ratio": (0.0, 0.4),
    "pruning_method": ("magnitude",),
}

_FULL: Options = {
    "architecture": MIXERS,
    "position": _POSITIONS,
    "num_heads": (2, 4, 6, 8, 12, 16),
    "hidden_dim": (128, 256, 384, 512, 768, 1024),
    "num_layers": (2, 4, 6, 8, 12, 16),
    "ffn_multiplier": (2, 2.5, 3, 4),
    "activation": _ACTIVATIONS,
    "normalization": _NORMALIZATIONS,
    "vocab_size": (8_000, 32_000, 50_000, 100_000),
    "tie_embeddings": (False, True),
    "quantization": _QUANTIZATIONS,
    "pruning_ratio": (0.0, 0.2, 0.4, 0.6),
    "pruning_method": _PRUNING_METHODS[:2],
}

_TINY: Options = {
    "architecture": (*MIXERS, "hybrid"),
    "first_mixer": MIXERS,
    "second_mixer": MIXERS,
    "position": _POSITIONS,
    "num_heads": (2, 4, 8),
    "hidden_dim": (64, 96, 128, 192, 256),
    "num_layers": (2, 3, 4, 6),
    "ffn_multiplier": (2, 3, 4),
    "activation": _ACTIVATIONS,
    "normalization": _NORMALIZATIONS,
    "vocab_size": (2_048, 4_096, 8_192),
    "tie_embeddings": (False, True),
    "quantization": _QUANTIZATIONS,
    "pruning_ratio": (0.0, 0.2, 0.4),
    "pruning_method": _PRUNING_METHODS,
}

#: Here ``layer_mixer`` and ``layer_ffn`` stand for one choice in every layer.
_HYBRID: Options = {
    "position": _POSITIONS,
    "num_heads": (2, 4, 8),
    "hidden_dim": (64, 128, 256, 384, 512),
    "num_layers": (2, 4, 6, 8, 10, 12),
    "layer_mixer": MIXERS,
    "layer_ffn": (2, 3, 4),
    "activation": _ACTIVATIONS,
    "normalization": _NORMALIZATIONS,
    "vocab_size": (2_048, 4_096, 8_192, 32_000),
    "tie_embeddings": (False, True),
    "quantization": _QUANTIZATIONS,
    "pruning_ratio": (0.0, 0.2, 0.4, 0.6),
    "pruning_method": _PRUNING_METHODS,
}

PRESETS: Mapping[str, Options] = MappingProxyType(
    {"minimal": _MINIMAL, "medium": _MEDIUM, "full": _FULL, "tiny": _TINY, "hybrid": _HYBRID}
)

#: A plain network that is known to train well; where a preset lacks the value, its first option is taken.
DEFAULTS: Mapping[str, Value] = MappingProxyType(
    {
        "architecture": "transformer",
        "first_mixer": "mamba",
        "second_mixer": "transformer",
        "layer_mixer": "transformer",
        "layer_ffn": 4,
        "position": "rope",
        "num_heads": 4,
        "num_layers": 4,
        "ffn_multiplier": 4,
        "activation": "gelu",
        "normalization": "rmsnorm",
        "quantization": "fp16",
        "tie_embeddings": True,
    }
)
