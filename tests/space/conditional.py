"""Random conditional, constrained spaces, and what they contain by brute force."""

import itertools
from typing import Any

from hypothesis import strategies as st

from sugata.space import Choice, Condition, Constraint, SearchSpace
from sugata.trial import Value


class RandomSpace(SearchSpace):
    """A space made of given choices and constraints."""

    name = "random"

    def __init__(self, choices: tuple[Choice, ...], constraints: tuple[Constraint, ...]) -> None:
        self.choices = choices
        self.constraints = constraints


def _condition(names: tuple[str, ...], modulus: int, rest: int) -> Condition:
    return Condition(
        names, lambda *values: sum(v or 0 for v in values) % modulus == rest, f"{names} % {modulus} == {rest}"
    )


def _constraint(names: tuple[str, ...], modulus: int, rest: int) -> Constraint:
    return Constraint(names, lambda *values: sum(values) % modulus != rest, f"avoid {rest} modulo {modulus}")


@st.composite
def conditional_spaces(draw: Any) -> RandomSpace:
    """Up to six choices of up to four integers, some conditional on earlier ones, up to three constraints."""
    names = [f"c{i}" for i in range(draw(st.integers(1, 6)))]
    choices = []
    for i, name in enumerate(names):
        options = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True))
        when = None
        if i and draw(st.booleans()):
            gates = draw(st.lists(st.sampled_from(names[:i]), min_size=1, max_size=2, unique=True))
            when = _condition(tuple(gates), draw(st.integers(2, 3)), draw(st.integers(0, 1)))
        choices.append(Choice(name, tuple(options), ordered=draw(st.booleans()), when=when))
    constraints = [
        _constraint(
            tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))),
            draw(st.integers(2, 4)),
            draw(st.integers(0, 1)),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return RandomSpace(tuple(choices), tuple(constraints))


def brute_force(space: SearchSpace) -> list[dict[str, Value]]:
    """The choices that apply, for every raw assignment that is valid."""
    found = []
    for values in itertools.product(*(choice.options for choice in space.choices)):
        active: dict[str, Value] = {}
        for choice, value in zip(space.choices, values, strict=True):
            if choice.when is None or choice.when.holds(*[active.get(name) for name in choice.when.choices]):
                active[choice.name] = value
        broken = [
            constraint
            for constraint in space.constraints
            if set(constraint.choices) <= set(active)
            and not constraint.holds(*[active[name] for name in constraint.choices])
        ]
        if not broken:
            found.append(active)
    return found
