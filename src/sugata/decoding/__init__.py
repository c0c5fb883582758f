"""Writing text with an exported language model in onnxruntime: no torch is imported here or needed."""

from sugata.decoding.graph import NEXT, STEP_GRAPH, Sequences, StepGraph, onnx_session
from sugata.decoding.model import ExportedModel, load, require_language_model
from sugata.decoding.sampling import Sampling
from sugata.decoding.text import BYTE_OF_CHARACTER, END_OF_TEXT, decode_stream, stop_before, token_bytes

__all__ = [
    "BYTE_OF_CHARACTER",
    "END_OF_TEXT",
    "NEXT",
    "STEP_GRAPH",
    "ExportedModel",
    "Sampling",
    "Sequences",
    "StepGraph",
    "decode_stream",
    "load",
    "onnx_session",
    "require_language_model",
    "stop_before",
    "token_bytes",
]
