"""The Python interface as scripts, notebooks and type checkers meet it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sugata
from sugata.errors import RecipeError, SugataError, TaskError
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.strategies.random import RandomSearch
from sugata.trial import Metric, Proposal, Status

SPACE = {"depth": [2, 4, 8], "width": [32, 64]}


def accuracy(architecture: dict[str, int]) -> float:
    """Best at depth 4, width 64."""
    return 1 - abs(architecture["depth"] - 4) / 10 - abs(architecture["width"] - 64) / 100


def search(folder: Path, **given: object) -> sugata.Result:
    """A search in this process."""
    options = {"space": SPACE, "evaluate": accuracy, "maximize": "accuracy", "workers": 0, "quiet": True}
    return sugata.search(**{**options, "run_dir": folder / "run", **given})  # type: ignore[arg-type]


def test_the_smallest_use_finds_the_best_and_leaves_a_report(tmp_path: Path) -> None:
    result = search(tmp_path)
    assert result.best is not None
    assert dict(result.best.architecture) == {"depth": 4, "width": 64}
    assert result.best.metrics["accuracy"] == 1.0
    assert [trial.number for trial in result.front] == [result.best.number]
    assert isinstance(result.trials, pd.DataFrame)
    assert len(result.trials) == 6
    assert {"depth", "width", "accuracy", "status"} <= set(result.trials.columns)
    assert result.report.is_file()
    assert "accuracy" in repr(result)
    with pytest.raises(TaskError, match="your own function"):
        result.model()


def test_several_metrics_and_limits(tmp_path: Path) -> None:
    def measured(architecture: dict[str, int]) -> dict[str, float]:
        return {"accuracy": accuracy(architecture), "cost": architecture["depth"] * architecture["width"]}

    result = search(tmp_path, evaluate=measured, minimize="cost", limits={"cost": 200})
    assert all(trial.metrics["cost"] <= 200 for trial in result.front)
    assert max(result.trials["cost"]) > 200
    assert [m.direction for m in result.objectives.metrics] == ["maximize", "minimize"]


def test_the_run_folder_is_all_that_a_result_needs(tmp_path: Path) -> None:
    first = search(tmp_path)
    again = sugata.Result(tmp_path / "run")
    assert again.trials.equals(first.trials)
    assert again.best == first.best


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"maximize": ()}, "name a metric"),
        ({"space": None}, "space is missing"),
        ({"space": {}}, "no choices"),
        ({"space": {"a": []}}, "a"),
        ({"space": {"a": 3}}, "list of options"),
        ({"evaluate": 3}, "no function"),
        ({"evaluate": "nowhere:f"}, "cannot be imported"),
        ({"evaluate": lambda: 3}, "takes no architecture"),
        ({"trials": -1}, "budget.trials"),
        ({"trials": 0}, "budget.trials"),
        ({"budget": "soon"}, "write it like"),
        ({"budget": -3}, "budget.seconds"),
        ({"workers": -1}, "engine.workers"),
        ({"strategy": "luck"}, "luck"),
        ({"strategy": {"popilation": 3}}, "did you mean 'population'?"),
        ({"limits": {"cost": "many"}}, "limits.metrics.cost"),
        ({"evaluate": None}, "maximize and minimize go with your own evaluate"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, given: dict[str, object], said: str) -> None:
    with pytest.raises(SugataError, match=said) as raised:
        search(tmp_path, **given)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_recipe_may_be_a_mapping_a_name_or_a_recipe(tmp_path: Path) -> None:
    fields = {"task": None, "evaluate": "json:dumps", "space": SPACE, "objectives": {"metrics": ["x"]}}
    recipe = sugata.Recipe.model_validate(fields)
    for given in (fields, recipe):
        with pytest.raises(RecipeError, match=r"budget\.seconds"):
            sugata.search(given, budget=-1, run_dir=tmp_path / "run")
    with pytest.raises(RecipeError, match="did you mean 'tiny'"):
        sugata.search("tinny")


class Own(Evaluator):
    """Names its metrics, and knows the cost before it evaluates."""

    metrics = (Metric("accuracy", direction="maximize"), Metric("cost"))

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        values = {
            "accuracy": accuracy(dict(proposal.architecture)),
            **self.quick_metrics(proposal.architecture),
        }
        return Evaluation(Status.COMPLETED, values)

    def quick_metrics(self, architecture, names=(), exclusive=None) -> dict[str, float]:
        return {"cost": float(architecture["depth"] * architecture["width"])}

    def fingerprint(self) -> str:
        return "own"


class Last(RandomSearch):
    """A strategy that is known by its class alone."""


def test_an_evaluator_says_its_metrics_and_refuses_before_it_evaluates(tmp_path: Path) -> None:
    result = search(tmp_path, evaluate=Own(), maximize=(), limits={"cost": 200})
    assert result.objectives.primary.name == "accuracy"
    assert [metric.name for metric in result.objectives.metrics] == ["accuracy", "cost"]
    assert dict(result.best.architecture) == {"depth": 2, "width": 64}
    refused = result.trials[result.trials.status == "refused"]
    assert set(refused.depth * refused.width) == {256, 512}


def test_an_evaluator_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_evaluator", sys.modules[__name__])
    result = search(tmp_path, evaluate="own_evaluator:Own", minimize="cost")
    assert result.best.metrics["accuracy"] == 1.0
    assert not result.recipe.needs_script


def test_a_strategy_can_be_given_as_its_class(tmp_path: Path) -> None:
    result = search(tmp_path, strategy=Last, trials=3)
    assert result.recipe.strategy.kind.endswith(":Last")
    assert len(result.trials) == 3


SCRIPT = """
import sugata
def accuracy(architecture):
    print("in", __name__)
    return -abs(architecture["depth"] - 4)
result = sugata.search(space={"depth": [2, 4, 8], "width": [32, 64]}, evaluate=accuracy, maximize="accuracy",
                       run_dir="run", workers=2)
print(dict(result.best.architecture)["depth"], len(result.trials))
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "command", "stdin"])
def test_it_works_without_a_main_guard_in_workers(way: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = {"file": ["script.py"], "command": ["-c", SCRIPT], "stdin": ["-"]}[way]
    for _ in range(2 if way == "file" else 1):  # the second time everything is known
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, input=SCRIPT)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["4", "6"]
        assert "in this process" not in done.stderr
    logs = [path.read_text() for path in (tmp_path / "run" / "trials").glob("*/log.txt")]
    assert logs
    assert all("in " in text for text in logs)
