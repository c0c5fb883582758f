"""A compressed language model as two ONNX files that run without torch and without sugata."""

from __future__ import annotations

from pathlib import Path

import onnx

from sugata.compression import CompressedModel
from sugata.export.tracing import trace_decode, trace_encoder, trace_prefill
from sugata.export.weights import Kernels, insert_weights
from sugata.nn import Pooling, TextEncoder

IR_VERSION = 10  # of the file format; readers of the last years know it


def export_onnx(compressed: CompressedModel, path: str | Path) -> None:
    """Write the graph that reads whole sequences: `tokens` `(batch, length)` -> `logits`.

    Logits `(batch, length, vocabulary)` are those of `compressed.restore()` up to 32-bit rounding.

    Args:
        compressed: what ships; weights are stored at its precision.
        path: the file, usually `model.onnx`.
    """
    _write(trace_prefill(compressed.restore()), compressed, path, "folded")


def export_decode_onnx(compressed: CompressedModel, path: str | Path) -> None:
    """Write the graph that reads one token: `token` `(batch,)` and a state -> `logits` and the next state.

    A state tensor `NAME` comes back as `NAME.next`, to be fed to the next step. Every state starts as zeros,
    with length 0 along axes named "past". With int8 weights, inputs of products are rounded to 8 bits too
    (see `weights.insert_weights`): logits differ from the restored model's by a few thousandths of their
    size.

    Args:
        compressed: what ships; weights are stored at its precision.
        path: the file, usually `decode.onnx`.
    """
    _write(trace_decode(compressed.restore()), compressed, path, "packed")


def export_encoder_onnx(compressed: CompressedModel, pooling: Pooling, path: str | Path) -> None:
    """Write the graph of an encoder: `tokens` `(batch, length)`, padded with 0 -> `vector` of unit length.

    Args:
        compressed: of a model whose configuration has an `output_dim`.
        pooling: as it was trained.
        path: the file.
    """
    _write(trace_encoder(TextEncoder(compressed.restore(), pooling)), compressed, path, "folded")


def _write(graph: onnx.ModelProto, compressed: CompressedModel, path: str | Path, int8: Kernels) -> None:
    insert_weights(graph, compressed.tensors, int8)
    graph.ir_version = IR_VERSION
    graph.producer_name = "sugata"
    graph.producer_version = ""
    graph.doc_string = ""
    Path(path).write_bytes(graph.SerializeToString())
