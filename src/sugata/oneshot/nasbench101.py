"""All cells of NAS-Bench-101 in one network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sugata.nn.nasbench101 import ConvNormRelu, NasBench101Cell, NasBench101Network
from sugata.oneshot.base import PathSupernet
from sugata.oneshot.plans import Plans
from sugata.oneshot.slices import Slice, slices
from sugata.space import Signature
from sugata.spaces.cell import NasBench101Space
from sugata.spaces.cell.nasbench101_graph import MOST_VERTICES, ModuleGraph
from sugata.trial import Value

_INTERIOR = range(1, MOST_VERTICES - 1)
_KERNELS = (3, 1)  # of the operations that have weights, in the order of the space's


@dataclass(frozen=True)
class _Plan:
    """The ordinary network of a graph, without storage, and where its tensors come from."""

    network: NasBench101Network
    slices: dict[str, Slice]
    norms: list[tuple[nn.BatchNorm2d, nn.BatchNorm2d]]  # its own and the shared ones


class SharedCell(nn.Module):
    """The weights of one cell for every graph.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output, the most that a vertex has.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        targets = [*map(str, _INTERIOR), "output"]
        self.projections = nn.ModuleDict({target: ConvNormRelu(inputs, outputs, 1) for target in targets})
        self.operations = nn.ModuleDict(
            {
                f"{vertex}_{operation}": ConvNormRelu(outputs, outputs, kernel)
                for vertex in _INTERIOR
                for operation, kernel in enumerate(_KERNELS)
            }
        )

    def parts(self, cell: NasBench101Cell, graph: ModuleGraph) -> list[tuple[str, nn.Module, nn.Module]]:
        """The modules of a cell that have weights: their names, themselves, and the shared ones."""
        last = str(len(graph.operations) + 1)
        found = []
        for target, projection in cell.projections.items():
            shared = self.projections["output" if target == last else target]
            found.append((f"projections.{target}", projection, shared))
        for i, operation in enumerate(graph.operations):
            if operation < len(_KERNELS):
                found.append((f"operations.{i}", cell.operations[i], self.operations[f"{i + 1}_{operation}"]))
        return found


class NasBench101Supernet(PathSupernet):
    """The networks of NAS-Bench-101, whose vertices have as many channels as the graph gives them.

    A vertex takes the first channels of its shared convolution, as slimmable networks do (Yu et al. 2019).
    Shared are the weights of vertices of the same number, where vertices without an effect are left out and
    the others numbered anew in their order; those of 3x3 and of 1x1 convolutions differ. Batch norms share
    scales and shifts; running statistics are those of whatever was computed last, so recalibrate before a
    path is evaluated.

    Args:
        space: Gives channels and cells.
        signature: Of the image task.
    """

    space: NasBench101Space

    def __init__(self, space: NasBench101Space, signature: Signature) -> None:
        super().__init__(space, signature)
        self.decisions = {choice.name: choice.options for choice in space.choices}
        first = space.from_string("1:")  # from the input to the output alone
        frame = space.build(first, signature)
        self.stem, self.classifier = frame.stem, frame.classifier
        self.cells = nn.ModuleList()
        inputs = space.channels
        for stack in range(3):
            for _ in range(space.cells):
                self.cells.append(SharedCell(inputs, space.channels * 2**stack))
                inputs = space.channels * 2**stack
        self._plans: Plans[ModuleGraph, _Plan] = Plans()
        self.activate(first)

    def activate(self, architecture: Mapping[str, Value]) -> None:
        """From now on compute this architecture alone.

        Raises:
            InvalidArchitecture: the space does not have it.
        """
        self.active = self.space.architecture(architecture)
        super().activate(self.active)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        plan = self._plan(self.active)
        plan.network.train(self.training)
        for own, shared in plan.norms:
            own.momentum = shared.momentum  # that is how statistics are recalibrated
        return functional_call(plan.network, _tensors(plan), (images,))

    @torch.no_grad()
    def extract(self, architecture: Mapping[str, Value]) -> NasBench101Network:
        """An ordinary network with copied weights and statistics."""
        made = self.space.architecture(architecture)
        network = self.space.build(made, self.signature)
        tensors = network.state_dict()
        for name, tensor in _tensors(self._plan(made)).items():
            tensors[name].copy_(tensor)
        return network

    def _plan(self, architecture: Mapping[str, Value]) -> _Plan:
        graph = self.space.module(architecture)
        return self._plans.get(graph, lambda: self._planned(architecture, graph))

    def _planned(self, architecture: Mapping[str, Value], graph: ModuleGraph) -> _Plan:
        with torch.device("meta"):
            network = self.space.build(architecture, self.signature)
        parts: list[tuple[str, nn.Module, nn.Module]] = [
            ("stem", network.stem, self.stem),
            ("classifier", network.classifier, self.classifier),
        ]
        cells = iter(self.cells)
        for i, layer in enumerate(network.layers):
            if isinstance(layer, NasBench101Cell):
                shared: Any = next(cells)
                parts += [(f"layers.{i}.{name}", *both) for name, *both in shared.parts(layer, graph)]
        found: dict[str, Slice] = {}
        norms: list[tuple[Any, Any]] = []
        for name, small, large in parts:
            found |= {f"{name}.{tensor}": one for tensor, one in slices(small, large).items()}
            if isinstance(small, ConvNormRelu) and isinstance(large, ConvNormRelu):
                norms.append((small[1], large[1]))
        return _Plan(network, found, norms)


def _tensors(plan: _Plan) -> dict[str, Tensor]:
    return {name: one.take() for name, one in plan.slices.items()}
