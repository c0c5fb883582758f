"""A graph of blocks for drawings and surrogates, and tensors of a usual size where there is no task."""

from collections.abc import Callable, Mapping

from sugata.space import Graph, Signature, TensorSpec
from sugata.spaces.blocks.graph import BlockGraph, Node
from sugata.spaces.blocks.shapes import InputKind
from sugata.trial import Value

_USUAL: Mapping[InputKind, tuple[tuple[int, ...], str, int | None, tuple[int, ...]]] = {
    "image": ((3, 32, 32), "float32", None, ()),
    "text": ((64,), "int64", 20_000, ()),
    "table": ((14,), "float32", None, (2, 4, 8, 16, 16, 32, 32, 64)),
    "array": ((32,), "float32", None, ()),
}
_OUTPUTS = {"classification": 10, "multi_label": 10, "regression": 1}


def usual_signature(graph: BlockGraph) -> Signature:
    """Small images, short texts, tables of a few columns; ten classes."""
    inputs = []
    for one in graph.inputs:
        sizes, dtype, classes, categories = _USUAL[one.kind]
        inputs.append(TensorSpec(one.name, ("batch", *sizes), dtype, classes, categories))
    outputs = []
    for head in graph.heads:
        count = _OUTPUTS[head.head]
        classes = count if head.head == "classification" else None
        outputs.append(TensorSpec(head.name, ("batch", count), "float32", classes))
    return Signature(tuple(inputs), tuple(outputs))


def operations(graph: BlockGraph, architecture: Mapping[str, Value]) -> Graph:
    """Inputs, blocks and heads as nodes; a block is named by its kind and its chosen values."""
    return _graph(graph, lambda node: _label(node, architecture))


def cell_graphs(graph: BlockGraph, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
    """The blocks by name, where some block takes or gives several, or there are several inputs or heads."""
    found: dict[str, Graph] = {}
    sources = [source for node in (*graph.blocks, *graph.heads) for source in node.sources]
    if len(sources) != len(graph.blocks) + len(graph.heads) or len(set(sources)) != len(sources):
        found["blocks"] = _graph(graph, lambda node: node.name)
    return found


def _graph(graph: BlockGraph, label: Callable[[Node], str]) -> Graph:
    names = [one.name for one in graph.inputs]
    labels = [f"input {one.name}" for one in graph.inputs]
    edges = []
    for node in (*graph.blocks, *graph.heads):
        edges += [(names.index(source), len(names)) for source in node.sources]
        names.append(node.name)
        labels.append(label(node))
    return Graph(tuple(labels), tuple(edges))


def _label(node: Node, architecture: Mapping[str, Value]) -> str:
    kind = node.kind.name if node.kind is not None else node.head
    values = node.values(architecture)
    return " ".join([kind, *(f"{name}={value}" for name, value in values.items())])
