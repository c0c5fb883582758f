"""Strategies by name, with their options."""

import re

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import STRATEGIES, Strategy, options, strategy_class
from sugata.trial import Metric

SPACE = DictionarySpace({"depth": [1, 2, 4], "width": [8, 16]})


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_can_be_made_from_its_name_and_its_default_options(name: str) -> None:
    defaults = {option.name: option.default for option in options(name).values()}
    made = strategy_class(name)(SPACE, Objectives((Metric("loss"),)), seed=1, starts=[], **defaults)
    assert isinstance(made, Strategy)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_option_has_a_line_of_doc_and_a_default(name: str) -> None:
    for option in options(name).values():
        assert option.description, f"{name}.{option.name} is not described in the class's Args"
        assert not isinstance(option.default, type), f"{name}.{option.name} has no default"


def test_a_recipe_is_resolved_with_all_options_of_its_strategy() -> None:
    resolved = recipes.load("tiny", {"strategy": {"kind": "evolution", "population": 7}})
    assert resolved.strategy.options["population"] == 7
    assert resolved.strategy.options["tournament"] == 3
    assert recipes.load("tiny", {"strategy": {"kind": "random"}}).strategy.options == {}


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"kind": "luck"}, "'luck' is not known; use .*evolution"),
        ({"kind": "evolution", "populaton": 3}, "'strategy.populaton'.*did you mean 'population'"),
        ({"kind": "evolution", "population": "many"}, "'strategy.population' is 'many'"),
    ],
)
def test_what_a_strategy_does_not_take_is_refused(strategy: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as raised:
        recipes.load("tiny", {"strategy": strategy})
    assert not re.search("\n", str(raised.value))


def test_another_strategy_does_not_inherit_the_options_of_the_recipes_own() -> None:
    assert recipes.load("tiny", {"strategy.kind": "random"}).strategy.options == {}
