"""A compressed language model as two ONNX files that run without torch and without sugata."""

from __future__ import annotations

from pathlib import Path

import onnx

from sugata.compression import CompressedModel
from sugata.decoding.graph import BLOCK, CACHE, IN_PLACE
from sugata.export.stock import ATTENTION_MIXERS
from sugata.export.tracing import trace_decode, trace_encoder, trace_prefill
from sugata.export.weights import Kernels, insert_weights
from sugata.nn import Pooling, TextEncoder
from sugata.nn.fused import FUSED_HEAD_DIM
from sugata.nn.token_mixer import BLOCK as RECURRENT_BLOCK

IR_VERSION = 10  # of the file format; readers of the last years know it


def export_onnx(compressed: CompressedModel, path: str | Path) -> None:
    """Write the graph that reads whole sequences: `tokens` `(batch, length)` -> `logits`.

    Logits `(batch, length, vocabulary)` are those of `compressed.restore()` up to 32-bit rounding,
    except where compression rounds activations.

    Args:
        compressed: what ships; weights are stored at its precision.
        path: the file, usually `model.onnx`.
    """
    kernels: Kernels = "packed" if compressed.rounds_activations else "folded"
    _write(trace_prefill(compressed.restore()), compressed, path, kernels)


def export_decode_onnx(compressed: CompressedModel, path: str | Path) -> None:
    """Write the step graph: `tokens` `(batch, length)`, a state -> `logits` of the last one, the next state.

    A state tensor `NAME` comes back as `NAME.next`, to be fed to the next call. Every state starts as zeros,
    with length 0 along axes named "past". One call reads a token, or a block of a prompt; rows of a batch
    are of equal length. Caches may also be buffers longer than what is in them, bound as input and as output
    at once, as `sugata.decoding` does: then nothing is copied. (Not where the width
    of heads is no multiple of 8, for which onnxruntime has no such operator; the file's metadata tell.)

    With int8 weights, inputs of products are rounded to 8 bits too (see `weights.insert_weights`): logits
    differ from the restored model's by a few thousandths of their size.

    Args:
        compressed: what ships; weights are stored at its precision.
        path: the file, usually `decode.onnx`.
    """
    graph = trace_decode(compressed.restore())
    config = compressed.config
    recurrent = any(layer.mixer not in ATTENTION_MIXERS for layer in config.layers)
    fused = config.head_dim % FUSED_HEAD_DIM == 0
    properties = {CACHE: IN_PLACE if fused else "grown", BLOCK: str(RECURRENT_BLOCK if recurrent else 256)}
    onnx.helper.set_model_props(graph, properties)
    _write(graph, compressed, path, "packed")


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
