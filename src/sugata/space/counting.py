"""Exact sizes of conditional, constrained spaces without enumerating what is free.

Only choices that a condition or a constraint mentions are enumerated; all others multiply.
"""

import itertools
import math
from collections.abc import Iterable, Sequence

from sugata.space.choice import Choice, Constraint
from sugata.trial import Value

_MOST = 5_000_000


def raw(choices: Sequence[Choice]) -> int:
    """The product of the numbers of options."""
    return math.prod(len(choice.options) for choice in choices)


def valid(choices: Sequence[Choice], constraints: Sequence[Constraint]) -> int:
    """Raw assignments that satisfy the constraints on the choices that apply.

    Raises:
        OverflowError: a group of linked choices has more than five million combinations.
    """
    by_name = {choice.name: choice for choice in choices}
    total = 1
    counted: set[str] = set()
    for names in _linked_groups(by_name, constraints):
        group = [choice for choice in choices if choice.name in names]
        if raw(group) > _MOST:
            raise OverflowError(f"choices {sorted(names)} are linked: too many combinations to count exactly")
        inside = [constraint for constraint in constraints if set(constraint.choices) <= names]
        total *= sum(_satisfies(inside, _active(group, values)) for values in _product(group))
        counted |= names
    return total * raw([choice for choice in choices if choice.name not in counted])


def distinct(choices: Sequence[Choice], constraints: Sequence[Constraint]) -> int | None:
    """Different assignments of the choices that apply; None if that means enumerating too much."""
    gating = {name for choice in choices if choice.when for name in choice.when.choices}
    gating |= {name for constraint in constraints for name in constraint.choices}
    group = [choice for choice in choices if choice.name in gating]
    free = [choice for choice in choices if choice.name not in gating]
    if raw(group) > _MOST:
        return None
    seen: set[tuple[tuple[str, Value], ...]] = set()
    total = 0
    for values in _product(group):
        active = _active(group, values)
        key = tuple(active.items())
        if key in seen or not _satisfies(constraints, active):
            continue
        seen.add(key)
        total += math.prod(
            len(choice.options)
            for choice in free
            if choice.when is None or choice.when.holds(*(active.get(name) for name in choice.when.choices))
        )
    return total


def _linked_groups(by_name: dict[str, Choice], constraints: Sequence[Constraint]) -> list[set[str]]:
    """Choices that a constraint ties together, with all that decides whether they apply."""
    groups: list[set[str]] = []
    for constraint in constraints:
        names = _with_conditions(constraint.choices, by_name)
        touching = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names]
        groups.append(names.union(*touching))
    return groups


def _with_conditions(names: Iterable[str], by_name: dict[str, Choice]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        condition = by_name[name].when
        waiting.extend(condition.choices if condition else ())
    return found


def _product(group: Sequence[Choice]) -> Iterable[tuple[Value, ...]]:
    return itertools.product(*(choice.options for choice in group))


def _active(group: Sequence[Choice], values: Sequence[Value]) -> dict[str, Value]:
    active: dict[str, Value] = {}
    for choice, value in zip(group, values, strict=True):
        if choice.when is None or choice.when.holds(*(active.get(name) for name in choice.when.choices)):
            active[choice.name] = value
    return active


def _satisfies(constraints: Sequence[Constraint], active: dict[str, Value]) -> bool:
    return all(
        constraint.holds(*(active[name] for name in constraint.choices))
        for constraint in constraints
        if all(name in active for name in constraint.choices)
    )
