"""A space with fewer options of some choices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sugata.errors import InvalidArchitecture
from sugata.space.architecture import Architecture
from sugata.space.choice import Choice
from sugata.space.listed import ListedSpace
from sugata.space.part import PartOfSpace
from sugata.space.search_space import SearchSpace
from sugata.trial import Value

_COUNTED = 100_000


class RestrictedSpace(PartOfSpace):
    """Another space with some of the options of some choices, such as ``{"0->1": ["skip_connect", "none"]}``.

    Args:
        base: the space that is narrowed.
        options: those that are left, by choice; choices that are not named keep all.

    Raises:
        InvalidArchitecture: an unknown choice or option, or no option.
    """

    def __init__(self, base: SearchSpace, options: Mapping[str, Sequence[Value]]) -> None:
        super().__init__(base)
        known = {choice.name for choice in base.choices}
        for name in options:
            if name not in known:
                raise InvalidArchitecture(
                    f"unknown choice {name!r} in space {base.name}; it has {', '.join(sorted(known))}"
                )
        self.choices = tuple(
            _narrowed(choice, options[choice.name]) if choice.name in options else choice
            for choice in base.choices
        )
        self.parameters = {"options": {name: list(values) for name, values in options.items()}}

    def architecture(self, values: Mapping[str, Value]) -> Architecture:
        """Make an architecture from values.

        Raises:
            InvalidArchitecture: not in the other space, or an option that is left out here.
        """
        return self.base.architecture(super().architecture(values))

    def distinct(self) -> int | None:
        """How many different networks there are, by deployment key; None above 100,000 combinations."""
        if self.size() > _COUNTED:
            return None
        return len({self.deployment_key(architecture) for architecture in self.enumerate()})

    def enumerate(self) -> Iterator[Architecture]:
        """Every assignment once, also such that are the same network."""
        return self._walk({}, self._deciding())


def restricted(base: SearchSpace, options: Mapping[str, Sequence[Value]]) -> SearchSpace:
    """A space with some of the options of some choices.

    Raises:
        InvalidArchitecture: as :class:`RestrictedSpace`, or nothing is left.
    """
    narrow = RestrictedSpace(base, options)
    if not isinstance(base, ListedSpace):
        return narrow
    return ListedSpace(base.base, (one for one in base.enumerate() if _allows(narrow, one)))


def _allows(space: RestrictedSpace, architecture: Architecture) -> bool:
    left = {choice.name: choice for choice in space.choices}
    return all(left[name].option(value) is not None for name, value in architecture.items())


def _narrowed(choice: Choice, values: Sequence[Value]) -> Choice:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidArchitecture(f"choice {choice.name!r} is {values!r}; give a list of options")
    for value in values:
        if choice.option(value) is None:
            raise InvalidArchitecture(
                f"{choice.name}={value!r} is not an option; use some of {list(choice.options)}"
            )
    kept = {choice.option(value) for value in values}
    left = tuple(option for option in choice.options if option in kept)
    return replace(choice, options=left, default=choice.default if choice.default in left else None)
