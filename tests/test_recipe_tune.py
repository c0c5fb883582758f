from typing import Any

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.recipe_tune import written_range

RATE = "training.learning_rate"


@pytest.mark.parametrize(
    ("text", "field", "range_"),
    [
        ("a.b=log(1e-4, 0.1)", "a.b", {"low": 1e-4, "high": 0.1, "log": True}),
        ("a=linear(0,1)", "a", {"low": 0, "high": 1}),
        ("a = linear(0, 1, 0.25)", "a", {"low": 0, "high": 1, "step": 0.25}),
        ("a=int(1, 8)", "a", {"low": 1, "high": 8, "integer": True}),
        ("a=logint(1, 64)", "a", {"low": 1, "high": 64, "integer": True, "log": True}),
        ("a=[x, 1e-4, null, [1, 2]]", "a", {"options": ("x", 1e-4, None, [1, 2])}),
        ("a={low: 1e-4, high: 1}", "a", {"low": 1e-4, "high": 1}),
        ("a=int(1, 8) when b.c=sgd", "a", {"low": 1, "high": 8, "integer": True, "when": {"b.c": ["sgd"]}}),
        ("a=[1, 2] when b=[x, y]", "a", {"options": (1, 2), "when": {"b": ["x", "y"]}}),
    ],
)
def test_ranges_are_written_shortly(text: str, field: str, range_: dict[str, Any]) -> None:
    path, found = written_range(text)
    assert path == field
    section = recipes.load("tiny", {"tune.vary": {path: found}}).tune.vary[field]
    for name, value in section.model_dump().items():
        assert value == range_.get(name, type(section).model_fields[name].default), name


@pytest.mark.parametrize(
    "text", ["a", "a=", "=int(1, 2)", "a=int(1)", "a=int(a, b)", "a=1", "a=int(1, 2) when b"]
)
def test_what_is_written_otherwise_is_one_line(text: str) -> None:
    with pytest.raises(RecipeError, match="write it as field=range") as raised:
        written_range(text)
    assert f"--vary {text}" in str(raised.value)


@pytest.mark.parametrize(
    ("range_", "said"),
    [
        ({"low": 2, "high": 1}, "low 2 is above high 1"),
        ({"low": 0, "high": 1, "log": True}, "log needs low above 0, it is 0"),
        ({"low": 1}, "give low and high, or options"),
        ({"low": 1, "high": 2, "options": [1]}, "not both"),
        ({"low": 1, "high": float("inf")}, "must be finite"),
        ({"low": 1, "high": 4, "log": True, "step": 1}, "log and step exclude each other"),
        ({"low": 1, "high": 4.5, "integer": True}, "integer needs whole numbers, not 1, 4.5"),
        ({"options": []}, "options is empty"),
        ({"options": [1, 1]}, "name one twice"),
        ({"options": [1], "log": True}, "are of a range with low and high"),
        ({"low": 1, "high": 2, "stepp": 1}, "did you mean 'step'?"),
    ],
)
def test_impossible_ranges_name_the_field(range_: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        recipes.load("tiny", {"tune.vary": {RATE: range_}})
    assert f"tune.vary.{RATE}" in str(raised.value)
    assert said in str(raised.value)


def test_a_recipe_that_is_written_and_read_has_the_same_ranges() -> None:
    ranges = {
        RATE: {"low": "1e-4", "high": 1, "log": True, "when": {"training.optimizer": "sgd"}},
        "training.optimizer": {"options": ["sgd", "adamw"]},
    }
    recipe = recipes.load("tiny", {"tune.vary": ranges})
    import yaml

    assert recipes.parse(yaml.safe_load(recipe.to_yaml())) == recipe
