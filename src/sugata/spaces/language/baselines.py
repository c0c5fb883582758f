"""Well-known language models as points of the spaces, to start from and to compare with."""

from collections.abc import Mapping

from sugata.spaces.baselines import Baseline
from sugata.trial import Value

_GPT2: Mapping[str, Value] = {
    "architecture": "transformer",
    "num_layers": 6,
    "hidden_dim": 384,
    "num_heads": 6,
    "ffn_multiplier": 4,
    "vocab_size": 50_000,
    "normalization": "layernorm",
    "activation": "gelu",
    "position": "absolute",
    "quantization": "fp16",
    "pruning_ratio": 0.0,
    "tie_embeddings": False,
}

_LLAMA: Mapping[str, Value] = {
    "architecture": "transformer",
    "num_layers": 6,
    "hidden_dim": 512,
    "num_heads": 8,
    "ffn_multiplier": 2.5,
    "vocab_size": 50_000,
    "normalization": "rmsnorm",
    "activation": "swiglu",
    "position": "rope",
    "quantization": "fp16",
    "pruning_ratio": 0.0,
    "tie_embeddings": False,
}

_ULTRA_LIGHT: Mapping[str, Value] = {
    "architecture": "transformer",
    "num_layers": 4,
    "hidden_dim": 256,
    "num_heads": 4,
    "ffn_multiplier": 2,
    "vocab_size": 50_000,
    "normalization": "rmsnorm",
    "activation": "gelu",
    "position": "rope",
    "quantization": "int8",
    "pruning_ratio": 0.4,
    "pruning_method": "magnitude",
    "tie_embeddings": True,
}

_MAMBA: Mapping[str, Value] = {
    "architecture": "mamba",
    "num_layers": 6,
    "hidden_dim": 512,
    "ffn_multiplier": 2,
    "vocab_size": 50_000,
    "normalization": "rmsnorm",
    "activation": "gelu",
    "quantization": "fp16",
    "pruning_ratio": 0.0,
    "tie_embeddings": False,
}

_SMALL: Mapping[str, Value] = {"num_layers": 4, "hidden_dim": 128, "vocab_size": 4_096}

#: All of them, large ones first.
BASELINES = (
    Baseline("gpt2", "language/full", _GPT2, "GPT-2's recipe with 6 layers of 384 channels"),
    Baseline("llama", "language/full", _LLAMA, "LLaMA's recipe: RMSNorm, RoPE and a gated FFN"),
    Baseline("ultra_light", "language/full", _ULTRA_LIGHT, "4 layers of 256 channels, int8, 40 % pruned"),
    Baseline("mamba", "language/full", _MAMBA, "Mamba-2 layers with feed-forward networks between them"),
    Baseline(
        "tiny_gpt2",
        "language/tiny",
        {**_GPT2, **_SMALL, "num_heads": 4},
        "gpt2 scaled to train in seconds",
    ),
    Baseline(
        "tiny_llama",
        "language/tiny",
        {**_LLAMA, **_SMALL, "num_heads": 4, "ffn_multiplier": 3},
        "llama scaled to train in seconds",
    ),
    Baseline(
        "tiny_ultra_light",
        "language/tiny",
        {**_ULTRA_LIGHT, **_SMALL, "num_layers": 3, "hidden_dim": 64, "num_heads": 2},
        "ultra_light scaled to train in seconds",
    ),
    Baseline(
        "tiny_mamba",
        "language/tiny",
        {**_MAMBA, **_SMALL},
        "mamba scaled to train in seconds",
    ),
)
