"""From a recipe to objects: a strategy of one's own."""

from pathlib import Path

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.run import Progress, assemble, start
from sugata.strategies import Funnel, Strategy
from sugata.trial import Status

MODULE = """
from sugata.strategies import Strategy
from sugata.trial import Proposal

class Ascending(Strategy):
    def _propose(self, number):
        left = list(self.space.enumerate())[number:]
        return Proposal(number, left[0], self.fidelity, origin="ascending") if left else None

    def tell(self, trial):
        pass

class Abstract(Strategy):
    pass

def made(space, objectives, *, seed):
    return Ascending(space, objectives, seed=seed + 1)

def nothing(space, objectives, *, seed):
    return None

number = 3

def score(architecture):
    return architecture["depth"]
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module that holds strategies, in the working folder; every test has a name of its own for it."""
    name = f"own_strategies_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def recipe_with(module: str, kind: str, **fields: object) -> recipes.Recipe:
    return recipes.parse(
        {
            "task": None,
            "evaluate": f"{module}:score",
            "space": {"depth": [1, 2, 3]},
            "strategy": {"kind": kind},
            "objectives": {"metrics": ["quality"], "maximize": ["quality"]},
            "seed": 4,
            "engine": {"workers": 0},
            **fields,
        }
    )


@pytest.mark.parametrize(("name", "seed"), [("Ascending", 4), ("made", 5)])
def test_a_strategy_of_ones_own_is_a_class_or_a_function(module: str, name: str, seed: int) -> None:
    strategy = assemble(recipe_with(module, f"{module}:{name}")).strategy()
    assert isinstance(strategy, Strategy)
    assert strategy.seed == seed
    proposal = strategy.ask()
    assert proposal is not None
    assert dict(proposal.architecture) == {"depth": 1}


def test_the_funnel_runs_over_a_strategy_of_ones_own(module: str) -> None:
    rungs = [{"name": "only", "amount": 2, "unit": "steps"}]
    strategy = assemble(recipe_with(module, f"{module}:Ascending", funnel=rungs)).strategy()
    assert isinstance(strategy, Funnel)
    proposal = strategy.ask()
    assert proposal is not None
    assert proposal.origin == "ascending"
    assert proposal.fidelity.amount == 2


def test_a_run_searches_with_it(module: str, tmp_path: Path) -> None:
    result = start(
        recipe_with(module, f"{module}:Ascending"), tmp_path / "run", progress=Progress(quiet=True)
    )
    assert [trial.architecture["depth"] for trial in result.record.trials] == [1, 2, 3]
    assert all(trial.status is Status.COMPLETED for trial in result.record.trials)
    assert result.best is not None
    assert result.best.architecture["depth"] == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Descending", "cannot be imported"),
        ("", "cannot be imported"),
        ("number", "is a int; give a Strategy class"),
        ("score", "cannot be called with (space, objectives, seed=..."),
        ("Abstract", "cannot be called with (space, objectives, seed=..."),
        ("nothing", "made a NoneType; it must make a sugata.strategies.Strategy"),
    ],
)
def test_what_makes_no_strategy_is_refused_in_one_line(module: str, name: str, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        assemble(recipe_with(module, f"{module}:{name}")).strategy()
    assert str(raised.value).startswith(f"field 'strategy.kind': '{module}:{name}' ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["no_such_module:Strategy", ":Strategy"])
def test_a_module_that_is_missing_is_refused_in_one_line(module: str, kind: str) -> None:
    with pytest.raises(RecipeError, match=f"^field 'strategy.kind': '{kind}' cannot be imported"):
        assemble(recipe_with(module, kind)).strategy()
