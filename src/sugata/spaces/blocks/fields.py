"""What can be set, or searched, of a block: its fields, and the choices that a search space has of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sugata.errors import InvalidArchitecture
from sugata.space import Choice, Condition, OptionNote
from sugata.trial import Value

Type = Literal["whole", "share", "number", "flag", "name"]

_WANTED: Mapping[Type, str] = {
    "whole": "a whole number from {least} on",
    "share": "a number from 0 to below 1",
    "number": "a number above 0",
    "flag": "true or false",
    "name": "one of {names}",
}


@dataclass(frozen=True)
class Field:
    """One field of a block.

    Attributes:
        options: what is searched where nothing is given.
        default: the value of a good network.
        type: what may be given: other values than the options too, unless they are names.
        least: the smallest whole number.
        when: other fields of the block, and the values of theirs with which this one has an effect.
        description: for people.
        notes: what each option is, where it needs to be said.
    """

    name: str
    options: tuple[Value, ...]
    default: Value
    type: Type = "whole"
    least: int = 1
    when: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    description: str = ""
    notes: tuple[tuple[str, OptionNote], ...] = ()

    def within(self, group: str, *when: tuple[str, tuple[Value, ...]]) -> "Field":
        """The field as ``GROUP/FIELD`` of a larger block, with an effect where the conditions hold."""
        inside = tuple((f"{group}/{name}", values) for name, values in self.when)
        return replace(self, name=f"{group}/{self.name}", when=(*when, *inside))

    def checked(self, block: str, value: object) -> Value:
        """A value that is given for it.

        Raises:
            InvalidArchitecture: names block, field, value and what is wanted.
        """
        if self._fits(value):
            return value  # type: ignore[return-value]
        wanted = _WANTED[self.type].format(least=self.least, names=", ".join(map(str, self.options)))
        raise InvalidArchitecture(f"block {block!r}: {self.name} is {value!r}; give {wanted}")

    def _fits(self, value: object) -> bool:
        if self.type in ("flag", "name"):
            return value in self.options and isinstance(value, bool) == (self.type == "flag")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.type == "whole":
            return isinstance(value, int) and value >= self.least
        return 0 <= value < 1 if self.type == "share" else 0 < value < float("inf")


class Among:
    """A condition's predicate: every value is among those that are allowed for it."""

    def __init__(self, allowed: Iterable[tuple[Value, ...]]) -> None:
        self.allowed = tuple(allowed)

    def __call__(self, *values: Value | None) -> bool:
        """Whether it holds; a choice that does not apply is None."""
        return all(value in allowed for value, allowed in zip(values, self.allowed, strict=True))


@dataclass(frozen=True)
class Settled:
    """The fields of a block as its graph gives them.

    Attributes:
        fixed: those with one value.
        searched: the options of the others, each with its default.
    """

    fixed: Mapping[str, Value]
    searched: Mapping[str, tuple[tuple[Value, ...], Value]]


def settle(block: str, fields: Iterable[Field], given: Mapping[str, object]) -> Settled:
    """Which fields are fixed and which are searched.

    A list is searched, a single value is fixed, and what is not given is searched over the field's options.

    Raises:
        InvalidArchitecture: a field is unknown or has a wrong value.
    """
    by_name = {field.name: field for field in fields}
    for name in given:
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise InvalidArchitecture(f"block {block!r}: unknown field {name!r}; its fields are {known}")
    fixed: dict[str, Value] = {}
    searched: dict[str, tuple[tuple[Value, ...], Value]] = {}
    for field in by_name.values():
        options, default = field.options, field.default
        if field.name in given:
            value = given[field.name]
            if not isinstance(value, list | tuple):
                fixed[field.name] = field.checked(block, value)
                continue
            if not value:
                raise InvalidArchitecture(f"block {block!r}: {field.name} has no options; give at least one")
            options = ordered(field.checked(block, one) for one in value)
            default = field.default if field.default in options else field.checked(block, value[0])
        if len(options) == 1:
            fixed[field.name] = options[0]
        else:
            searched[field.name] = (options, default)
    return Settled(fixed, searched)


def ordered(values: Iterable[Value]) -> tuple[Value, ...]:
    """Options without repeats, numbers from small to large."""
    unique = tuple(dict.fromkeys(values))
    return tuple(sorted(unique, key=float)) if _are_numbers(unique) else unique


def _are_numbers(values: Iterable[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def choices_of(block: str, fields: Iterable[Field], settled: Settled) -> tuple[Choice, ...]:
    """A choice ``BLOCK/FIELD`` for every searched field that can have an effect, in the order of fields."""
    made: list[Choice] = []
    for field in fields:
        if field.name not in settled.searched:
            continue
        waiting = [(name, allowed) for name, allowed in field.when if name not in settled.fixed]
        decided = [settled.fixed[name] in allowed for name, allowed in field.when if name in settled.fixed]
        names = {choice.name for choice in made}
        if not all(decided) or any(f"{block}/{name}" not in names for name, _ in waiting):
            continue  # it can have no effect
        options, default = settled.searched[field.name]
        made.append(
            Choice(
                f"{block}/{field.name}",
                options,
                ordered=_are_numbers(options),
                default=default,
                when=_condition(block, waiting),
                description=field.description,
                notes=dict(field.notes),
            )
        )
    return tuple(made)


def _condition(block: str, conditions: list[tuple[str, tuple[Value, ...]]]) -> Condition | None:
    if not conditions:
        return None
    text = " and ".join(f"{block}/{name} is {' or '.join(map(str, values))}" for name, values in conditions)
    names = tuple(f"{block}/{name}" for name, _ in conditions)
    return Condition(names, Among(values for _, values in conditions), text)


def values_of(
    block: str, fields: Iterable[Field], settled: Settled, architecture: Mapping[str, Value]
) -> dict[str, Value]:
    """The value of every field that has an effect."""
    values: dict[str, Value] = {}
    for field in fields:
        if all(values.get(other) in allowed for other, allowed in field.when):
            name = field.name
            values[name] = settled.fixed[name] if name in settled.fixed else architecture[f"{block}/{name}"]
    return values
