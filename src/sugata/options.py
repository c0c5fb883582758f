"""The options of a class that is chosen by name: what its constructor takes and its docstring says of it."""

import importlib
import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        type: its annotation.
        default: what it is when not given.
        description: what the docstring says, in one line.
    """

    name: str
    type: Any
    default: Any
    description: str


def load(path: str) -> Any:
    """What ``module:name`` names; the module is imported now."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def options_of(found: type, given: Collection[str]) -> dict[str, Option]:
    """The options of a class, in the order of its constructor.

    An argument ``**more`` stands for the options of the class before it.

    Args:
        found: whose docstring has a Google-style section ``Args``.
        given: arguments that are no options.
    """
    constructor: Any = found.__init__  # type: ignore[misc]
    types = get_type_hints(constructor)
    descriptions = _described(inspect.getdoc(found) or "")
    options: dict[str, Option] = {}
    for parameter in inspect.signature(constructor).parameters.values():
        name = parameter.name
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options |= options_of(found.__mro__[1], given)
        elif name not in given:
            options[name] = Option(name, types[name], parameter.default, descriptions.get(name, ""))
    return options


def _described(docstring: str) -> Mapping[str, str]:
    """What the section says of each argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8,}.*)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()).rstrip(".") for name, text in entries}
