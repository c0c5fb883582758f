"""Strategies by name, and the options that each has.

A strategy is one class in one file and one line in ``STRATEGIES``. Its options are the keyword arguments of
its constructor: their types, their defaults, and the line that the class's docstring says of each.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sugata.errors import RecipeError
from sugata.options import Option, load, options_of
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


def strategy_class(name: str) -> type[Strategy]:
    """The strategy of this name.

    Raises:
        RecipeError: there is none; names those that there are. Or a library that it needs is missing.
    """
    if name not in STRATEGIES:
        raise RecipeError(
            f"field 'strategy.kind': {name!r} is not known; use {', '.join(STRATEGIES)} or module:name"
        )
    found: type[Strategy] = load(STRATEGIES[name])
    return found


@cache
def options(name: str) -> Mapping[str, Option]:
    """The options of a strategy, in the order of its constructor.

    Raises:
        RecipeError: as :func:`strategy_class`.
    """
    return MappingProxyType(options_of(strategy_class(name), _GIVEN))
