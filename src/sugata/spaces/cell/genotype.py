"""Genotypes: pairs of cells in the text form that DARTS, PC-DARTS and many after them publish."""

import ast
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sugata.errors import InvalidArchitecture
from sugata.space import CellNode, CellPlan, Edge

#: Every operation that a cell may have; ``sugata.nn.darts_operations`` says what each of them is.
OPERATIONS = (
    "none",
    "skip_connect",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_3x1_1x3",
    "conv_7x1_1x7",
)
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_FORM = (
    "Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=[2, ...], reduce=[...], reduce_concat=[...])"
)


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell, two edges a node: any number of nodes, any of ``OPERATIONS``.

    Attributes:
        normal: pairs (operation, input), two for each node in their order. Inputs 0 and 1 are the outputs of
            the two cells before, 2 is the first node.
        normal_concat: the states whose concatenation leaves the cell.
        reduce: the same of the reduction cell, whose edges from inputs 0 and 1 have stride 2.
        reduce_concat: likewise.

    Raises:
        InvalidArchitecture: an operation is unknown, the number of pairs is odd, an input is not before the
            node that takes it, or what leaves the cell is not one of its states.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        self.plans()

    @classmethod
    def parse(cls, text: str) -> "Genotype":
        """The genotype of a text such as ``Genotype(normal=[('sep_conv_3x3', 1), ...], ...)``.

        Lists, tuples and ``range(2, 6)`` are understood. Nothing is executed.

        Raises:
            InvalidArchitecture: the text has another form, or as the class.
        """
        try:
            call = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InvalidArchitecture(f"genotype cannot be read ({error}); write {_FORM}") from None
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "Genotype":
            raise InvalidArchitecture(f"genotype {_shortened(text)} has another form; write {_FORM}")
        given = dict(zip(_FIELDS, call.args, strict=False))
        given |= {str(keyword.arg): keyword.value for keyword in call.keywords}
        if len(call.args) + len(call.keywords) != len(_FIELDS) or set(given) != set(_FIELDS):
            raise InvalidArchitecture(f"genotype: the fields must be {', '.join(_FIELDS)}; write {_FORM}")
        values = {field: _literal(field, node) for field, node in given.items()}
        return cls(
            _edges("normal", values["normal"]),
            _states("normal_concat", values["normal_concat"]),
            _edges("reduce", values["reduce"]),
            _states("reduce_concat", values["reduce_concat"]),
        )

    @classmethod
    def of(cls, normal: CellPlan, reduction: CellPlan) -> "Genotype":
        """The genotype of two plans.

        Raises:
            InvalidArchitecture: a node has not two edges, or does not add them up.
        """
        for plan in (normal, reduction):
            for state, node in enumerate(plan.nodes, start=2):
                if len(node.edges) != 2 or node.combine != "add":
                    raise InvalidArchitecture(
                        f"node {state} combines {len(node.edges)} edges by {node.combine};"
                        " a genotype has nodes that add two"
                    )
        return cls(
            tuple(edge for node in normal.nodes for edge in node.edges),
            normal.output,
            tuple(edge for node in reduction.nodes for edge in node.edges),
            reduction.output,
        )

    def plans(self) -> tuple[CellPlan, CellPlan]:
        """The normal and the reduction cell, ready to be built."""
        return (
            _plan("normal", self.normal, self.normal_concat),
            _plan("reduce", self.reduce, self.reduce_concat),
        )

    def __str__(self) -> str:
        """The published text form."""
        normal, reduce = list(self.normal), list(self.reduce)
        normal_concat, reduce_concat = list(self.normal_concat), list(self.reduce_concat)
        return (
            f"Genotype(normal={normal}, normal_concat={normal_concat},"
            f" reduce={reduce}, reduce_concat={reduce_concat})"
        )


def check_operation(where: str, operation: str, known: Sequence[str] = OPERATIONS) -> None:
    """Refuse an operation that is not known.

    Raises:
        InvalidArchitecture: names the nearest known one.
    """
    if operation not in known:
        near = difflib.get_close_matches(operation, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
        raise InvalidArchitecture(f"{where}: unknown operation {operation!r}; {hint}")


def _plan(field: str, edges: Sequence[Edge], concat: tuple[int, ...]) -> CellPlan:
    for operation, _ in edges:
        check_operation(f"genotype, {field}", operation)
    if not edges or len(edges) % 2:
        raise InvalidArchitecture(f"genotype, {field}: {len(edges)} pairs; give two for each node")
    nodes = tuple(CellNode(tuple(edges[i : i + 2])) for i in range(0, len(edges), 2))
    try:
        return CellPlan(nodes, concat)
    except InvalidArchitecture as error:
        raise InvalidArchitecture(f"genotype, {field}: {error}") from None


def _literal(field: str, node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range" and not node.keywords:
        bounds = [_literal(field, argument) for argument in node.args]
        if 1 <= len(bounds) <= 2 and all(type(bound) is int and abs(bound) < 1000 for bound in bounds):
            return list(range(*bounds))
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise InvalidArchitecture(f"genotype, {field}: {_shortened(ast.unparse(node))} is no list") from None


def _edges(field: str, value: Any) -> tuple[Edge, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidArchitecture(f"genotype, {field}: {_shortened(str(value))} is no list of pairs")
    edges: list[Edge] = []
    for pair in value:
        if not (isinstance(pair, list | tuple) and [type(part) for part in pair] == [str, int]):
            raise InvalidArchitecture(
                f"genotype, {field}: {_shortened(str(pair))} is no pair such as ('sep_conv_3x3', 1)"
            )
        edges.append((pair[0], pair[1]))
    return tuple(edges)


def _states(field: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or any(type(state) is not int for state in value):
        raise InvalidArchitecture(f"genotype, {field}: {_shortened(str(value))} is no list such as [2, 3, 4]")
    return tuple(value)


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."
