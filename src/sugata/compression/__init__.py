"""Quantization, pruning and packed storage of trained language models."""

from sugata.compression.model import (
    CompressedModel,
    Compression,
    PruningMethod,
    compress,
    load,
    matrix_kinds,
    stored_size,
)
from sugata.compression.packing import GROUP_SIZE, Layout, PackedTensor, Storage, pack
from sugata.compression.pruning import kept_channels, magnitude_mask, pruned_count
from sugata.compression.quantization import pack_nibbles

__all__ = [
    "GROUP_SIZE",
    "CompressedModel",
    "Compression",
    "Layout",
    "PackedTensor",
    "PruningMethod",
    "Storage",
    "compress",
    "kept_channels",
    "load",
    "magnitude_mask",
    "matrix_kinds",
    "pack",
    "pack_nibbles",
    "pruned_count",
    "stored_size",
]
