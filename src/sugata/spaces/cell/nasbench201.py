"""NAS-Bench-201: Dong & Yang 2020, "NAS-Bench-201: Extending the Scope of Reproducible NAS"."""

import difflib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from sugata.errors import InvalidArchitecture
from sugata.space import (
    Architecture,
    Block,
    Choice,
    Graph,
    NetworkPart,
    OptionNote,
    SearchSpace,
    Signature,
    image_signature,
    image_sizes,
)
from sugata.space.network_part import shown
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

    from sugata.nn.nasbench201 import NasBench201Network

#: Source and target of every edge, in the order of the official string. Node 0 is the input, 3 the output.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
Cell = tuple[str, ...]  # the operations of EDGES, in their order

_NAMES = tuple(f"{source}->{target}" for source, target in EDGES)
_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
_PAPER = ("Dong & Yang 2020, NAS-Bench-201",)
_NOTES = {
    "none": OptionNote("No connection.", papers=_PAPER),
    "skip_connect": OptionNote("The identity.", papers=_PAPER),
    "nor_conv_1x1": OptionNote("ReLU, 1x1 convolution, batch norm.", papers=_PAPER),
    "nor_conv_3x3": OptionNote("ReLU, 3x3 convolution, batch norm.", papers=_PAPER),
    "avg_pool_3x3": OptionNote("Mean over 3x3 positions, those outside not counted.", papers=_PAPER),
}
_CIFAR = image_signature(3, 32, 32, 10)


class NasBench201Space(SearchSpace):
    """Cells of four nodes whose six edges are one of five operations each: 15,625, of which 6,466 differ.

    With the defaults the network is the published one: its parameters and multiply-accumulates are those of
    the table.

    Args:
        channels: of the first stage; the second and the third have twice and four times as many.
        cells: in each of the three stages.

    Raises:
        InvalidArchitecture: a parameter is below 1.
    """

    name = "cell/nasbench201"

    def __init__(self, channels: int = 16, cells: int = 5) -> None:
        if min(channels, cells) < 1:
            raise InvalidArchitecture(
                f"space {self.name}: channels={channels}, cells={cells}; give at least 1 of each"
            )
        self.channels, self.cells = channels, cells
        self.parameters = {"channels": channels, "cells": cells}
        self.choices = tuple(
            Choice(
                name,
                OPERATIONS,
                default="nor_conv_3x3",
                description=f"from node {source} to node {target}",
                notes=_NOTES,
            )
            for name, (source, target) in zip(_NAMES, EDGES, strict=True)
        )

    # -- strings --------------------------------------------------------------------------------------

    def from_string(self, text: str) -> Architecture:
        """The cell of an official string such as ``|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|``.

        Raises:
            InvalidArchitecture: the string has another form, or an operation is unknown.
        """
        values: dict[str, Value] = {}
        nodes = text.strip().split("+")
        for target, node in enumerate(nodes, start=1):
            for edge in node.strip("|").split("|"):
                found = re.fullmatch(r"(.*)~(\d+)", edge)
                name = f"{found[2]}->{target}" if found else ""
                if found is None or name not in _NAMES or name in values:
                    raise InvalidArchitecture(
                        f"{edge!r} at node {target} of {text!r} is no edge of {self.name}; write {_FORM}"
                    )
                values[name] = _known_operation(found[1], name)
        if len(values) < len(EDGES):
            missing = ", ".join(name for name in _NAMES if name not in values)
            raise InvalidArchitecture(f"{text!r} lacks the edges {missing} of {self.name}; write {_FORM}")
        return self.architecture(values)

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """The official string of a cell."""
        nodes: dict[int, str] = {1: "|", 2: "|", 3: "|"}
        for (source, target), operation in zip(EDGES, self._cell(architecture), strict=True):
            nodes[target] += f"{operation}~{source}|"
        return "+".join(nodes.values())

    # -- what is the same -------------------------------------------------------------------------------

    def distinct(self) -> int:
        """Cells with different training keys: 6,466."""
        return len(_representatives())

    def enumerate(self) -> Iterator[Architecture]:
        """Every distinct cell once, in canonical form."""
        for cell in sorted(_representatives().values()):
            yield Architecture(self.name, dict(zip(_NAMES, cell, strict=True)))

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """Of the cells with the same training key that with the most ``none``: no edge without effect."""
        cell = _representatives()[self.training_key(architecture)]
        return Architecture(self.name, dict(zip(_NAMES, cell, strict=True)))

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The published key, ``to_unique_str`` of the official code: the output as a formula of the input.

        It tells apart some cells of one function (a zero that is added stays in the formula), and takes two
        convolutions of one formula for one: in 578 of the 6,466 classes parameters differ.
        """
        return _keys()[self._cell(architecture)]

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """The operations between input and output; skips are edges, what has no effect is dropped.

        That of the canonical cell, so that cells of one training key have one graph.
        """
        return _graph(_representatives()[self.training_key(architecture)])

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """The cell itself, its effective operations as they are built."""
        return {"cell": _graph(self._cell(architecture))}

    def _cell(self, architecture: Mapping[str, Value]) -> Cell:
        try:
            cell = tuple(str(architecture[name]) for name in _NAMES)
        except KeyError:
            cell = ()
        if cell not in _keys():
            self.validate(architecture)
        return cell

    # -- networks -------------------------------------------------------------------------------------

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "NasBench201Network":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        from sugata.nn.nasbench201 import NasBench201Network

        sizes = image_sizes(signature)
        edges = [
            (source, target, operation)
            for (source, target), operation in zip(EDGES, self._cell(architecture), strict=True)
        ]
        return NasBench201Network(edges, sizes.channels, self.channels, self.cells, sizes.outputs)

    def parts(self, architecture: Mapping[str, Value], signature: Signature) -> tuple[NetworkPart, ...]:
        """Stem, the operations of every cell and the sums of its nodes, reductions, head; skips are nothing.

        Of the canonical cell, which is what ships.
        """
        sizes = image_sizes(signature)
        image = (sizes.channels, sizes.height, sizes.width)
        cell = self._cell(self.canonical(architecture))
        network = cache(lambda: self.build(dict(zip(_NAMES, cell, strict=True)), signature))
        shape = (self.channels, sizes.height, sizes.width)
        parts = [NetworkPart(f"stem {shown(image)} -> {shown(shape)}", image, lambda: network().stem)]
        built = [operation for operation in cell if operation != "none"]
        reached = {target for (_, target), operation in zip(EDGES, cell, strict=True) if operation != "none"}
        sums = len(built) - len(reached)
        for i in range(3 * self.cells + 2):
            layer = partial(_layer, network, i)
            if (i + 1) % (self.cells + 1) == 0:
                half = (2 * shape[0], -(-shape[1] // 2), -(-shape[2] // 2))
                parts.append(NetworkPart(f"reduction {shown(shape)} -> {shown(half)}", shape, layer))
                shape = half
                continue
            for number, operation in enumerate(built):
                if operation != "skip_connect":
                    name = f"{operation} {shown(shape)}"
                    parts.append(NetworkPart(name, shape, partial(_operation, network, i, number)))
            parts += [NetworkPart(f"sum {shown(shape)}", shape, _sum)] * sums
        parts.append(NetworkPart(f"head {shown(shape)} -> {sizes.outputs}", shape, lambda: _head(network())))
        return tuple(parts)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Stem, cells, reductions and head, for CIFAR-10's images where no signature is given."""
        import torch

        from sugata.spaces.image_outline import Part, image_outline

        signature = signature or _CIFAR
        sizes = image_sizes(signature)
        with torch.device("meta"):
            network = self.build(architecture, signature)
        parts = [Part("stem", "conv_3x3", "3x3 convolution, batch norm", network.stem)]
        for i, layer in enumerate(network.layers):
            stage, place = divmod(i, self.cells + 1)
            if place == self.cells:
                detail = "residual block of stride 2, twice the channels"
                parts.append(Part(f"reduction {stage + 1}", "reduction", detail, layer))
            else:
                parts.append(Part(f"cell {stage * self.cells + place + 1}", "cell", "", layer))
        parts.append(Part("norm", "norm", "batch norm, ReLU, mean over positions", network.norm))
        parts.append(
            Part("classifier", "head", f"{4 * self.channels} to {sizes.outputs}", network.classifier)
        )
        return image_outline(network, parts, sizes)


def _layer(network: "Callable[[], NasBench201Network]", position: int) -> "nn.Module":
    return network().layers[position]


def _operation(network: "Callable[[], NasBench201Network]", layer: int, position: int) -> "nn.Module":
    operations: nn.ModuleList = network().layers[layer].operations  # type: ignore[assignment]
    return operations[position]


def _sum() -> "nn.Module":
    from sugata.nn.steps import Doubled

    return Doubled()


def _head(network: "NasBench201Network") -> "nn.Module":
    from torch import nn

    from sugata.nn.steps import PositionMean

    return nn.Sequential(network.norm, PositionMean(), network.classifier)


def _known_operation(name: str, edge: str) -> str:
    if name in OPERATIONS:
        return name
    near = difflib.get_close_matches(name, OPERATIONS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InvalidArchitecture(
        f"unknown operation {name!r} on edge {edge}; {hint}known are {', '.join(OPERATIONS)}"
    )


@cache
def _keys() -> Mapping[Cell, str]:
    """The training key of every cell."""
    return {cell: _formula(cell) for cell in itertools.product(OPERATIONS, repeat=len(EDGES))}


@cache
def _representatives() -> Mapping[str, Cell]:
    """The canonical cell of every training key."""
    found: dict[str, Cell] = {}
    for cell, key in _keys().items():
        if key not in found or cell.count("none") > found[key].count("none"):
            found[key] = cell
    return found


def _formula(cell: Cell) -> str:
    """Each node as a sorted sum of terms: ``#`` for zero, ``(x)@operation``, by a skip the node itself."""
    nodes = ["0"]
    terms: list[str] = []
    for (source, _), operation in zip(EDGES, cell, strict=True):
        if operation == "none" or nodes[source] == "#":
            terms.append("#")
        elif operation == "skip_connect":
            terms.append(nodes[source])
        else:
            terms.append(f"({nodes[source]})@{operation}")
        if len(terms) == len(nodes):
            nodes.append("+".join(sorted(terms)))
            terms = []
    return nodes[-1]


@cache
def _graph(cell: Cell) -> Graph:
    """Operations as nodes. An operation on nothing but zeros is dropped, and what leads nowhere."""
    operations = ["input"]
    inputs: list[list[int]] = [[]]  # of each operation, the operations that it adds up
    nodes: dict[int, list[int]] = {0: [0]}  # of each node of the cell, likewise
    for (source, target), operation in zip(EDGES, cell, strict=True):
        terms = nodes.setdefault(target, [])
        if operation == "skip_connect":
            terms += nodes[source]
        elif operation != "none" and nodes[source]:
            terms.append(len(operations))
            operations.append(operation)
            inputs.append(nodes[source])
    operations.append("output")
    inputs.append(nodes[3])
    used = {0, len(operations) - 1}
    for node in reversed(range(len(operations))):
        if node in used:
            used |= set(inputs[node])
    kept = sorted(used)
    edges = [(kept.index(source), i) for i, node in enumerate(kept) for source in inputs[node]]
    return Graph(tuple(operations[node] for node in kept), tuple(edges)).canonical()
