"""The parts of a search space: choices, when they apply, and what may not be combined."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sugata.errors import InvalidArchitecture
from sugata.trial import Value


@dataclass(frozen=True)
class OptionNote:
    """What a person should know of one option: what it is, what speaks for and against it, papers."""

    what: str
    pro: str = ""
    contra: str = ""
    papers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """When a choice applies: a predicate over the named choices, in their order.

    A choice that one of them does not apply passes None to the predicate.
    """

    choices: tuple[str, ...]
    holds: Callable[..., bool]
    text: str


@dataclass(frozen=True)
class Constraint:
    """What must hold between the values of the named choices; checked where all of them apply.

    Attributes:
        remedy: what to change, printed after the offending values.
    """

    choices: tuple[str, ...]
    holds: Callable[..., bool]
    remedy: str


@dataclass(frozen=True)
class Choice:
    """One decision of an architecture.

    Attributes:
        options: the values, in their natural order when ``ordered``.
        ordered: neighbours in the list are similar; a mutation then moves to a near value more often.
        default: the value of a plain, known good network; the first option when not given.
        when: the condition under which the choice applies; None means always.
        notes: an OptionNote for each option worth explaining, keyed by ``str(option)``.
    """

    name: str
    options: tuple[Value, ...]
    ordered: bool = False
    default: Value | None = None
    when: Condition | None = None
    description: str = ""
    notes: Mapping[str, OptionNote] = field(default_factory=dict, hash=False)

    def option(self, value: Value) -> Value | None:
        """The option that the value is, None where it is none; True is not 1."""
        try:
            found: Value | None = self._known.get(value)  # type: ignore[attr-defined]
        except TypeError:  # unhashable
            return None
        return found if isinstance(found, bool) == isinstance(value, bool) else None

    def applies(self, active: Mapping[str, Value]) -> bool:
        """Whether the choice is made where those before it have these values."""
        return self.when is None or self.when.holds(*(active.get(name) for name in self.when.choices))

    def __post_init__(self) -> None:
        if not self.options:
            raise InvalidArchitecture(f"choice {self.name!r} has no options; give it at least one")
        if len(set(self.options)) != len(self.options):  # 1, 1.0 and True are equal: not to be told apart
            raise InvalidArchitecture(f"choice {self.name!r} lists an option twice: {list(self.options)}")
        object.__setattr__(self, "_known", {option: option for option in self.options})
        if self.default is None:
            object.__setattr__(self, "default", self.options[0])
        elif self.default not in self.options:
            raise InvalidArchitecture(
                f"choice {self.name!r}: default {self.default!r} is no option; use {list(self.options)}"
            )
