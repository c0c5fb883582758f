"""A search space from a plain dictionary, for a user's own function."""

import math
from collections.abc import Mapping, Sequence

from sugata.errors import InvalidArchitecture
from sugata.space.choice import Choice
from sugata.space.search_space import SearchSpace
from sugata.trial import Value


class DictionarySpace(SearchSpace):
    """Every combination of ``{"depth": [2, 4, 8], "width": [32, 64]}``.

    Numbers in ascending or descending order count as ordered: mutations prefer near values.

    Raises:
        InvalidArchitecture: the dictionary is empty, a choice has no options, or an option is not a
            string, finite number or truth value.
    """

    name = "dictionary"

    def __init__(self, options: Mapping[str, Sequence[Value]]) -> None:
        if not options:
            raise InvalidArchitecture("space: the dictionary has no choices; give it at least one")
        self.choices = tuple(_choice(name, values) for name, values in options.items())
        self.parameters = {"options": {name: list(values) for name, values in options.items()}}


def _choice(name: str, values: Sequence[Value]) -> Choice:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidArchitecture(f"space: choice {name!r} is {values!r}; give a list of options")
    for value in values:
        if not isinstance(value, str | int | float | bool):
            raise InvalidArchitecture(f"space: choice {name!r} has option {value!r}; use strings or numbers")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidArchitecture(f"space: choice {name!r} has option {value!r}; use finite numbers")
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    ordered = len(numbers) == len(values) > 1 and (
        numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True)
    )
    return Choice(name, tuple(values), ordered=ordered)
