"""Quantization, pruning and packed storage of trained language models."""

from sugata.compression.calibration import Calibration, calibration_windows
from sugata.compression.gradual import GradualPruning, KeepZeros
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
from sugata.compression.record import NOTHING, Record, Step
from sugata.compression.steps import (
    prune_magnitude,
    prune_structured,
    quantize,
    replay,
    sparsity,
    zero_smallest,
)

__all__ = [
    "GROUP_SIZE",
    "NOTHING",
    "Calibration",
    "CompressedModel",
    "Compression",
    "GradualPruning",
    "KeepZeros",
    "Layout",
    "PackedTensor",
    "PruningMethod",
    "Record",
    "Step",
    "Storage",
    "calibration_windows",
    "compress",
    "kept_channels",
    "load",
    "magnitude_mask",
    "matrix_kinds",
    "pack",
    "pack_nibbles",
    "prune_magnitude",
    "prune_structured",
    "pruned_count",
    "quantize",
    "replay",
    "sparsity",
    "stored_size",
    "zero_smallest",
]
