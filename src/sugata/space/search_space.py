"""The contract of a search space, with everything that follows from its choices."""

import json
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sugata.errors import InvalidArchitecture
from sugata.space import counting
from sugata.space.architecture import Architecture
from sugata.space.choice import Choice, Constraint
from sugata.space.graph import Graph
from sugata.space.network_part import NetworkPart
from sugata.space.outline import Block
from sugata.space.signature import Signature
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

Crossover = Literal["one_point", "two_point", "uniform"]
_TRIES = 1000


class SearchSpace(ABC):  # noqa: B024 - every method has a sensible default
    """Choices, their constraints, and what can be done with the architectures they span.

    A concrete space sets ``name``, ``choices``, ``constraints`` and ``parameters`` (what its constructor
    needs to make it again), and defines :meth:`build` if it builds networks. Choices are listed so that a
    condition only refers to choices before it.
    """

    name: str = ""
    choices: tuple[Choice, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    parameters: Mapping[str, Any] = {}

    # -- counting ---------------------------------------------------------------------------------

    def size(self) -> int:
        """How many assignments the raw product of all options has."""
        return counting.raw(self.choices)

    def valid(self) -> int:
        """How many of the raw assignments satisfy all constraints on the choices that apply."""
        return counting.valid(self.choices, self.constraints)

    def distinct(self) -> int | None:
        """How many different networks there are: valid assignments, counted by the choices that apply.

        None where that would take enumerating too much.
        """
        return counting.distinct(self.choices, self.constraints)

    # -- architectures ----------------------------------------------------------------------------

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Make an architecture from values; choices that do not apply are dropped.

        Raises:
            InvalidArchitecture: names the choice, the value and the remedy.
        """
        given = dict(values.items())
        known = {choice.name for choice in self.choices}
        if not given.keys() <= known:
            unknown = next(name for name in given if name not in known)
            raise InvalidArchitecture(
                f"unknown choice {unknown!r} in space {self.name}; it has {', '.join(sorted(known))}"
            )
        active: dict[str, Value] = {}
        for choice in self.choices:
            name = choice.name
            if choice.when is not None and not choice.applies(active):
                continue
            if name not in given:
                raise InvalidArchitecture(f"choice {name!r} is missing; give one of {list(choice.options)}")
            active[name] = _matching_option(choice, given[name])
        self._check_constraints(active)
        return Architecture(self.name, active)

    def from_string(self, text: str) -> Architecture:
        """The architecture of a string in the form that the field writes for this space.

        Raises:
            InvalidArchitecture: the string is none, or there is no such form.
        """
        raise InvalidArchitecture(f"space {self.name} has no strings; give an architecture.json")

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """The string of which :meth:`from_string` makes the architecture again.

        Raises:
            InvalidArchitecture: there is no such form.
        """
        raise InvalidArchitecture(f"space {self.name} has no strings; write its JSON")

    def validate(self, architecture: Mapping[str, Value]) -> None:
        """Check values against the space.

        Raises:
            InvalidArchitecture: names the choice, the value and the remedy.
        """
        self.architecture(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture: every choice uniform, among the valid.

        Where nearly nothing is valid, an exhaustive search from a random start finds one.

        Raises:
            InvalidArchitecture: no architecture satisfies the constraints.
        """
        for _ in range(_TRIES):
            values = {choice.name: _draw(choice.options, rng) for choice in self.choices}
            try:
                return self.architecture(values)
            except InvalidArchitecture:
                continue
        for architecture in self._walk({}, self._deciding(), rng):
            return architecture
        raise InvalidArchitecture(
            f"space {self.name} is empty: nothing satisfies its constraints; loosen them"
        )

    def mutate(
        self, architecture: Mapping[str, Value], rng: np.random.Generator, rate: float
    ) -> Architecture:
        """Change each choice with probability ``rate``, at least one; valid and different from the parent.

        The parent itself comes back where no valid mutant was found.

        Ordered choices move to a neighbouring option in two of three cases, so that a good size is
        explored locally. A choice that starts to apply is drawn afresh.
        """
        parent = self.architecture(architecture)
        movable = [choice for choice in self.choices if len(choice.options) > 1 and choice.name in parent]
        if not movable:
            return parent
        for _ in range(_TRIES):
            values = {c.name: _draw(c.options, rng) for c in self.choices if c.name not in parent}
            values.update(parent)
            chosen = [choice for choice in movable if rng.random() < rate] if rate > 0 else []
            for choice in chosen or [movable[int(rng.integers(len(movable)))]]:
                values[choice.name] = _moved(choice, values[choice.name], rng)
            try:
                child = self.architecture(values)
            except InvalidArchitecture:
                continue
            if child != parent:
                return child
        return parent

    def crossover(
        self,
        first: Mapping[str, Value],
        second: Mapping[str, Value],
        rng: np.random.Generator,
        kind: Crossover = "uniform",
    ) -> Architecture:
        """Recombine two parents over the list of choices; a valid child, in the worst case the first parent.

        A choice that applies to the child but to neither parent is drawn.
        """
        for _ in range(_TRIES // 10):
            take_second = _crossover_mask(len(self.choices), rng, kind)
            values: dict[str, Value] = {}
            for choice, from_second in zip(self.choices, take_second, strict=True):
                donor, other = (second, first) if from_second else (first, second)
                if choice.name not in donor:
                    donor = other
                values[choice.name] = (
                    donor[choice.name] if choice.name in donor else _draw(choice.options, rng)
                )
            try:
                return self.architecture(values)
            except InvalidArchitecture:
                continue
        return self.architecture(first)

    def neighbors(self, architecture: Mapping[str, Value]) -> Iterator[Architecture]:
        """All valid architectures that differ in one choice (and in what starts to apply, at its default)."""
        parent = self.architecture(architecture)
        seen = {parent}
        for choice in self.choices:
            if choice.name not in parent:
                continue
            for option in choice.options:
                values = {c.name: c.default for c in self.choices} | dict(parent) | {choice.name: option}
                try:
                    child = self.architecture(values)  # type: ignore[arg-type]
                except InvalidArchitecture:
                    continue
                if child not in seen:
                    seen.add(child)
                    yield child

    def enumerate(self) -> Iterator[Architecture]:
        """Every distinct architecture once, in the order of the choices; lazily."""
        yield from self._walk({}, self._deciding())

    def known_good(self) -> Sequence[Mapping[str, Value]]:
        """Architectures that a search should begin with, the best first; empty where none are known.

        Networks of the literature are no part of it: those are `sugata.spaces.baselines`.
        """
        return ()

    # -- keys and encodings -----------------------------------------------------------------------

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """One architecture for all that train the same: what surrogates encode.

        Spaces in which different choices describe one function (dead edges, isomorphic cells) override it
        together with :meth:`training_key`.
        """
        return self.architecture(architecture)

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """Same trained function, same key: such architectures are trained once."""
        return json.dumps(dict(sorted(architecture.items())))

    def deployment_key(self, architecture: Mapping[str, Value]) -> str:
        """Same stored and executed network, same key: such architectures are measured once."""
        return json.dumps(dict(sorted(architecture.items())))

    def encode(self, architecture: Mapping[str, Value]) -> NDArray[np.float64]:
        """A vector for surrogates: a position in [0, 1] for an ordered choice, else one-hot.

        What does not apply is -1 (ordered) or all zeros.
        """
        parts: list[float] = []
        for choice in self.choices:
            value = architecture.get(choice.name)
            index = None if value is None else choice.options.index(value)
            if choice.ordered:
                parts.append(-1.0 if index is None else index / max(1, len(choice.options) - 1))
            else:
                parts.extend(1.0 if i == index else 0.0 for i in range(len(choice.options)))
        return np.asarray(parts)

    def graph(self, architecture: Mapping[str, Value]) -> Graph | None:
        """The graph of operations, in canonical form; None where a space describes no graph."""
        return None

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """The cells as built, for drawing, by name such as ``normal``; empty where there are none."""
        return {}

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> "nn.Module":
        """Build the network, with the signature's inputs and outputs.

        Raises:
            InvalidArchitecture: the space describes something that is not a network.
        """
        raise InvalidArchitecture(f"space {self.name} builds no networks; evaluate it with your own function")

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """The network's blocks, for drawing; empty where the space builds no networks.

        Args:
            signature: of the task; that of a well-known one when None.
        """
        return ()

    def parts(self, architecture: Mapping[str, Value], signature: Signature) -> tuple[NetworkPart, ...]:
        """The network in parts, in the order of computing; the first takes the task's inputs.

        A table of measured parts estimates the latency of the whole: the sum of theirs.

        Raises:
            InvalidArchitecture: networks of the space are not divided into parts.
        """
        raise InvalidArchitecture(
            f"space {self.name} does not divide its networks into parts that can be timed one by one; measure"
            " whole networks: sugata measure"
        )

    def covering(self) -> Iterator[Architecture]:
        """A few architectures that together have all parts of all networks.

        Here: the first options of all choices, all second ones, and so on. Spaces in which a part depends on
        several choices override it.
        """
        for i in range(max(len(choice.options) for choice in self.choices)):
            values = {choice.name: choice.options[i % len(choice.options)] for choice in self.choices}
            try:
                yield self.architecture(values)
            except InvalidArchitecture:
                continue

    # -- inside -----------------------------------------------------------------------------------

    def _check_constraints(self, active: Mapping[str, Value]) -> None:
        for constraint in self.constraints:
            if not _satisfied(constraint, active):
                pairs = ", ".join(f"{name}={active[name]}" for name in constraint.choices)
                raise InvalidArchitecture(f"{pairs}: {constraint.remedy}")

    def _deciding(self) -> list[list[Constraint]]:
        """For each choice, the constraints that can be checked once it is made, and not before."""
        position = {choice.name: index for index, choice in enumerate(self.choices)}
        deciding: list[list[Constraint]] = [[] for _ in self.choices]
        for constraint in self.constraints:
            deciding[max(position[name] for name in constraint.choices)].append(constraint)
        return deciding

    def _walk(
        self,
        active: dict[str, Value],
        deciding: list[list[Constraint]],
        rng: np.random.Generator | None = None,
        start: int = 0,
    ) -> Iterator[Architecture]:
        """All that begins with ``active``, the choices before ``start``; in random order with ``rng``."""
        while start < len(self.choices) and not self.choices[start].applies(active):
            start += 1
        if start == len(self.choices):
            yield Architecture(self.name, active)
            return
        choice = self.choices[start]
        order = range(len(choice.options)) if rng is None else rng.permutation(len(choice.options))
        for index in order:
            values = {**active, choice.name: choice.options[index]}
            if all(_satisfied(constraint, values) for constraint in deciding[start]):
                yield from self._walk(values, deciding, rng, start + 1)


def _satisfied(constraint: Constraint, active: Mapping[str, Value]) -> bool:
    """Whether the constraint holds, or one of its choices does not apply."""
    values = [active[name] for name in constraint.choices if name in active]
    return len(values) < len(constraint.choices) or constraint.holds(*values)


def _draw(options: tuple[Value, ...], rng: np.random.Generator) -> Value:
    return options[int(rng.integers(len(options)))]


def _moved(choice: Choice, value: Value, rng: np.random.Generator) -> Value:
    index = choice.options.index(value)
    if choice.ordered and rng.random() < 2 / 3:
        near = [i for i in (index - 1, index + 1) if 0 <= i < len(choice.options)]
        return choice.options[near[int(rng.integers(len(near)))]]
    others = choice.options[:index] + choice.options[index + 1 :]
    return _draw(others, rng)


def _crossover_mask(length: int, rng: np.random.Generator, kind: Crossover) -> list[bool]:
    if kind == "uniform":
        return [bool(bit) for bit in rng.integers(2, size=length)]
    if length == 1:
        return [bool(rng.integers(2))]
    if kind == "one_point":
        start, end = int(rng.integers(1, length)), length  # a cut at an end would copy a parent
    else:
        start, end = sorted(int(point) for point in rng.choice(length + 1, size=2, replace=False))
    return [start <= i < end for i in range(length)]


def _matching_option(choice: Choice, value: Value) -> Value:
    option = choice.option(value)
    if option is not None:
        return option
    raise InvalidArchitecture(f"{choice.name}={value!r} is not an option; use one of {list(choice.options)}")
