"""Recipes: quantities, fields, changes, and what is wrong with them."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("250ms", 0.25), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert recipes.seconds(text) == seconds
    assert recipes.parse({"budget": {"seconds": text}, "funnel": FUNNEL}).budget.seconds == seconds


@pytest.mark.parametrize(("text", "size"), [("50MB", 50e6), ("1 kB", 1e3), ("2GiB", 2**31), ("1e3b", 1e3)])
def test_sizes(text: str, size: float) -> None:
    assert recipes.parse({"limits": {"size": text}, "funnel": FUNNEL}).limits.size == size


@given(st.text(max_size=12))
def test_a_quantity_is_understood_or_refused_in_one_line(text: str) -> None:
    try:
        assert recipes.seconds(text) > 0
    except RecipeError as error:
        assert "90s, 10m or 1.5h" in str(error)  # noqa: PT017 - either outcome is right


FUNNEL = [{"name": "only", "amount": 1}]


@pytest.mark.parametrize("name", recipes.shipped())
def test_a_resolved_recipe_reads_back_as_itself(name: str) -> None:
    recipe = recipes.load(name)
    assert Recipe.model_validate(yaml.safe_load(recipe.to_yaml())) == recipe
    assert Recipe.model_validate(yaml.safe_load(recipes.commented(name))) == recipe


def test_changes_reach_into_sections_and_leave_the_rest() -> None:
    changed = recipes.load("tiny", {"budget.seconds": "20m", "seed": 3, "choices.hidden_dim": [64]})
    assert changed.budget.seconds == 1200
    assert changed.choices == {"hidden_dim": [64]}
    assert changed.model_copy(
        update={name: getattr(recipes.load("tiny"), name) for name in ("budget", "seed", "choices")}
    ) == recipes.load("tiny")


def test_another_engine_does_not_have_the_fields_of_a_cluster() -> None:
    cluster = {"funnel": FUNNEL, "engine": {"kind": "ray", "address": "auto", "cpus": 2, "timeout": "1h"}}
    changed = recipes.parse(cluster, changes={"engine.kind": "local"}).engine
    assert (changed.kind, changed.address, changed.cpus, changed.timeout) == ("local", None, 1, 3600)
    changed = recipes.parse(
        {"funnel": FUNNEL}, changes={"engine.kind": "ray", "engine.address": "auto"}
    ).engine
    assert (changed.kind, changed.address) == ("ray", "auto")


def test_assignments_are_read_as_yaml() -> None:
    found = recipes.assignments(["a.b=3", "c=[1, x]", "d=x=y", "e=", "f=true"])
    assert found == {"a.b": 3, "c": [1, "x"], "d": "x=y", "e": None, "f": True}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bugdet": 1}, "unknown field 'bugdet'; did you mean 'budget'?"),
        ({"strategy": {"mutation": 0.3}}, "did you mean 'mutation_rate'?"),
        ({"funnel": [{"name": "a", "amount": 1, "zzzzzz": 1}]}, "known are name, amount, unit"),
        ({"funnel": [{"name": "a"}]}, "field 'funnel.0.amount'"),
        ({"funnel": []}, "at least one rung"),
        ({"training": {"precision": "fp8"}}, "'training.precision' is 'fp8'"),
        ({"space": {"a": [1]}}, "builds no networks"),
        ({"space": {"a": [1]}, "evaluate": "m:f", "choices": {"a": [2]}}, "narrow a named space"),
        ({"task": None}, "neither task nor evaluate"),
        (
            {"funnel": [{"name": "a", "amount": 1}, {"name": "b", "amount": 2, "unit": "steps"}]},
            "different units",
        ),
        ({"final": {"amount": 7200}}, "engine.timeout 1800 s is too short for trainings of 7200 s"),
        ({"engine": {"deterministic": True}}, "needs funnel units of steps or tokens"),
        ({"engine": {"address": "auto"}}, "engine.address is for a cluster; set engine.kind to ray"),
        ({"engine": {"gpus": 1}}, "engine.gpus is for a cluster"),
        ({"engine": {"kind": "ray", "gpus": 1.5}}, "engine.gpus 1.5 is neither whole nor a part of one"),
        ({"engine": {"kind": "ray", "workers": 0}}, "engine.workers 0 is this process"),
        ({"engine": {"kind": "dask"}}, "'engine.kind' is 'dask'; it should be 'local' or 'ray'"),
        (
            {"engine": {"deterministic": True}, "funnel": [{"name": "all", "amount": 2, "unit": "steps"}]},
            "cannot search by what is timed (latency_ms)",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_field(fields: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        recipes.parse({"funnel": FUNNEL, **fields}, "mine.yaml")
    assert str(raised.value).startswith("mine.yaml: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_recipe_is_a_mapping() -> None:
    with pytest.raises(RecipeError, match="not list"):
        recipes.parse([1, 2])


def test_a_change_cannot_make_a_section_of_a_value() -> None:
    with pytest.raises(RecipeError, match="space is not a section"):
        recipes.load("tiny", {"space.depth": 3})


@pytest.mark.parametrize("field", ["task.data", "task.data.more"])
def test_a_change_inside_a_value_is_refused_with_the_field_however_it_was_given(field: str) -> None:
    with pytest.raises(RecipeError, match=f"^field '{field}': task is not a section$"):
        recipes.parse({"task": "code"}, changes={field: "stdlib"})


def test_the_given_values_stay_as_they_are() -> None:
    given = {"funnel": FUNNEL, "budget": {"trials": 3}}
    before = copy.deepcopy(given)
    recipe = recipes.parse(given, changes={"budget.trials": 5, "task.data": "elsewhere", "seed": 2})
    assert (recipe.budget.trials, recipe.seed) == (5, 2)
    assert given == before
