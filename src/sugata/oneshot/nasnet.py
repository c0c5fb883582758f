"""All cells of a NASNet space in one network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sugata.nn.cell_network import Cell, CellNetwork, reduction_positions
from sugata.nn.darts_operations import OPERATIONS, FactorizedReduce, relu_convolution
from sugata.oneshot.base import Selection, Supernet
from sugata.oneshot.mixed import MixedOperation, copy_weights, without_affine
from sugata.space import CellPlan, Signature
from sugata.spaces.cell import NasNetSpace
from sugata.trial import Value

Amount = float | Tensor  # of a state that something takes: 0 none, 1 all


class MixedNasNetCell(nn.Module):
    """A cell whose nodes can apply every operation to every state before them.

    As in ENAS (Pham et al. 2018, section 2.4), each input of a node has weights of its own for every state
    and operation. All nodes leave the cell, those that another one takes as zeros.

    Args:
        space: Gives nodes, inputs and operations.
        name: Of the cell among the space's choices.
        before: Channels of the last but one cell's output.
        last: Channels of the last cell's output.
        channels: Of every node.
        stride: 2 in a reduction cell.
        halve: The last but one cell's output has twice the resolution of the last one's.
    """

    def __init__(
        self,
        space: NasNetSpace,
        name: str,
        *,
        before: int,
        last: int,
        channels: int,
        stride: int,
        halve: bool,
    ) -> None:
        super().__init__()
        self.name = name
        self.nodes, self.inputs = space.nodes, space.inputs
        self.operation_names, self.combines = space.operations, space.combines
        self.channels, self.stride = channels, stride
        self.outputs = len(space.nodes) * channels
        self.first = FactorizedReduce(before, channels) if halve else relu_convolution(before, channels)
        self.second = relu_convolution(last, channels)
        self.edges = nn.ModuleDict(
            {
                f"{node}_{number}": nn.ModuleList(
                    MixedOperation(self._options(stride if source < 2 else 1)) for source in range(node)
                )
                for node in space.nodes
                for number in space.inputs
            }
        )
        self.combined = nn.ModuleDict()
        if "concat" in space.combines:
            wide = len(space.inputs) * channels
            self.combined.update({str(node): relu_convolution(wide, channels) for node in space.nodes})
        without_affine(self)

    def forward(self, before: Tensor, last: Tensor, selection: Selection) -> Tensor:
        """Outputs of the two cells before to `(batch, outputs, height / stride, width / stride)`."""
        states = [self.first(before), self.second(last)]
        zeros = torch.zeros_like(states[0][:, :, :: self.stride, :: self.stride])
        left: list[Amount] = [1.0] * (2 + len(self.nodes))
        for node in self.nodes:
            terms = []
            for number in self.inputs:
                prefix = f"{self.name}_{node}"
                source = selection[f"{prefix}_input_{number}"]
                operation = selection[f"{prefix}_operation_{number}"]
                term = self._term(f"{node}_{number}", states, source, operation)
                terms.append(zeros if term is None else term)
                for state, amount in enumerate(self._taken(node, source, operation)):
                    left[state] = left[state] * (1 - amount)
            states.append(self._together(node, terms, selection))
        parts = zip(states[2:], left[2:], strict=True)
        return torch.cat([zeros if _is_zero(amount) else state * amount for state, amount in parts], dim=1)

    def copy_operations(self, cell: Cell) -> None:
        """Copy the weights of the operations that a cell has."""
        for state, node in enumerate(cell.plan.nodes, start=2):
            operations: Any = cell.operations[state - 2]
            for number, (operation, source) in enumerate(node.edges, start=1):
                edges: Any = self.edges[f"{state}_{number}"]
                if operation != "none":
                    option = edges[source].option(self.operation_names.index(operation))
                    copy_weights(option, operations[number - 1])
            if node.combine == "concat":
                copy_weights(self.combined[str(state)], cell.combined[state - 2])

    def _options(self, stride: int) -> dict[Value, nn.Module | None]:
        """Modules by name; ``none`` is no module."""
        return {
            name: None if name == "none" else OPERATIONS[name](self.channels, stride)
            for name in self.operation_names
        }

    def _term(
        self, place: str, states: list[Tensor], source: int | Tensor, operation: int | Tensor
    ) -> Tensor | None:
        """What one input of a node gives; None is zero."""
        edges: Any = self.edges[place]
        if isinstance(source, int):
            found: Tensor | None = edges[source](states[source], operation)
            return found
        total: Tensor | None = None
        for edge, state, weight in zip(edges, states, source, strict=True):
            if _is_zero(weight) or (term := edge(state, operation)) is None:
                continue
            total = weight * term if total is None else total + weight * term
        return total

    def _taken(self, node: int, source: int | Tensor, operation: int | Tensor) -> list[Amount]:
        """How much of every state before a node one of its inputs takes; nothing by ``none``."""
        live: Amount = 1.0
        if "none" in self.operation_names:
            none = self.operation_names.index("none")
            live = float(operation != none) if isinstance(operation, int) else 1 - operation[none]
        if isinstance(source, int):
            return [live if state == source else 0.0 for state in range(node)]
        return [weight * live for weight in source]

    def _together(self, node: int, terms: list[Tensor], selection: Selection) -> Tensor:
        """The sum of the terms, or their concatenation brought back to the width of the cell."""
        chosen = selection.get(f"{self.name}_{node}_combine", 0)
        results = []
        for position, name in enumerate(self.combines):
            weight = float(position == chosen) if isinstance(chosen, int) else chosen[position]
            if _is_zero(weight):
                continue
            found = sum(terms[1:], terms[0])
            if name == "concat":
                found = self.combined[str(node)](torch.cat(terms, dim=1))
            results.append(found if isinstance(chosen, int) else weight * found)
        return sum(results[1:], results[0])


class NasNetSupernet(Supernet):
    """The networks of a NASNet space: every cell with all operations on all states.

    Which states leave a cell depends on its nodes: those that none takes. Here all of them leave it, those
    that are taken as zeros, so that the next cells' first convolutions and the classifier have weights for
    each. In a mixture a state leaves the cell as far as no node takes it: the product over all inputs of one
    less the weight by which they do.

    Batch norms have no scale and no shift, as in the search network of DARTS.

    Args:
        space: Gives channels and cells.
        signature: Of the image task.
    """

    space: NasNetSpace

    def __init__(self, space: NasNetSpace, signature: Signature) -> None:
        super().__init__(space, signature)
        self.decisions = {choice.name: choice.options for choice in space.choices}
        first = space.architecture({choice.name: choice.default for choice in space.choices})  # type: ignore[misc]
        frame = space.build(first, signature)
        self.stem0, self.stem1 = frame.stem0, frame.stem1
        self.cells = nn.ModuleList()
        channels, halve = space.layout.channels, space.layout.stem == "imagenet"
        before = last = channels * (1 if halve else 3)
        for position in range(space.layout.cells):
            reduces = position in reduction_positions(space.layout.cells)
            channels *= 2 if reduces else 1
            cell = MixedNasNetCell(
                space,
                space.cell_names[-1 if reduces else 0],
                before=before,
                last=last,
                channels=channels,
                stride=2 if reduces else 1,
                halve=halve,
            )
            self.cells.append(cell)
            before, last, halve = last, cell.outputs, reduces
        self.classifier = nn.Linear(last, frame.classifier.out_features)
        self.activate(first)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        before = self.stem0(images)
        last = self.stem1(before)
        for cell in self.cells:
            before, last = last, cell(before, last, self.selection)
        return self.classifier(last.mean((2, 3)))

    def extract(self, architecture: Mapping[str, Value]) -> CellNetwork:
        """The network of an architecture, with copied weights; the auxiliary head is left out."""
        network = self.space.build(architecture, self.signature)
        network.auxiliary = None
        copy_weights(self.stem0, network.stem0)
        copy_weights(self.stem1, network.stem1)
        before = last = None  # which channels of the two cells before there are; None: all
        for mixed, cell in zip(self.cells, network.cells, strict=True):
            assert isinstance(mixed, MixedNasNetCell)
            assert isinstance(cell, Cell)
            _copy_columns(mixed.first, cell.first, before)
            _copy_columns(mixed.second, cell.second, last)
            mixed.copy_operations(cell)
            before, last = last, _columns(cell.plan, mixed.channels)
        _copy_columns(self.classifier, network.classifier, last)
        return network


def _is_zero(amount: Amount) -> bool:
    return float(amount.detach() if isinstance(amount, Tensor) else amount) == 0.0


def _columns(plan: CellPlan, channels: int) -> Tensor:
    """Positions of the states that leave a cell among the channels of all its nodes."""
    return torch.cat([torch.arange(channels) + (state - 2) * channels for state in plan.output])


@torch.no_grad()
def _copy_columns(source: nn.Module, target: nn.Module, columns: Tensor | None) -> None:
    """Copy weights, of matrices and convolutions only these input channels."""
    values = source.state_dict()
    for name, tensor in target.state_dict().items():
        if name not in values:  # batch norms of the search have no scale and shift
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)
        elif tensor.dim() > 1 and columns is not None:
            tensor.copy_(values[name].index_select(1, columns.to(values[name].device)))
        else:
            tensor.copy_(values[name])
