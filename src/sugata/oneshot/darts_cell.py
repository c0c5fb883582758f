"""All cells of the DARTS space in one network."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import InvalidArchitecture
from sugata.nn.cell_network import CellNetwork, reduction_positions
from sugata.nn.darts_operations import OPERATIONS, FactorizedReduce, relu_convolution
from sugata.oneshot.base import Supernet, descending
from sugata.oneshot.darts_mixture import in_turn, mixture
from sugata.oneshot.mixed import MixedOperation, copy_weights, without_affine
from sugata.oneshot.partial import PartialMixedOperation, check_parts, refuse_extraction
from sugata.space import Architecture, Signature
from sugata.spaces.cell import DartsSpace
from sugata.spaces.cell.darts import DARTS_OPERATIONS
from sugata.trial import Value

KINDS = ("normal", "reduce")
NODES = (2, 3, 4, 5)
#: Source and target of the edges of a cell, in the order of the published code.
EDGES = tuple((source, node) for node in NODES for source in range(node))
_POOLS = ("max_pool_3x3", "avg_pool_3x3")


def edge_name(kind: str, source: int, node: int) -> str:
    """Name of the decision about an edge, such as ``normal:0->2``."""
    return f"{kind}:{source}->{node}"


class MixedDartsCell(nn.Module):
    """A cell whose fourteen edges hold all operations (Liu et al. 2019, section 2.1).

    As in the published search, batch norms have no scale and no shift, and pools have one behind them.

    Args:
        kind: `normal` or `reduce`.
        before: Channels of the last but one cell's output.
        last: Channels of the last cell's output.
        channels: Of every node.
        halve: The last but one cell's output has twice the resolution of the last one's.
        partial: Into how many parts the channels of an edge are divided; 1: all take part.
    """

    def __init__(self, kind: str, before: int, last: int, channels: int, halve: bool, partial: int) -> None:
        super().__init__()
        self.kind = kind
        self.stride = 2 if kind == "reduce" else 1
        self.outputs = len(NODES) * channels
        self.first = FactorizedReduce(before, channels) if halve else relu_convolution(before, channels)
        self.second = relu_convolution(last, channels)
        self.names = tuple(edge_name(kind, *edge) for edge in EDGES)
        self.together = partial == 1  # mixtures of whole edges have a fast form
        self.edges = nn.ModuleList()
        for source, _ in EDGES:
            stride = self.stride if source < 2 else 1
            options: dict[Value, nn.Module | None] = {
                name: _option(name, channels // partial, stride) for name in DARTS_OPERATIONS
            }
            self.edges.append(
                MixedOperation(options) if partial == 1 else PartialMixedOperation(options, partial, stride)
            )
        without_affine(self)

    def forward(self, before: Tensor, last: Tensor, selection: Mapping[str, int | Tensor]) -> Tensor:
        """Outputs of the two cells before to `(batch, outputs, height / stride, width / stride)`."""
        if self.together and self.training and all(isinstance(selection[n], Tensor) for n in self.names):
            states = [in_turn(self.first, before), in_turn(self.second, last)]
            return torch.cat(mixture(states, self._weighted(selection), len(NODES), self.stride), dim=1)
        states = [self.first(before), self.second(last)]
        edges = zip(EDGES, self.names, self.edges, strict=True)
        for _, incoming in itertools.groupby(edges, key=lambda edge: edge[0][1]):
            terms = [edge(states[source], selection[name]) for (source, _), name, edge in incoming]
            added = [term for term in terms if term is not None]
            if added:
                states.append(sum(added[1:], added[0]))
            else:
                states.append(torch.zeros_like(states[0][:, :, :: self.stride, :: self.stride]))
        return torch.cat(states[2:], dim=1)

    def _weighted(self, selection: Mapping[str, Any]) -> dict[tuple[int, int], tuple[nn.ModuleList, Tensor]]:
        """The options of the edges and their weights."""
        parts = zip(EDGES, self.names, self.edges, strict=True)
        return {edge: (mixed.options, selection[name]) for edge, name, mixed in parts}  # type: ignore[misc]


class DartsSupernet(Supernet):
    """The DARTS search network: every edge of both cells with all eight operations.

    Decisions are the edges, 28 of them, such as ``normal:0->2``; an architecture keeps two edges a node, the
    others are ``none``.

    Args:
        space: Gives channels (16 in the published search), cells (8) and the stem.
        signature: Of the image task.
        partial: Partial channels: into how many parts they are divided (4 in PC-DARTS); 1: none.

    Raises:
        RecipeError: `partial` does not divide the channels.
    """

    space: DartsSpace

    def __init__(self, space: DartsSpace, signature: Signature, *, partial: int = 1) -> None:
        super().__init__(space, signature)
        check_parts(partial, space.layout.channels)
        self.partial = partial
        self.decisions = {edge_name(kind, *edge): DARTS_OPERATIONS for kind in KINDS for edge in EDGES}
        self.sums = {
            f"{kind}:{node}": tuple(edge_name(kind, source, node) for source in range(node))
            for kind in KINDS
            for node in NODES
        }
        first = space.architecture({choice.name: choice.options[-1] for choice in space.choices})
        frame: CellNetwork = space.build(first, signature)
        self.stem0, self.stem1, self.classifier = frame.stem0, frame.stem1, frame.classifier
        self.cells = nn.ModuleList()
        channels, halve = space.layout.channels, space.layout.stem == "imagenet"
        before = last = channels * (1 if halve else 3)
        for position in range(space.layout.cells):
            reduces = position in reduction_positions(space.layout.cells)
            channels *= 2 if reduces else 1
            cell = MixedDartsCell(KINDS[reduces], before, last, channels, halve, partial)
            self.cells.append(cell)
            before, last, halve = last, cell.outputs, reduces
        self.activate(first)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        images = images.contiguous(memory_format=torch.channels_last)  # faster on a CPU
        before = in_turn(self.stem0, images)
        last = in_turn(self.stem1, before)
        for cell in self.cells:
            before, last = last, cell(before, last, self.selection)
        return self.classifier(last.mean((2, 3)))

    # -- architectures --------------------------------------------------------------------------------

    def path(self, architecture: Mapping[str, Value]) -> dict[str, Value]:
        """The operation of every edge; ``none`` where the architecture does not keep it."""
        path: dict[str, Value] = dict.fromkeys(self.decisions, "none")
        for kind, node in itertools.product(KINDS, NODES):
            sources = str(architecture[f"{kind}_{node}_inputs"]).split(",")
            for number, source in enumerate(sources, start=1):
                operation = architecture[f"{kind}_{node}_operation_{number}"]
                path[edge_name(kind, int(source), node)] = operation
        return path

    def architecture(self, path: Mapping[str, Value]) -> Architecture:
        """The architecture that keeps the edges which are not ``none``.

        Raises:
            InvalidArchitecture: these are more than two at a node, or fewer and the space has no ``none``.
        """
        values: dict[str, Value] = {}
        for kind, node in itertools.product(KINDS, NODES):
            operations = {source: path[edge_name(kind, source, node)] for source in range(node)}
            kept = [source for source, operation in operations.items() if operation != "none"]
            if len(kept) > 2:
                raise InvalidArchitecture(
                    f"node {node} of the {kind} cell keeps {len(kept)} edges; keep two, the others none"
                )
            spare = [source for source in range(node) if source not in kept]
            pair = sorted([*kept, *spare[: 2 - len(kept)]])
            values |= _node(kind, node, pair, [operations[source] for source in pair])
        return self.space.architecture(values)

    def ranked(self, probabilities: Mapping[str, Tensor]) -> Iterator[Architecture]:
        """All architectures without ``none``, the strongest first.

        The strength of an edge is that of its strongest operation other than ``none``. The first is what the
        published derivation gives (Liu et al. 2019, section 2.4): at each node the two strongest edges, each
        with its strongest operation. Those that follow have the next lower products of strengths.
        """
        choices: dict[str, tuple[Any, ...]] = {}
        strengths: dict[str, Tensor] = {}
        names = DARTS_OPERATIONS[1:]
        for kind, node in itertools.product(KINDS, NODES):
            edges = [probabilities[edge_name(kind, source, node)][1:] for source in range(node)]
            pairs = list(itertools.combinations(range(node), 2))
            choices[f"{kind}:{node}"] = tuple(itertools.product(pairs, names, names))
            strengths[f"{kind}:{node}"] = torch.cat(
                [torch.outer(edges[one].double(), edges[two].double()).flatten() for one, two in pairs]
            )
        for found in descending(choices, strengths):
            values: dict[str, Value] = {}
            for (kind, node), (pair, *operations) in zip(
                itertools.product(KINDS, NODES), found.values(), strict=True
            ):
                values |= _node(kind, node, pair, operations)
            yield self.space.architecture(values)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture of the space: independent edges would keep more than two a node."""
        return self.space.sample(rng)

    def extract(self, architecture: Mapping[str, Value]) -> CellNetwork:
        """The network of an architecture, with copied weights.

        Its pools have the batch norms of the search behind them, which a network that is built to be trained
        has not; the auxiliary head, which the search does not train, is left out.

        Raises:
            InvalidArchitecture: the supernet has partial channels.
        """
        refuse_extraction(self.partial)
        network = self.space.build(architecture, self.signature)
        network.auxiliary = None
        path = self.path(architecture)
        for part in ("stem0", "stem1", "classifier"):
            copy_weights(getattr(self, part), getattr(network, part))
        for mixed, cell in zip(self.cells, network.cells, strict=True):
            assert isinstance(mixed, MixedDartsCell)
            copy_weights(mixed.first, cell.first)  # type: ignore[arg-type]
            copy_weights(mixed.second, cell.second)  # type: ignore[arg-type]
            shared = {edge: mixed.edges[i] for i, edge in enumerate(EDGES)}
            for state, node in enumerate(cell.plan.nodes, start=2):  # type: ignore[union-attr, arg-type]
                operations: nn.ModuleList = cell.operations[state - 2]  # type: ignore[assignment, index]
                for i, (operation, source) in enumerate(node.edges):
                    if operation == "none":
                        continue
                    if operation in _POOLS:
                        norm = nn.BatchNorm2d(mixed.outputs // len(NODES))
                        operations[i] = nn.Sequential(operations[i], norm)
                    position = DARTS_OPERATIONS.index(str(path[edge_name(mixed.kind, source, state)]))
                    copy_weights(shared[source, state].option(position), operations[i])  # type: ignore[operator]
        return network


def _option(name: str, channels: int, stride: int) -> nn.Module | None:
    """An operation as it is searched: pools have a batch norm behind them, ``none`` is no module."""
    if name == "none":
        return None
    operation = OPERATIONS[name](channels, stride)
    return nn.Sequential(operation, nn.BatchNorm2d(channels)) if name in _POOLS else operation


def _node(kind: str, node: int, pair: Any, operations: Any) -> dict[str, Value]:
    return {
        f"{kind}_{node}_inputs": f"{pair[0]},{pair[1]}",
        f"{kind}_{node}_operation_1": operations[0],
        f"{kind}_{node}_operation_2": operations[1],
    }
