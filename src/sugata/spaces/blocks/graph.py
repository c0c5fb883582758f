"""A graph of blocks as people write it, plain JSON, checked and in order."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sugata.errors import InvalidArchitecture
from sugata.space import Choice
from sugata.spaces.blocks.fields import Settled, choices_of, settle, values_of
from sugata.spaces.blocks.heads import FIELDS as HEAD_FIELDS
from sugata.spaces.blocks.heads import HEADS
from sugata.spaces.blocks.kinds import Kind
from sugata.spaces.blocks.registry import kind_named
from sugata.spaces.blocks.shapes import INPUT_KINDS, InputKind
from sugata.trial import Value

TRAINING = "training"  # the group of choices that are no block
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Input:
    """An input of the network."""

    name: str
    kind: InputKind


@dataclass(frozen=True)
class Node:
    """A block, or a head, and what it takes.

    Attributes:
        kind: None for a head.
        head: the kind of a head; empty for a block.
    """

    name: str
    sources: tuple[str, ...]
    settled: Settled
    kind: Kind | None = None
    head: str = ""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What is searched of it."""
        return choices_of(self.name, self._fields, self.settled)

    def values(self, architecture: Mapping[str, Value]) -> dict[str, Value]:
        """All its fields that have an effect, fixed or chosen."""
        return values_of(self.name, self._fields, self.settled, architecture)

    @property
    def _fields(self) -> Any:
        return HEAD_FIELDS if self.kind is None else self.kind.fields


@dataclass(frozen=True)
class BlockGraph:
    """Inputs, blocks in an order in which they can be computed, and heads."""

    inputs: tuple[Input, ...]
    blocks: tuple[Node, ...]
    heads: tuple[Node, ...]


def read_graph(
    inputs: Sequence[Mapping[str, Any]],
    blocks: Sequence[Mapping[str, Any]],
    heads: Sequence[Mapping[str, Any]],
) -> BlockGraph:
    """The graph of plain JSON values.

    Raises:
        InvalidArchitecture: names the block and the field, and says what to do.
    """
    for what, given in (("inputs", inputs), ("heads", heads)):
        if not given:
            raise InvalidArchitecture(f"{what}: a graph of blocks needs at least one; give {what}")
    found = tuple(_input(given) for given in inputs)
    nodes = [_block(given) for given in blocks]
    ends = [_head(given) for given in heads]
    names = [*(one.name for one in found), *(node.name for node in (*nodes, *ends))]
    for name in names:
        if names.count(name) > 1 or name == TRAINING:
            raise InvalidArchitecture(f"block {name!r}: the name is taken; give each block one of its own")
    ordered = _ordered([one.name for one in found], nodes, ends)
    used = {source for node in (*ordered, *ends) for source in node.sources}
    for name in (*(one.name for one in found), *(node.name for node in ordered)):
        if name not in used:
            raise InvalidArchitecture(
                f"block {name!r}: nothing takes its output; connect it, or leave it out"
            )
    return BlockGraph(found, tuple(ordered), tuple(ends))


def _ordered(inputs: Iterable[str], blocks: Sequence[Node], heads: Sequence[Node]) -> list[Node]:
    """Blocks so that each comes after those that it takes, otherwise as given."""
    known = {*inputs, *(block.name for block in blocks)}
    for node in (*blocks, *heads):
        for source in node.sources:
            if source not in known:
                raise InvalidArchitecture(
                    f"block {node.name!r}: input {source!r} is no block and no input of the graph; there are"
                    f" {', '.join(sorted(known))}"
                )
    done, ordered, waiting = set(inputs), [], list(blocks)
    while waiting:
        ready = next((block for block in waiting if done.issuperset(block.sources)), None)
        if ready is None:
            names = ", ".join(repr(block.name) for block in waiting)
            raise InvalidArchitecture(f"blocks {names} take one another's outputs in a circle; break it")
        waiting.remove(ready)
        ordered.append(ready)
        done.add(ready.name)
    return ordered


def _input(given: Mapping[str, Any]) -> Input:
    name = _name(given, "input")
    _only(given, {"name", "kind"}, name)
    kind = given.get("kind")
    if kind not in INPUT_KINDS:
        raise InvalidArchitecture(f"input {name!r}: kind is {kind!r}; use one of {', '.join(INPUT_KINDS)}")
    return Input(name, cast(InputKind, kind))


def _block(given: Mapping[str, Any]) -> Node:
    name, kind = _name(given, "block"), kind_named(str(given.get("kind")), str(given.get("name")))
    sources = _sources(given, name)
    if len(sources) > 1 and kind.joins is None:
        raise InvalidArchitecture(
            f"block {name!r}: a {kind.name} block takes one input, not {len(sources)}; merge them before"
        )
    fields = {key: value for key, value in given.items() if key not in ("name", "kind", "inputs")}
    return Node(name, sources, settle(name, kind.fields, fields), kind)


def _head(given: Mapping[str, Any]) -> Node:
    name, kind = _name(given, "head"), str(given.get("kind"))
    if kind not in HEADS:
        raise InvalidArchitecture(f"head {name!r}: kind is {kind!r}; use one of {', '.join(HEADS)}")
    fields = {key: value for key, value in given.items() if key not in ("name", "kind", "inputs")}
    return Node(name, _sources(given, name), settle(name, HEAD_FIELDS, fields), head=kind)


def _name(given: Mapping[str, Any], what: str) -> str:
    name = given.get("name") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidArchitecture(
            f"{what} {given!r}: its name is {name!r}; give letters, digits and _, a letter first"
        )
    return name


def _sources(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    sources = given.get("inputs")
    if not isinstance(sources, list | tuple) or not sources or not all(isinstance(s, str) for s in sources):
        raise InvalidArchitecture(
            f"block {name!r}: inputs is {sources!r}; give a list of names of blocks or inputs"
        )
    return tuple(sources)


def _only(given: Mapping[str, Any], known: set[str], name: str) -> None:
    for field in given:
        if field not in known:
            raise InvalidArchitecture(
                f"input {name!r}: unknown field {field!r}; it has {', '.join(sorted(known))}"
            )
