"""Strategies by name, and the options that each has.

A strategy is one class in one file and one line in ``STRATEGIES``. Its options are the keyword arguments of
its constructor: their types, their defaults, and the line that the class's docstring says of each.
"""

import importlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

from sugata.errors import RecipeError
from sugata.strategies.base import Strategy

#: Name -> module:class. A module is imported when its strategy is first used: some need torch or Optuna.
STRATEGIES: Mapping[str, str] = MappingProxyType(
    {
        "random": "sugata.strategies.random:RandomSearch",
        "grid": "sugata.strategies.grid:GridSearch",
        "evolution": "sugata.strategies.evolution:Evolution",
        "regularized_evolution": "sugata.strategies.regularized_evolution:RegularizedEvolution",
        "local_search": "sugata.strategies.local_search:LocalSearch",
        "reinforce": "sugata.strategies.controllers:Reinforce",
        "epsilon_greedy": "sugata.strategies.controllers:EpsilonGreedy",
        "asng": "sugata.strategies.controllers:Asng",
        "optuna": "sugata.strategies.optuna:OptunaSearch",
        "bayesian": "sugata.strategies.bayesian:BayesianSearch",
        "bananas": "sugata.strategies.ensembles:Bananas",
        "npenas": "sugata.strategies.ensembles:Npenas",
    }
)
_GIVEN = frozenset(inspect.signature(Strategy.__init__).parameters)  # by the run, not by the recipe


@dataclass(frozen=True)
class Option:
    """One option of a strategy.

    Attributes:
        type: its annotation.
        default: what it is when not given.
        description: what the docstring says, in one line.
    """

    name: str
    type: Any
    default: Any
    description: str


def strategy_class(name: str) -> type[Strategy]:
    """The strategy of this name.

    Raises:
        RecipeError: there is none; names those that there are. Or a library that it needs is missing.
    """
    if name not in STRATEGIES:
        raise RecipeError(
            f"field 'strategy.kind': {name!r} is not known; use {', '.join(STRATEGIES)} or module:name"
        )
    module, _, attribute = STRATEGIES[name].partition(":")
    found: type[Strategy] = getattr(importlib.import_module(module), attribute)
    return found


@cache
def options(name: str) -> Mapping[str, Option]:
    """The options of a strategy, in the order of its constructor.

    Raises:
        RecipeError: as :func:`strategy_class`.
    """
    found = strategy_class(name)
    types = get_type_hints(found.__init__)
    descriptions = _described(inspect.getdoc(found) or "")
    return {
        parameter.name: Option(
            parameter.name,
            types[parameter.name],
            parameter.default,
            descriptions.get(parameter.name, ""),
        )
        for parameter in inspect.signature(found.__init__).parameters.values()
        if parameter.name not in _GIVEN
    }


def _described(docstring: str) -> dict[str, str]:
    """What the ``Args`` section of a Google-style docstring says of each argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8,}.*)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()).rstrip(".") for name, text in entries}
