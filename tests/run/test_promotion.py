"""From a recipe's rungs to the strategy that climbs them."""

from typing import Any

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.run import assemble
from sugata.strategies import Asha, Funnel, Hyperband, RandomSearch, SuccessiveHalving

RUNGS = [{"name": f"rung{i}", "amount": 3**i, "unit": "steps"} for i in range(3)]


def recipe(promotion: dict[str, Any], rungs: list[dict[str, Any]] = RUNGS) -> recipes.Recipe:
    return recipes.parse(
        {
            "task": None,
            "evaluate": "math:sqrt",
            "space": {"depth": [1, 2, 3]},
            "strategy": {"kind": "random"},
            "objectives": {"metrics": ["quality"]},
            "funnel": rungs,
            "promotion": promotion,
            "seed": 5,
        }
    )


def test_the_recipe_says_who_climbs() -> None:
    asha = assemble(recipe({"kind": "asha", "eta": 2})).strategy()
    assert isinstance(asha, Asha)
    assert (asha.eta, [rung.amount for rung in asha.ladder]) == (2, [1, 3, 9])
    halving = assemble(recipe({"kind": "successive_halving", "initial": 30})).strategy()
    assert isinstance(halving, SuccessiveHalving)
    assert halving.sizes == (30,)
    capacities = [{**rung, "capacity": 9 // 3**i} for i, rung in enumerate(RUNGS)]
    assert isinstance(assemble(recipe({}, capacities)).strategy(), Funnel)


def test_hyperbands_strategies_draw_differently_the_first_with_the_runs_seed() -> None:
    hyperband = assemble(recipe({"kind": "hyperband"})).strategy()
    assert isinstance(hyperband, Hyperband)
    assert all(isinstance(inner, RandomSearch) for inner in hyperband.inners)
    seeds = [inner.seed for inner in hyperband.inners]
    assert seeds[0] == 5
    assert len(set(seeds)) == 3
    two = assemble(recipe({"kind": "hyperband", "brackets": 2})).strategy()
    assert isinstance(two, Hyperband)
    assert [inner.seed for inner in two.inners] == seeds[:2]


def test_another_kind_by_a_change_leaves_out_what_the_rungs_say_for_the_funnel() -> None:
    changed = recipes.load("tiny", {"promotion.kind": "asha"})
    assert all(rung.keep is rung.capacity is None for rung in changed.funnel)
    assert [rung.amount for rung in changed.funnel] == [rung.amount for rung in recipes.load("tiny").funnel]


@pytest.mark.parametrize(
    ("promotion", "rungs", "said"),
    [
        ({"kind": "bohb"}, RUNGS, "'promotion.kind' is 'bohb'"),
        ({"kind": "asha", "eta": 1}, RUNGS, "promotion.eta"),
        ({"kind": "asha"}, RUNGS[:1], "`funnel` has 1, give two or more"),
        ({"kind": "asha"}, [], "`funnel` has 0, give two or more"),
        (
            {"kind": "hyperband"},
            [{**RUNGS[0], "keep": 0.5}, RUNGS[1]],
            "funnel.0.keep is for promotion.kind funnel",
        ),
        (
            {"kind": "hyperband", "initial": 9},
            RUNGS,
            "promotion.initial is for promotion.kind successive_halving",
        ),
        (
            {"kind": "hyperband", "brackets": 4},
            RUNGS,
            "promotion.brackets is 4; give at most 3, the number of rungs",
        ),
        (
            {"kind": "asha", "brackets": 2},
            RUNGS,
            "promotion.brackets is for promotion.kind hyperband, not asha",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(
    promotion: dict[str, Any], rungs: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        recipe(promotion, rungs)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("promotion", "said"),
    [
        ({"kind": "successive_halving", "initial": 5}, "promotion.initial is 5; with eta 3 give at least 9"),
    ],
)
def test_what_does_not_fit_the_rungs_is_refused_before_the_run(promotion: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        assemble(recipe(promotion)).strategy()
