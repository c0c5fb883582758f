from typing import Any

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError, SugataError
from sugata.recipe_tune import RangeSection
from sugata.tuning.checks import assembled, check_values, metric_of
from sugata.tuning.fields import applied, fields_of, own_values, short_names

OPTIMIZER = RangeSection(options=("sgd", "adamw"))
RATE = RangeSection(low=0.01, high=1, log=True, when={"training.optimizer": "sgd"})


def test_fields_come_after_those_that_their_conditions_name() -> None:
    fields = fields_of({"training.learning_rate": RATE, "training.optimizer": OPTIMIZER})
    assert [field.path for field in fields] == ["training.optimizer", "training.learning_rate"]
    assert fields[1].applies({"training.optimizer": "sgd"})
    assert not fields[1].applies({"training.optimizer": "adamw"})
    assert not fields[1].applies({})


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({}, "nothing is varied"),
        ({"a": RATE, "training.optimiser": OPTIMIZER}, "not varied; did you mean 'training.optimiser'?"),
        ({"a": RangeSection(low=0, high=1, when={"b": "lion"}), "b": OPTIMIZER}, "b is never 'lion'"),
        ({"a": RangeSection(low=0, high=1, when={"b": 9}), "b": RangeSection(low=0, high=1)}, "0 to 1"),
        (
            {
                "a": RangeSection(low=0, high=1, when={"b": 1}),
                "b": RangeSection(low=0, high=1, when={"a": 1}),
            },
            "conditions of a, b go in a circle",
        ),
    ],
)
def test_conditions_that_cannot_hold_are_one_line(ranges: dict[str, RangeSection], said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        fields_of(ranges)
    assert said in str(raised.value)


def test_a_recipe_with_values_has_nothing_to_tune_and_keeps_the_rest() -> None:
    recipe = recipes.load("mnist", {"tune.vary": {"strategy.kind": {"options": ["random", "evolution"]}}})
    taken = applied(recipe, {"strategy.kind": "random", "training.learning_rate": 0.5})
    assert taken.strategy.kind == "random"
    assert taken.strategy.options == {}  # those of evolution went with it
    assert taken.training.learning_rate == 0.5
    assert taken.training.batch_size == recipe.training.batch_size
    assert not taken.tune.vary


def test_another_method_on_shared_weights_does_not_have_the_options_of_the_recipes_own() -> None:
    recipe = recipes.load("shared", {"supernet.sampling": "uniform"})
    taken = applied(recipe, {"supernet.method": "enas"})
    assert taken.supernet is not None
    assert taken.supernet.method == "enas"
    assert "sampling" not in taken.supernet.options
    assert taken.supernet.learning_rate == recipe.supernet.learning_rate  # type: ignore[union-attr]
    again = applied(recipe, {"supernet.method": "single_path"})
    assert again.supernet is not None
    assert again.supernet.options["sampling"] == "uniform"


def test_the_recipes_own_values_count_where_they_lie_in_the_ranges() -> None:
    fields = fields_of({"training.learning_rate": RATE, "training.optimizer": OPTIMIZER})
    own = own_values(recipes.load("mnist"), fields)
    assert own == {"training.optimizer": "sgd", "training.learning_rate": 0.2}
    assert own_values(recipes.load("mnist", {"training.learning_rate": 2.0}), fields) is None
    other = recipes.load("mnist", {"training.optimizer": "adamw", "training.learning_rate": 2.0})
    assert own_values(other, fields) == {"training.optimizer": "adamw"}  # the rate does not apply


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"training.learning_rat": {"low": 0.1, "high": 1}}, "did you mean 'learning_rate'?"),
        ({"training.optimizer": {"options": ["adamw", "adagrad"]}}, "'training.optimizer' is 'adagrad'"),
        ({"training.weight_decay": {"low": -1, "high": 1}}, "'training.weight_decay' is -1"),
        ({"training.batch_size": {"low": 1, "high": 8}}, "a valid integer"),
        ({"space": {"options": ["nasbench201", "nasbench210"]}}, "did you mean 'nasbench201'?"),
        ({"network.chanels": {"options": [4, 8]}}, "chanels"),
        (
            {"strategy.populaton": {"options": [5]}},
            "did you mean 'population'?",
        ),
        ({"strategy.kind": {"options": ["random", "annealing"]}}, "'annealing' is not known"),
    ],
)
def test_values_that_the_recipe_refuses_are_said_before_the_first_run(
    ranges: dict[str, Any], said: str
) -> None:
    recipe = recipes.load("mnist", {"tune.vary": ranges})
    with pytest.raises(SugataError) as raised:
        check_values(recipe, fields_of(recipe.tune.vary))
    assert said in str(raised.value)


def test_values_that_the_recipe_takes_with_some_of_the_others_are_fine() -> None:
    ranges = {
        "training.patience": {"low": 1, "high": 3, "integer": True},  # needs evaluations
        "training.evaluations": {"options": [2, 5]},
        "strategy.kind": {"options": ["evolution", "random"]},
        "strategy.population": {"low": 2, "high": 5, "integer": True, "when": {"strategy.kind": "evolution"}},
    }
    recipe = recipes.load("mnist", {"tune.vary": ranges})
    fields = fields_of(recipe.tune.vary)
    check_values(recipe, fields)
    metric = metric_of(assembled(recipe, fields), None)
    assert metric.name == "accuracy"
    assert metric.direction == "maximize"


def test_a_metric_that_is_not_measured_is_one_line() -> None:
    recipe = recipes.load("mnist", {"tune.vary": {"seed": {"options": [1, 2]}}})
    assembly = assembled(recipe, fields_of(recipe.tune.vary))
    with pytest.raises(RecipeError, match=r"'tune.metric': 'speed' is not measured; there are accuracy"):
        metric_of(assembly, "speed")


def test_names_are_as_short_as_they_can_be() -> None:
    ranges = dict.fromkeys(("training.amount", "final.amount", "training.optimizer"), OPTIMIZER)
    assert list(short_names(fields_of(ranges)).values()) == ["training.amount", "final.amount", "optimizer"]
