"""The DARTS space (Liu et al. 2019, "DARTS: Differentiable Architecture Search", sections 3.1.1 and C)."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

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
from sugata.spaces.cell.plans import canonical_plan, joined, plan_graph
from sugata.trial import Value

if TYPE_CHECKING:
    from sugata.nn.cell_network import CellNetwork

#: In the order of the published code.
DARTS_OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
_CELLS = ("normal", "reduce")
_NODES = (2, 3, 4, 5)
_PAPER = ("Liu et al. 2019, DARTS",)
_NOTES = {
    "none": OptionNote("No connection.", papers=_PAPER),
    "max_pool_3x3": OptionNote("Maximum over 3x3 positions.", papers=_PAPER),
    "avg_pool_3x3": OptionNote("Mean over 3x3 positions, those outside not counted.", papers=_PAPER),
    "skip_connect": OptionNote(
        "The identity; in a reduction cell two strided 1x1 convolutions.",
        contra="differentiable search favours it too much",
        papers=("Zela et al. 2020, Understanding and Robustifying DARTS",),
    ),
    "sep_conv_3x3": OptionNote("Depthwise and pointwise 3x3 convolution, twice.", papers=_PAPER),
    "sep_conv_5x5": OptionNote("Depthwise and pointwise 5x5 convolution, twice.", papers=_PAPER),
    "dil_conv_3x3": OptionNote("Depthwise convolution over every other of 5x5, pointwise.", papers=_PAPER),
    "dil_conv_5x5": OptionNote("Depthwise convolution over every other of 9x9, pointwise.", papers=_PAPER),
}


class DartsSpace(SearchSpace):
    """A normal and a reduction cell of four nodes, each the sum of two operations on two different states.

    A node chooses a pair of the states before it: 1, 3, 6 and 10 pairs. Without ``none`` that makes
    180 x 7^8 = 1,037,664,180 cells, the published count ("about 10^9"); with it 180 x 8^8. All four nodes
    leave the cell.

    Args:
        channels: of the first cells: 36 in the published networks for CIFAR-10, 48 for ImageNet.
        cells: in all: 20 and 14.
        stem: ``cifar``, or ``imagenet`` for large images.
        auxiliary: whether networks have an auxiliary head for training; it is counted and stored with them.
        none: whether ``none`` may be chosen. Published genotypes never have it.

    Raises:
        InvalidArchitecture: a number is too small, or the stem is unknown.
    """

    name = "cell/darts"

    def __init__(
        self,
        channels: int = 36,
        cells: int = 20,
        stem: str = "cifar",
        auxiliary: bool = False,
        none: bool = True,
    ) -> None:
        self.layout = MacroLayout(channels, cells, stem, auxiliary)
        self.parameters = {
            "channels": channels,
            "cells": cells,
            "stem": stem,
            "auxiliary": auxiliary,
            "none": none,
        }
        self.operations = DARTS_OPERATIONS if none else DARTS_OPERATIONS[1:]
        self.choices = tuple(
            choice for cell in _CELLS for node in _NODES for choice in self._node_choices(cell, node)
        )

    def _node_choices(self, cell: str, node: int) -> tuple[Choice, ...]:
        which = "normal" if cell == "normal" else "reduction"
        pairs = tuple(f"{first},{second}" for first, second in itertools.combinations(range(node), 2))
        inputs = Choice(
            f"{cell}_{node}_inputs", pairs, description=f"states that node {node} of the {which} cell takes"
        )
        operations = (
            Choice(
                f"{cell}_{node}_operation_{number}",
                self.operations,
                default="sep_conv_3x3",
                description=f"what node {node} of the {which} cell does with its {ordinal} input",
                notes=_NOTES,
            )
            for number, ordinal in ((1, "first"), (2, "second"))
        )
        return inputs, *operations

    # -- genotypes ----------------------------------------------------------------------------------

    def from_string(self, text: str) -> Architecture:
        """The architecture of a genotype in the published text form.

        Raises:
            InvalidArchitecture: it cannot be read, or lies outside of this space.
        """
        return self.from_genotype(Genotype.parse(text))

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """The genotype in the published text form, the edges of a node in the order of their inputs."""
        return str(self.genotype(architecture))

    def from_genotype(self, genotype: Genotype) -> Architecture:
        """The architecture of a genotype.

        Raises:
            InvalidArchitecture: it has another number of nodes, one input twice, an operation that is not
                of this space, or not all nodes leave the cell.
        """
        values: dict[str, Value] = {}
        for cell, plan in zip(_CELLS, genotype.plans(), strict=True):
            if len(plan.nodes) != len(_NODES) or plan.output != _NODES:
                raise InvalidArchitecture(
                    f"genotype, {cell}: {len(plan.nodes)} nodes, of which {list(plan.output)} leave the cell;"
                    f" space {self.name} has four, {list(_NODES)}"
                )
            for state, node in zip(_NODES, plan.nodes, strict=True):
                (first, source), (second, other) = sorted(node.edges, key=lambda edge: edge[1])
                if source == other:
                    raise InvalidArchitecture(
                        f"genotype, {cell}: node {state} takes state {source} twice;"
                        f" in space {self.name} it takes two different ones"
                    )
                for operation in (first, second):
                    check_operation(f"genotype, {cell}", operation, self.operations)
                values[f"{cell}_{state}_inputs"] = f"{source},{other}"
                values[f"{cell}_{state}_operation_1"] = first
                values[f"{cell}_{state}_operation_2"] = second
        return self.architecture(values)

    def genotype(self, architecture: Mapping[str, Value]) -> Genotype:
        """The genotype of an architecture."""
        return Genotype.of(*self._plans(architecture))

    # -- what is the same ---------------------------------------------------------------------------

    def distinct(self) -> None:
        """Not counted: that would need all cells up to isomorphism."""

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """Nodes in the order that follows from their structure, an edge without operation at its first place.

        See :func:`sugata.spaces.cell.plans.canonical_plan` for what is merged and what is not.
        """
        return self.from_genotype(Genotype.of(*self._canonical_plans(architecture)))

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """The genotype of the canonical architecture."""
        return str(Genotype.of(*self._canonical_plans(architecture)))

    deployment_key = training_key

    def graph(self, architecture: Mapping[str, Value]) -> Graph:
        """Both cells side by side, labels such as ``normal:sep_conv_3x3``; nodes are ``normal:add``."""
        plans = zip(_CELLS, self._canonical_plans(architecture), strict=True)
        return joined(
            plan_graph(plan, reduction=cell == "reduce", prefix=f"{cell}:").canonical()
            for cell, plan in plans
        )

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """The normal and the reduction cell."""
        normal, reduction = self._plans(architecture)
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

    def _plans(self, architecture: Mapping[str, Value]) -> tuple[CellPlan, CellPlan]:
        normal, reduction = (self._plan(architecture, cell) for cell in _CELLS)
        return normal, reduction

    def _canonical_plans(self, architecture: Mapping[str, Value]) -> tuple[CellPlan, CellPlan]:
        normal, reduction = self._plans(architecture)
        return canonical_plan(normal, True), canonical_plan(reduction, True)

    @staticmethod
    def _plan(architecture: Mapping[str, Value], cell: str) -> CellPlan:
        nodes = []
        for node in _NODES:
            first, second = str(architecture[f"{cell}_{node}_inputs"]).split(",")
            operations = [str(architecture[f"{cell}_{node}_operation_{number}"]) for number in (1, 2)]
            nodes.append(CellNode(((operations[0], int(first)), (operations[1], int(second)))))
        return CellPlan(tuple(nodes), _NODES)
