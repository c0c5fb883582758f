"""The varied fields: what each may be, when it applies, and what the recipe says of its values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.recipe import Recipe
from sugata.recipe_tune import RangeSection
from sugata.spaces.catalogue import unknown

Values = dict[str, Any]  # by the path of a field; only of those that apply


@dataclass(frozen=True)
class Field:
    """One varied field of a recipe.

    Attributes:
        path: such as ``training.learning_rate``.
        options: its categories; empty for a range from ``low`` to ``high``.
        step: of a range; None where it is continuous, or of all whole numbers.
        points: how many values of a continuous range a grid has.
        when: by path, the values of other fields under which it applies.
    """

    path: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False
    step: float | None = None
    points: int = 5
    options: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether it has an effect, given the fields before it."""
        return all(path in values and values[path] in allowed for path, allowed in self.when.items())

    def at(self, share: float) -> Any:
        """The value at a share from 0 to 1 of a range, in its logarithm where it is logarithmic."""
        if self.log:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        if self.step is not None:
            value = self.low + round((value - self.low) / self.step) * self.step
            value -= self.step * (value > self.high * (1 + 1e-12))
        value = min(max(value, self.low), self.high)
        return round(value) if self.integer else float(f"{value:.12g}")

    def share(self, value: float) -> float:
        """Where a value lies in the range: the inverse of :meth:`at`."""
        if self.low == self.high:
            return 0.0
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)

    def has(self, value: Any) -> bool:
        """Whether a value is one that it may have."""
        if self.options:
            return value in self.options
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high and (not self.integer or value % 1 == 0)

    def grid(self) -> list[Any]:
        """Its values in a grid: options, steps, whole numbers where they are few, else evenly spaced ones."""
        if self.options:
            return list(self.options)
        if self.step is not None:
            steps = math.floor((self.high - self.low) / self.step * (1 + 1e-12))
            return [self.at(i * self.step / (self.high - self.low or 1.0)) for i in range(steps + 1)]
        if self.integer and self.high - self.low < self.points:
            return list(range(int(self.low), int(self.high) + 1))
        return list(dict.fromkeys(self.at(share) for share in np.linspace(0, 1, self.points)))


def fields_of(ranges: Mapping[str, RangeSection]) -> tuple[Field, ...]:
    """The fields of the ranges, each behind those that its condition names.

    Raises:
        RecipeError: a condition on a field that is not varied, that can never hold, or that goes in a circle.
    """
    if not ranges:
        raise RecipeError(
            "nothing is varied; give `tune.vary`, or such as --vary 'training.learning_rate=log(1e-4, 0.1)'"
        )
    made = {path: _field(path, section) for path, section in ranges.items()}
    for one in made.values():
        _check_condition(one, made)
    ordered: dict[str, Field] = {}
    while len(ordered) < len(made):
        ready = [
            one for one in made.values() if one.path not in ordered and one.when.keys() <= ordered.keys()
        ]
        if not ready:
            circle = ", ".join(path for path in made if path not in ordered)
            raise RecipeError(f"tune.vary: the conditions of {circle} go in a circle; leave one out")
        ordered |= {one.path: one for one in ready}
    return tuple(ordered.values())


def _field(path: str, section: RangeSection) -> Field:
    when = {other: tuple(values) for other, values in (section.when or {}).items()}
    if section.options is not None:
        return Field(path, options=section.options, when=when)
    assert section.low is not None
    assert section.high is not None
    return Field(
        path, section.low, section.high, section.log, section.integer, section.step, section.points, when=when
    )


def _check_condition(one: Field, made: Mapping[str, Field]) -> None:
    for path, allowed in one.when.items():
        if path not in made:
            raise RecipeError(
                f"tune.vary.{one.path}: its condition is on {path}, which is not varied;"
                f" {unknown('field', path, made).partition('; ')[2]}"
            )
        wrong = next((value for value in allowed if not made[path].has(value)), None)
        if wrong is not None:
            known = ", ".join(map(str, made[path].options)) or f"{made[path].low:g} to {made[path].high:g}"
            raise RecipeError(f"tune.vary.{one.path}: {path} is never {wrong!r}; it is one of {known}")


def applied(recipe: Recipe, values: Mapping[str, Any], name: str | None = None) -> Recipe:
    """The recipe with the values, and nothing to tune.

    Raises:
        RecipeError: it refuses them.
    """
    data = recipe.model_dump(mode="json", exclude={"tune"})
    changes = dict(values) if name is None else {**values, "name": name}
    return recipes.parse(data, "tune.vary", changes)


def own_values(recipe: Recipe, fields: Sequence[Field]) -> Values | None:
    """The recipe's own values of the fields; None where one is outside of its range."""
    data = recipe.model_dump(mode="json")
    values: Values = {}
    for one in fields:
        if not one.applies(values):
            continue
        here: Any = data
        for part in one.path.split("."):
            here = here.get(part) if isinstance(here, Mapping) else None
        if not one.has(here):
            return None
        values[one.path] = here
    return values


def short_names(fields: Sequence[Field]) -> dict[str, str]:
    """By path, the last part of it where that is unique."""
    last = [one.path.rpartition(".")[2] for one in fields]
    return {
        one.path: name if last.count(name) == 1 else one.path for one, name in zip(fields, last, strict=True)
    }
