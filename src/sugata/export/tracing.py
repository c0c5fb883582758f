"""From a language model to ONNX graphs whose weights are still named inputs."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from sugata.nn import LanguageModel, TextEncoder

OPSET = 20  # the newest that the tracing exporter knows; fused attention raises the finished file to 23
ATTENTION_OPSET = 23
_FUSED = "sugata_fused"  # a domain that exists only between the trace and `_name_fused_attention`

NEXT = ".next"  # what the outputs of a decoding graph add to the names of the state they replace


class _Extend(nn.Module):
    """`LanguageModel.extend` as a forward pass with flat inputs and outputs, and logits of the last token."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        features, after = self.model.extend_features(tokens, state)
        return self.model.head(features[:, -1]), *after


def trace_prefill(model: LanguageModel) -> onnx.ModelProto:
    """The graph of `forward`: `tokens` `(batch, length)` to `logits` `(batch, length, vocabulary)`.

    Weights are inputs, by their names in the model.
    """
    tokens = torch.zeros(2, 7, dtype=torch.int64)
    axes = {"tokens": {0: "batch", 1: "length"}, "logits": {0: "batch", 1: "length"}}
    return _trace(model, (tokens,), ["tokens"], ["logits"], axes)


def trace_decode(model: LanguageModel) -> onnx.ModelProto:
    """The graph of `extend`: `tokens` `(batch, length)` and a state to `logits` `(batch, vocabulary)` of the
    last token and the next state.

    A state tensor `NAME` comes back as `NAME.next`. Every state starts as zeros, caches with length 0
    ("past").
    """
    names = list(model.state_names)
    tokens = torch.zeros(2, 3, dtype=torch.int64)
    with torch.no_grad():
        _, state = model.extend(tokens, model.initial_state(2))
        _, after = model.extend(tokens, state)
    axes = {name: {0: "batch"} for name in ["tokens", "logits", *names, *(name + NEXT for name in names)]}
    axes["tokens"][1] = "length"
    for name, before, grown in zip(names, state, after, strict=True):
        for axis, (old, new) in enumerate(zip(before.shape, grown.shape, strict=True)):
            if old != new:
                axes[name][axis], axes[name + NEXT][axis] = "past", "past + length"
    outputs = ["logits", *(name + NEXT for name in names)]
    graph = _trace(_Extend(model), (tokens, *state), ["tokens", *names], outputs, axes)
    return _without_prefix(graph, "model.")


def trace_encoder(encoder: TextEncoder) -> onnx.ModelProto:
    """The graph of an encoder: `tokens` `(batch, length)` to `vector` `(batch, output_dim)`."""
    tokens = torch.tensor([[5, 6, 7, 8, 9, 4, 0], [5, 6, 0, 0, 0, 0, 0]])
    axes = {"tokens": {0: "batch", 1: "length"}, "vector": {0: "batch"}}
    return _without_prefix(_trace(encoder, (tokens,), ["tokens"], ["vector"], axes), "model.")


def _trace(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_axes: dict[str, dict[int, str]],
) -> onnx.ModelProto:
    """Trace with torch's older exporter.

    Deliberately: the newer one (`dynamo=True`) takes about twenty times as long for these models, seconds for
        every
    candidate of a search, and gives graphs that onnxruntime runs no faster. Its deprecation is silenced here.
    """
    buffer = io.BytesIO()
    with torch.no_grad(), quiet(), _fused_attention():
        torch.onnx.export(
            module,
            arguments,
            buffer,  # type: ignore[arg-type] # the older exporter writes to any file object
            dynamo=False,
            export_params=False,  # weights stay named inputs
            do_constant_folding=False,  # onnxruntime folds constants when it loads the file
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dynamic_axes,
            opset_version=OPSET,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    _name_fused_attention(graph)
    del graph.graph.value_info[:]  # shapes that the rewriting of weights may make wrong
    return graph


@contextmanager
def quiet() -> Iterator[None]:
    """Neither the exporter's deprecation nor its doubts whether a trace generalizes: tests compare shapes."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _fused_attention() -> Iterator[None]:
    """Keep `scaled_dot_product_attention` one node; the exporter would write the explicit form."""
    name = "aten::scaled_dot_product_attention"
    torch.onnx.register_custom_op_symbolic(name, _attention_node, OPSET)
    try:
        yield
    finally:
        torch.onnx.unregister_custom_op_symbolic(name, OPSET)


def _attention_node(
    graph: Any, query: Any, key: Any, value: Any, mask: Any, dropout: Any, is_causal: Any, *_: Any
) -> Any:
    causal = int(torch.onnx.symbolic_helper._maybe_get_const(is_causal, "i"))
    inputs = [query, key, value]
    if not torch.onnx.symbolic_helper._is_none(mask):
        inputs.append(mask)
    node = graph.op(f"{_FUSED}::Attention", *inputs, is_causal_i=causal)
    return node.setTypeAs(query)


def _name_fused_attention(model: onnx.ModelProto) -> None:
    """Turn the placeholder nodes into ONNX's own `Attention`, which needs a newer operator set."""
    fused = [node for node in model.graph.node if node.domain == _FUSED]
    for node in fused:
        node.domain = ""
    kept = [opset for opset in model.opset_import if opset.domain != _FUSED]
    for opset in kept:
        if fused and opset.domain == "":
            opset.version = ATTENTION_OPSET  # the other operators used here mean the same in both
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _without_prefix(model: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    for value in model.graph.input:
        value.name = value.name.removeprefix(prefix)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name.removeprefix(prefix) for name in names]
    return model
