"""From a graph of blocks and an architecture to modules, following shapes from block to block."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sugata.errors import InvalidArchitecture
from sugata.nn.block_network import Placed
from sugata.space import Block, Signature
from sugata.spaces.blocks.graph import BlockGraph, Node
from sugata.spaces.blocks.heads import build_head
from sugata.spaces.blocks.shapes import SequenceShape, Shape, input_shape
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

    from sugata.space import TensorSpec


def built(
    graph: BlockGraph, architecture: Mapping[str, Value], signature: Signature
) -> tuple[list[Placed], list[Block], list[str]]:
    """All modules, what they are for people, and the inputs that are sequences of vectors.

    Raises:
        InvalidArchitecture: a block does not take what comes to it, or the task has other tensors.
    """
    given, wanted = _named(signature.inputs), _named(signature.outputs)
    shapes: dict[str, Shape] = {}
    for one in graph.inputs:
        shapes[one.name] = input_shape(one.kind, _found(given, one.name, "input"))
    sequences = [name for name, shape in shapes.items() if isinstance(shape, SequenceShape)]
    placed, outline = [], []
    for node in graph.blocks:
        values = node.values(architecture)
        module, shape = _block(node, values, tuple(shapes[source] for source in node.sources))
        shapes[node.name] = shape
        placed.append(Placed(node.name, node.sources, module))
        kind = str(values.get("block_type", node.kind.name if node.kind else ""))
        outline.append(Block(node.name, kind, _detail(values), ("batch", *shape.sizes), _count(module)))
    for head in graph.heads:
        values, spec = head.values(architecture), _found(wanted, head.name, "output")
        coming = tuple(shapes[source] for source in head.sources)
        try:
            module = build_head(values, coming, spec)
        except InvalidArchitecture as error:
            raise InvalidArchitecture(f"head {head.name!r}: {error}") from error
        placed.append(Placed(head.name, head.sources, module))
        outline.append(Block(head.name, "head", head.head, spec.shape, _count(module)))
    return placed, outline, sequences


def _block(node: Node, values: Mapping[str, Value], shapes: tuple[Shape, ...]) -> "tuple[nn.Module, Shape]":
    assert node.kind is not None
    try:
        if len(shapes) == 1:
            return node.kind.build(values, shapes[0])
        assert node.kind.joins is not None
        return node.kind.joins(values, shapes)
    except InvalidArchitecture as error:
        raise InvalidArchitecture(f"block {node.name!r}: {error}") from error


def _named(specs: "tuple[TensorSpec, ...]") -> "dict[str, TensorSpec]":
    return {spec.name: spec for spec in specs}


def _found(specs: "Mapping[str, TensorSpec]", name: str, what: str) -> "TensorSpec":
    if name not in specs:
        raise InvalidArchitecture(
            f"{what} {name!r} of the graph is none of the task's, which are {', '.join(specs)}; name it so"
        )
    return specs[name]


def _detail(values: Mapping[str, Value]) -> str:
    """The values in words; what is switched off is left out."""
    shown = {name.rpartition("/")[2]: value for name, value in values.items() if name != "block_type"}
    return ", ".join(_shown(name, value) for name, value in shown.items() if value)


def _shown(name: str, value: Value) -> str:
    words = name.replace("_", " ").removeprefix("num ")
    if value is True:
        return words
    return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"


def _count(module: "nn.Module") -> int:
    return sum(parameter.numel() for parameter in module.parameters())
