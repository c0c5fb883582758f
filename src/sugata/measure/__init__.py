"""Measuring: parameters, floating point operations, latency, memory."""

from sugata.measure.counts import count_parameters, flops, multiply_accumulates
from sugata.measure.latency import (
    Latency,
    decode_latency,
    initial_state,
    latency,
    onnx_latency,
    onnx_session,
)
from sugata.measure.memory import peak_memory

__all__ = [
    "Latency",
    "count_parameters",
    "decode_latency",
    "flops",
    "initial_state",
    "latency",
    "multiply_accumulates",
    "onnx_latency",
    "onnx_session",
    "peak_memory",
]
