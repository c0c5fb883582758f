"""Spaces by name."""

import subprocess
import sys

import pytest

from sugata.errors import RecipeError
from sugata.space import DictionarySpace
from sugata.spaces import names, space
from sugata.spaces.language import LanguageSpace

OWN = DictionarySpace({"depth": [2, 4]})


class Sizes(DictionarySpace):
    """A user's own space with a parameter."""

    def __init__(self, most: int = 3) -> None:
        super().__init__({"size": list(range(1, most + 1))})


@pytest.fixture
def own_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "my_spaces", sys.modules[__name__])
    return "my_spaces"


def test_every_name_makes_the_space_of_that_name():
    assert {
        "language/tiny",
        "language/minimal",
        "language/medium",
        "language/full",
        "language/hybrid",
    } <= set(names())
    for name in names():
        assert space(name).name == name


def test_a_short_name_is_enough_where_it_is_unique():
    assert isinstance(space("tiny"), LanguageSpace)
    assert space("tiny").name == "language/tiny"


def test_parameters_reach_the_space():
    made = space("tiny", options={"hidden_dim": [64]})
    assert next(choice for choice in made.choices if choice.name == "hidden_dim").options == (64,)
    with pytest.raises(RecipeError, match="does not take these parameters"):
        space("tiny", colour="red")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("tinny", "'tiny'"), ("langage/tiny", "'language/tiny'"), ("xyz", "language/full")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, hint):
    with pytest.raises(RecipeError, match=hint):
        space(name)


def test_ones_own_space_is_found_by_module_and_name(own_module):
    assert space(f"{own_module}:OWN") is OWN
    assert space(f"{own_module}:Sizes", most=5).size() == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:Space", "cannot be imported"),
        ("sugata.spaces:nothing", "cannot be imported"),
        ("sugata:__name__", "must be a SearchSpace"),
        ("builtins:dict", "made a dict"),
    ],
)
def test_what_is_not_a_space_is_refused(name, message):
    with pytest.raises(RecipeError, match=message):
        space(name)


def test_names_counts_and_keys_do_not_import_torch():
    program = (
        "import sys, numpy; from sugata.spaces import baselines, explain, names, space, summary\n"
        "for name in names():\n"
        "    made = space(name); summary(made); explain(made)\n"
        "    made.training_key(made.sample(numpy.random.default_rng(0)))\n"
        "baselines(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
