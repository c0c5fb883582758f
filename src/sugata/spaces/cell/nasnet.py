"""The NASNet space (Zoph et al. 2018, "Learning Transferable Architectures", section 3)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from sugata.errors import InvalidArchitecture
from sugata.space import (
    Architecture,
    Block,
    CellNode,
    CellPlan,
    Choice,
    Graph,
    OptionNote,
    SearchSpace,
    Signature,
)
from sugata.spaces.cell.genotype import Genotype, check_operation
from sugata.spaces.cell.macro import MacroLayout
from sugata.spaces.cell.plans import canonical_plan, joined, plan_graph, unused_states
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.cell_network import CellNetwork

#: Eight operations, as many as in the published count of Liu et al. 2018.
NASNET_OPERATIONS = (
    "skip_connect",
    "conv_3x3",
    "conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
)
#: The thirteen of NASNet itself (figure 3 and the list before it).
NASNET_FULL_OPERATIONS = (
    "skip_connect",
    "conv_3x1_1x3",
    "conv_7x1_1x7",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)
_COMBINES = ("add", "concat")
_PAPER = ("Zoph et al. 2018, NASNet",)
_NOTES = {
    "none": OptionNote("Zero: no connection."),
    "skip_connect": OptionNote("The identity; two strided 1x1 convolutions where the resolution is halved."),
    "conv_3x3": OptionNote("ReLU, 3x3 convolution, batch norm.", papers=_PAPER),
    "conv_5x5": OptionNote("ReLU, 5x5 convolution, batch norm."),
    "conv_1x1": OptionNote("ReLU, 1x1 convolution, batch norm.", papers=_PAPER),
    "conv_3x1_1x3": OptionNote("A convolution of 1x3 and one of 3x1.", papers=_PAPER),
    "conv_7x1_1x7": OptionNote("A convolution of 1x7 and one of 7x1.", papers=_PAPER),
    "sep_conv_3x3": OptionNote("Depthwise and pointwise 3x3 convolution, twice.", papers=_PAPER),
    "sep_conv_5x5": OptionNote("Depthwise and pointwise 5x5 convolution, twice.", papers=_PAPER),
    "sep_conv_7x7": OptionNote("Depthwise and pointwise 7x7 convolution, twice.", papers=_PAPER),
    "dil_conv_3x3": OptionNote("Depthwise convolution over every other of 5x5, pointwise.", papers=_PAPER),
    "avg_pool_3x3": OptionNote("Mean over 3x3 positions, those outside not counted.", papers=_PAPER),
    "max_pool_3x3": OptionNote("Maximum over 3x3 positions.", papers=_PAPER),
    "max_pool_5x5": OptionNote("Maximum over 5x5 positions.", papers=_PAPER),
    "max_pool_7x7": OptionNote("Maximum over 7x7 positions.", papers=_PAPER),
    "dil_conv_5x5": OptionNote("Depthwise convolution over every other of 9x9, pointwise."),
    "add": OptionNote("The sum of the results.", papers=_PAPER),
    "concat": OptionNote(
        "All results side by side, and a 1x1 convolution back to the width of the cell.", papers=_PAPER
    ),
}


class NasNetSpace(SearchSpace):
    """Cells of nodes that combine operations on any states before them; what no node takes leaves the cell.

    The number of cells is the product over the nodes of (states before it x operations) ^ inputs. With four
    nodes, eight operations and two inputs: (2 x 8)^2 (3 x 8)^2 (4 x 8)^2 (5 x 8)^2 = 241,591,910,400. So do
    Liu et al. 2018 count ("Progressive Neural Architecture Search", 3.1), who search one cell and use it
    with stride 2 as the reduction cell as well; that is the default. NASNet and AmoebaNet search two
    (``two_cells``), which squares the count.

    Args:
        nodes: in a cell.
        inputs: of a node. They may be equal.
        operations: that a node applies to an input, of ``sugata.spaces.cell.OPERATIONS``; ``none`` is zero.
        combine: ``add`` or ``concat`` for all nodes, or ``any``: a choice for each, as in NASNet.
        two_cells: whether the reduction cell is searched by itself.
        channels: of the first cells.
        cells: normal cells before, between and after the two reductions each, NASNet's N.
        stem: ``cifar``, or ``imagenet`` for large images.
        auxiliary: whether networks have an auxiliary head for training; it is counted and stored with them.

    Raises:
        InvalidArchitecture: a number is too small, or a name is unknown.
    """

    name = "cell/nasnet"

    def __init__(
        self,
        nodes: int = 4,
        inputs: int = 2,
        operations: Sequence[str] = NASNET_OPERATIONS,
        combine: Literal["add", "concat", "any"] = "add",
        two_cells: bool = False,
        channels: int = 32,
        cells: int = 6,
        stem: str = "cifar",
        auxiliary: bool = False,
    ) -> None:
        if min(nodes, inputs, cells) < 1:
            raise InvalidArchitecture(
                f"space {self.name}: nodes={nodes}, inputs={inputs}, cells={cells}; give at least 1 of each"
            )
        if combine not in (*_COMBINES, "any"):
            raise InvalidArchitecture(f"space {self.name}: combine={combine!r}; use add, concat or any")
        for operation in operations:
            check_operation(f"space {self.name}", operation)
        self.layout = MacroLayout(channels, 3 * cells + 2, stem, auxiliary)
        self.nodes = tuple(range(2, 2 + nodes))
        self.inputs = tuple(range(1, 1 + inputs))
        self.operations = tuple(operations)
        self.combines = _COMBINES if combine == "any" else (combine,)
        self.cell_names = ("normal", "reduce") if two_cells else ("cell",)
        self.parameters = {
            "nodes": nodes,
            "inputs": inputs,
            "operations": list(operations),
            "combine": combine,
            "two_cells": two_cells,
            "channels": channels,
            "cells": cells,
            "stem": stem,
            "auxiliary": auxiliary,
        }
        self.choices = tuple(
            choice
            for cell in self.cell_names
            for node in self.nodes
            for choice in self._node_choices(cell, node)
        )

    def _node_choices(self, cell: str, node: int) -> list[Choice]:
        choices = []
        for number in self.inputs:
            choices.append(
                Choice(
                    f"{cell}_{node}_input_{number}",
                    tuple(range(node)),
                    description=f"state that node {node} takes as input {number}; 0 and 1 come from outside",
                )
            )
            choices.append(
                Choice(
                    f"{cell}_{node}_operation_{number}",
                    self.operations,
                    description=f"what node {node} does with input {number}",
                    notes={name: _NOTES[name] for name in self.operations if name in _NOTES},
                )
            )
        if len(self.combines) > 1:
            text = f"how node {node} combines its inputs"
            notes = {name: _NOTES[name] for name in self.combines}
            choices.append(Choice(f"{cell}_{node}_combine", self.combines, description=text, notes=notes))
        return choices

    # -- genotypes ----------------------------------------------------------------------------------

    def from_string(self, text: str) -> Architecture:
        """The architecture of a genotype in the text form of DARTS.

        Raises:
            InvalidArchitecture: it cannot be read, or lies outside of this space.
        """
        return self.from_genotype(Genotype.parse(text))

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """The genotype in the text form of DARTS.

        Raises:
            InvalidArchitecture: nodes have not two inputs, or concatenate them; genotypes cannot say that.
        """
        return str(Genotype.of(*self._plans(architecture)))

    def from_genotype(self, genotype: Genotype) -> Architecture:
        """The architecture of a genotype.

        Raises:
            InvalidArchitecture: it has other numbers of nodes or cells, an operation that is not of this
                space, or other states leave a cell than those that no node takes.
        """
        plans = genotype.plans()
        if len(self.cell_names) == 1 and canonical_plan(plans[0], False) != canonical_plan(plans[1], False):
            raise InvalidArchitecture(
                f"genotype: its two cells differ, and space {self.name} has one; use two_cells=True"
            )
        values: dict[str, Value] = {}
        for cell, plan in zip(self.cell_names, plans, strict=False):
            if plan.output != unused_states(plan.nodes):
                raise InvalidArchitecture(
                    f"genotype, {cell}: states {list(plan.output)} leave the cell; in space {self.name} those"
                    f" that no node takes do, {list(unused_states(plan.nodes))}"
                )
            values |= self._values(cell, plan)
        return self.architecture(values)

    # -- what is the same ---------------------------------------------------------------------------

    def distinct(self) -> None:
        """Not counted: that would need all cells up to isomorphism."""

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """Edges and nodes in the order that follows from their structure.

        See :func:`sugata.spaces.cell.plans.canonical_plan` for what is merged and what is not.
        """
        values: dict[str, Value] = {}
        for cell, plan in self._canonical_plans(architecture).items():
            values |= self._values(cell, plan)
        return self.architecture(values)

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The canonical cells as text."""
        plans = self._canonical_plans(architecture)
        return " ".join(
            f"{cell}={[(node.combine, *node.edges) for node in plan.nodes]}" for cell, plan in plans.items()
        )

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """The cells side by side, labels such as ``normal:sep_conv_3x3``; of a single cell without prefix."""
        plans = self._canonical_plans(architecture)
        if len(plans) == 1:
            return plan_graph(plans["cell"], reduction=False).canonical()
        return joined(
            plan_graph(plan, reduction=cell == "reduce", prefix=f"{cell}:").canonical()
            for cell, plan in plans.items()
        )

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """The normal and the reduction cell, or the one that is both."""
        normal, reduction = self._plans(architecture)
        if len(self.cell_names) == 1:
            return {"cell": plan_graph(normal, reduction=False)}
        return {
            "normal": plan_graph(normal, reduction=False),
            "reduction": plan_graph(reduction, reduction=True),
        }

    # -- networks -----------------------------------------------------------------------------------

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "CellNetwork":
        """The network for images of the signature's size.

        Raises:
            InvalidArchitecture: the signature is not that of an image task.
        """
        return self.layout.build(*self._plans(architecture), signature)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """Stem, cells and classifier, without the auxiliary head."""
        return self.layout.outline(*self._plans(architecture), signature)

    def _values(self, cell: str, plan: CellPlan) -> dict[str, Value]:
        if len(plan.nodes) != len(self.nodes):
            raise InvalidArchitecture(
                f"genotype, {cell}: {len(plan.nodes)} nodes; space {self.name} has {len(self.nodes)}"
            )
        values: dict[str, Value] = {}
        for state, node in zip(self.nodes, plan.nodes, strict=True):
            if len(node.edges) != len(self.inputs):
                raise InvalidArchitecture(
                    f"genotype, {cell}: node {state} takes {len(node.edges)} inputs;"
                    f" in space {self.name} it takes {len(self.inputs)}"
                )
            for number, (operation, source) in zip(self.inputs, node.edges, strict=True):
                check_operation(f"genotype, {cell}", operation, self.operations)
                values[f"{cell}_{state}_input_{number}"] = source
                values[f"{cell}_{state}_operation_{number}"] = operation
            if len(self.combines) > 1:
                values[f"{cell}_{state}_combine"] = node.combine
        return values

    def _plans(self, architecture: Mapping[str, Value]) -> tuple[CellPlan, CellPlan]:
        plans = [self._plan(architecture, cell) for cell in self.cell_names]
        return plans[0], plans[-1]

    def _canonical_plans(self, architecture: Mapping[str, Value]) -> dict[str, CellPlan]:
        return {cell: canonical_plan(self._plan(architecture, cell), False) for cell in self.cell_names}

    def _plan(self, architecture: Mapping[str, Value], cell: str) -> CellPlan:
        nodes = tuple(
            CellNode(
                tuple(
                    (
                        str(architecture[f"{cell}_{node}_operation_{number}"]),
                        int(architecture[f"{cell}_{node}_input_{number}"]),
                    )
                    for number in self.inputs
                ),
                str(architecture.get(f"{cell}_{node}_combine", self.combines[0])),
            )
            for node in self.nodes
        )
        return CellPlan(nodes, unused_states(nodes))


class NasNetFullSpace(NasNetSpace):
    """The space in which NASNet-A was found: two cells of five nodes, thirteen operations.

    AmoebaNet-A as the code of DARTS has it lies in it too. Nodes add, as those of both do; in the paper each
    may also concatenate, which ``NasNetSpace(combine="any")`` has.

    Args:
        channels: of the first cells.
        cells: normal cells before, between and after the two reductions each.
        stem: ``cifar``, or ``imagenet`` for large images.
        auxiliary: whether networks have an auxiliary head for training; it is counted and stored with them.

    Raises:
        InvalidArchitecture: a number is too small, or the stem is unknown.
    """

    name = "cell/nasnet_full"

    def __init__(
        self, channels: int = 32, cells: int = 6, stem: str = "cifar", auxiliary: bool = False
    ) -> None:
        super().__init__(
            nodes=5,
            operations=NASNET_FULL_OPERATIONS,
            two_cells=True,
            channels=channels,
            cells=cells,
            stem=stem,
            auxiliary=auxiliary,
        )
        self.parameters = {"channels": channels, "cells": cells, "stem": stem, "auxiliary": auxiliary}
