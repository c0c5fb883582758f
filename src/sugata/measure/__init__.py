"""Measuring: parameters, floating point operations, latency, memory."""

from sugata.measure.counts import count_parameters, flops, multiply_accumulates
from sugata.measure.latency import (
    Latency,
    decode_latency,
    latency,
    onnx_latency,
    onnx_session,
)
from sugata.measure.latency_table import ESTIMATED_LATENCY, LatencyTable, PartLatency
from sugata.measure.memory import peak_memory
from sugata.measure.zero_cost import PROXIES, Probe, decoder_parameters

__all__ = [
    "ESTIMATED_LATENCY",
    "PROXIES",
    "Latency",
    "LatencyTable",
    "PartLatency",
    "Probe",
    "count_parameters",
    "decode_latency",
    "decoder_parameters",
    "flops",
    "latency",
    "multiply_accumulates",
    "onnx_latency",
    "onnx_session",
    "peak_memory",
]
