"""What a language model on disk is: its layers as they were built, and what computes with its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from sugata.compression import CompressedModel
from sugata.nn import LanguageModelConfig, LayerConfig

_KERNELS = {
    "fp16": "32-bit floats: 16 bits are how weights are stored, they are unpacked when a file is loaded",
    "int4": "onnxruntime's MatMulNBits on packed weights, computing in 32-bit floats",
}
_INT8 = "onnxruntime's MatMulNBits on packed weights, inputs rounded to 8 bits, in decode.onnx"
_INT8_SEQUENCES = {
    False: "; model.onnx unpacks them when it is loaded and computes in 32-bit floats",
    True: " and model.onnx",
}


def kernels(compressed: CompressedModel) -> str:
    """What multiplies by the stored weights in the exported graphs (`insert_weights`)."""
    storage = compressed.compression.quantization
    if storage == "int8":
        return _INT8 + _INT8_SEQUENCES[compressed.rounds_activations]
    return _KERNELS[storage]


def as_built(compressed: CompressedModel) -> dict[str, Any]:
    """The network as plain JSON, whatever choices and compressions led to it.

    Returns:
        `hidden_dim` and other fields of the configuration that have an effect; `layers`, each with `mixer`,
        `ffn_dim` and, where it has heads, `heads`, `key_value_heads` and `head_dim`; `weights`, their
        storage; `zeros`, the share of single weights that pruning has set to zero, where it has.
    """
    config = compressed.config
    built: dict[str, Any] = {
        "vocabulary_size": config.vocabulary_size,
        "hidden_dim": config.hidden_dim,
        "normalization": config.normalization,
        "tie_embeddings": config.tie_embeddings,
    }
    if any(layer.mixer != "rwkv" and layer.ffn_dim for layer in config.layers):
        built["activation"] = config.activation
    if config.uses_positions:
        built["position"] = config.position
    built["layers"] = [_layer(config, layer) for layer in config.layers]
    built["weights"] = compressed.compression.quantization
    zeros = zero_share(compressed)
    return {**built, "zeros": round(zeros, 4)} if zeros else built


def zero_share(compressed: CompressedModel) -> float:
    """Share of the values of sparsely stored matrices that are zero; 0 where there is no such matrix."""
    sparse = [tensor.layout for tensor in compressed.tensors.values() if tensor.layout.kept is not None]
    count = sum(int(np.prod(layout.shape)) for layout in sparse)
    return 1 - sum(layout.kept or 0 for layout in sparse) / count if count else 0.0


def _layer(config: LanguageModelConfig, layer: LayerConfig) -> dict[str, Any]:
    heads, pairs = config.heads_of(layer)
    of_heads = {"heads": heads, "key_value_heads": pairs, "head_dim": config.head_dim} if heads else {}
    return {"mixer": layer.mixer, **of_heads, "ffn_dim": layer.ffn_dim}
