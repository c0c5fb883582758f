"""From nodes to the plain JSON that the space of blocks is made of, and what is read of it for the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sugata.automl.nodes import Head, Node
from sugata.errors import RecipeError

_NOT_OF_THE_NETWORK = ("class_weight", "loss_weight", "resize", "column_names", "column_types")


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph, as the data see it.

    Attributes:
        kind: of the input (``image``...) or head (``classification``...).
        options: what is not the network's: size of images, names and types of columns, weights of classes
            and losses.
    """

    name: str
    kind: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A graph of blocks.

    Attributes:
        network: the parameters of its search space.
        inputs: in the order in which data are given.
        heads: likewise of targets.
    """

    network: dict[str, Any]
    inputs: tuple[Port, ...]
    heads: tuple[Port, ...]

    @property
    def augment(self) -> dict[str, str]:
        """The block that says how the images of an input are changed in training, by the input's name.

        Raises:
            RecipeError: such a block comes after others than a normalization, or an input has two.
        """
        by_name = {block["name"]: block for block in self.network["blocks"]}
        found: dict[str, str] = {}
        for name, block in by_name.items():
            if block["kind"] != "image_augmentation":
                continue
            source = block["inputs"][0]
            while by_name.get(source, {}).get("kind") == "normalization":
                source = by_name[source]["inputs"][0]
            if source in by_name:
                raise RecipeError(
                    f"block {name!r}: images are changed before the network sees them, not after {source!r};"
                    " call it on an image's input or its normalization"
                )
            if source in found:
                raise RecipeError(
                    f"block {name!r}: images of {source!r} are changed by {found[source]!r} already; keep one"
                )
            found[source] = name
        return found

    def option(self, name: str) -> dict[str, Any]:
        """An option of the heads that have it, by head."""
        return {port.name: port.options[name] for port in self.heads if port.options.get(name) is not None}


def by_name(graph: Graph, found: Mapping[str, Any]) -> Any:
    """What was found of the only head, or of each in their order."""
    values = [found[port.name] for port in graph.heads]
    return values[0] if len(values) == 1 else values


def usual_graph(inputs: Sequence[Port], heads: Sequence[Port]) -> Graph:
    """The graph where nobody drew one."""
    from sugata.spaces.blocks import default_graph

    network = default_graph(
        {port.name: port.kind for port in inputs},  # type: ignore[misc]
        {port.name: port.kind for port in heads},
    )
    return Graph(network, tuple(inputs), tuple(heads))


def graph_of(inputs: Node | Sequence[Node], outputs: Node | Head | Sequence[Node | Head]) -> Graph:
    """The graph between inputs and outputs; the usual one where no head was called on anything.

    Raises:
        RecipeError: the graph has no inputs or heads, misses an input, or names two things alike.
        InvalidArchitecture: a field of a block is unknown, or has a wrong value.
    """
    from sugata.spaces.blocks.graph import read_graph

    graph = _graph_of(inputs, outputs)
    read_graph(*(graph.network[part] for part in ("inputs", "blocks", "heads")))
    _ = graph.augment
    return graph


def _graph_of(inputs: Node | Sequence[Node], outputs: Node | Head | Sequence[Node | Head]) -> Graph:
    starts = [inputs] if isinstance(inputs, Node) else list(inputs)
    ends = [outputs] if isinstance(outputs, Node | Head) else list(outputs)
    if not starts or not all(isinstance(node, Node) and node.role == "input" for node in starts):
        raise RecipeError(
            "inputs: give ImageInput(), TextInput(), StructuredDataInput() or Input(), or a list"
        )
    if not ends or not all(isinstance(end, Head) or _is_head(end) for end in ends):
        raise RecipeError(
            "outputs: give ClassificationHead() or RegressionHead(), called on a node or not, or a list of"
            " them"
        )
    if all(isinstance(end, Head) for end in ends):
        heads = [end(starts) for end in ends]  # type: ignore[operator]
        names = _names([*starts, *heads])
        graph = usual_graph([_port(node, names) for node in starts], [_port(node, names) for node in heads])
        for head, node in zip(graph.network["heads"], heads, strict=True):
            head |= _fields(node)
        return graph
    if any(isinstance(end, Head) for end in ends):
        raise RecipeError(
            "outputs: some heads are called on a node and some are not; call all of them, or none"
        )
    return _drawn(starts, ends)  # type: ignore[arg-type]


def _drawn(starts: Sequence[Node], heads: Sequence[Node]) -> Graph:
    """The graph as it was drawn."""
    nodes = _in_order(heads)
    known = {node.key for node in starts}
    for node in nodes:
        if node.role == "input" and node.key not in known:
            raise RecipeError(f"inputs: {node!r} leads to an output, but is not in the list; add it")
    for node in starts:
        if node.key not in {one.key for one in nodes}:
            raise RecipeError(f"inputs: {node!r} leads to no output; use it or leave it out")
    names = _names([*starts, *(node for node in nodes if node.role != "input")])
    network = {
        "inputs": [{"name": names[node.key], "kind": node.kind} for node in starts],
        "blocks": [_plain(node, names) for node in nodes if node.role == "block"],
        "heads": [_plain(node, names) for node in heads],
        "training": {"learning_rate": [0.004, 0.002, 0.008]},
    }
    return Graph(
        network, tuple(_port(node, names) for node in starts), tuple(_port(node, names) for node in heads)
    )


def _is_head(node: Any) -> bool:
    return isinstance(node, Node) and node.role == "head"


def _in_order(heads: Sequence[Node]) -> list[Node]:
    """All nodes, each after those it is made of."""
    found: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if node.key in found:
            return
        for one in node.inputs:
            visit(one)
        found[node.key] = node

    for head in heads:
        visit(head)
    return list(found.values())


def _names(nodes: Sequence[Node]) -> dict[int, str]:
    """A name for each node, its own or after its kind.

    Raises:
        RecipeError: two have the same.
    """
    given = [node.name for node in nodes if node.name]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise RecipeError(
            f"name {twice[0]!r} is given to two blocks or inputs; choose another for one of them"
        )
    taken, names = set(given), {}
    for node in nodes:
        name, count = node.name or node.kind, 1
        while node.name is None and name in taken:
            count += 1
            name = f"{node.kind}_{count}"
        taken.add(name)
        names[node.key] = name
    return names


def _plain(node: Node, names: dict[int, str]) -> dict[str, Any]:
    inputs = [names[one.key] for one in node.inputs]
    return {"name": names[node.key], "kind": node.kind, "inputs": inputs, **_fields(node)}


def _fields(node: Node) -> dict[str, Any]:
    """Of the block; what is not the network's is left out."""
    return {field: value for field, value in node.fields.items() if field not in _NOT_OF_THE_NETWORK}


def _port(node: Node, names: dict[int, str]) -> Port:
    options = {field: node.fields[field] for field in _NOT_OF_THE_NETWORK if field in node.fields}
    return Port(names[node.key], node.kind, options)
