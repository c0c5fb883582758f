"""Warm starts: what an earlier run gives, how it is recorded, and what is wrong with it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import sugata
from sugata.errors import RecipeError
from sugata.run import Result, report
from sugata.space import Choice, Constraint, SearchSpace
from sugata.trial import Status

pytestmark = pytest.mark.slow

SPACE = {"depth": list(range(1, 8)), "width": list(range(1, 8)), "kind": ["a", "b"]}


def product(architecture: dict[str, Any]) -> float:
    return float(architecture["depth"] * architecture["width"])


def other_product(architecture: dict[str, Any]) -> float:
    return float(architecture["depth"] * architecture["width"]) ** 0.5


def search(folder: Path, **given: Any) -> Result:
    options = {"space": SPACE, "evaluate": product, "maximize": "score", "trials": 12, "workers": 0}
    return sugata.search(**{**options, "strategy": "random", "run_dir": folder, "quiet": True, **given})


def best(result: Result, count: int) -> list[dict[str, Any]]:
    ranked = sorted(result.record.trials, key=lambda trial: (-trial.metrics["score"], trial.number))
    return [dict(trial.architecture) for trial in ranked[:count]]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run to begin others with."""
    return search(tmp_path_factory.mktemp("first") / "run")


@pytest.mark.parametrize("strategy", ["random", "evolution"])
def test_the_best_of_the_earlier_run_are_tried_first(first: Result, tmp_path: Path, strategy: str) -> None:
    second = search(
        tmp_path / "second", evaluate=other_product, strategy=strategy, warm_start=first.folder, seed=1
    )
    begun = second.record.trials[:10]
    assert [dict(trial.architecture) for trial in begun] == best(first, 10)
    assert {trial.proposal.origin for trial in begun} == {"warm start"}
    assert "warm start" not in {trial.proposal.origin for trial in second.record.trials[10:]}


def test_journal_and_report_say_where_starts_come_from(first: Result, tmp_path: Path) -> None:
    recipe = {"warm_start": {"run": str(first.folder), "top": 3}}
    second = search(tmp_path / "second", recipe=recipe, evaluate=other_product)
    (note,) = second.record.notes("warm start")
    assert note.data["run"] == str(first.folder)
    assert note.data["data"] == "function product"
    assert note.data["same_data"] is False
    assert (note.data["best"], len(note.data["architectures"])) == (3, 3)
    said = f"It began with 3 architectures of {first.folder} (dictionary, other data, function product)."
    assert said in report(second.folder).read_text()


def test_a_smaller_space_takes_what_it_can_and_counts_what_it_skips(first: Result, tmp_path: Path) -> None:
    class Smaller(SearchSpace):
        name = "smaller"
        choices = (
            Choice("depth", (5, 6, 7)),
            Choice("width", tuple(range(1, 8))),
            Choice("new", (0, 1), default=1),
        )
        constraints = (Constraint(("depth", "width"), lambda d, w: (d + w) % 2 == 0, "make the sum even"),)

    second = search(tmp_path / "second", space=Smaller(), trials=30, warm_start=first.folder)
    (note,) = second.record.notes("warm start")
    begun = [trial for trial in second.record.trials if trial.proposal.origin == "warm start"]
    assert 0 < len(begun) < 10
    assert all(trial.architecture["new"] == 1 for trial in begun)
    assert sum(note.data["skipped"].values()) == 10 - len(begun)
    assert "not valid in this space" in note.data["skipped"]


def test_several_runs_may_be_named(first: Result, tmp_path: Path) -> None:
    second = search(tmp_path / "second", seed=3)
    third = search(tmp_path / "third", warm_start=[first.folder, second.folder], trials=30)
    assert [note.data["run"] for note in third.record.notes("warm start")] == [
        str(first.folder),
        str(second.folder),
    ]
    begun = [dict(t.architecture) for t in third.record.trials if t.proposal.origin == "warm start"]
    expected = best(first, 10) + best(second, 10)
    assert begun == [one for i, one in enumerate(expected) if one not in expected[:i]]


def test_a_resumed_run_goes_on_with_what_it_has_noted_although_the_earlier_run_is_gone(
    first: Result, tmp_path: Path
) -> None:
    earlier = Path(shutil.copytree(first.folder, tmp_path / "earlier"))
    whole = search(tmp_path / "whole", warm_start=earlier, trials=20, strategy="evolution")
    cut = Path(shutil.copytree(whole.folder, tmp_path / "cut"))
    lines = (cut / "journal.jsonl").read_text().splitlines(keepends=True)
    asked = [i for i, line in enumerate(lines) if json.loads(line)["event"] == "ask"]
    (cut / "journal.jsonl").write_text("".join(lines[: asked[6]]))  # killed amid the starts
    shutil.rmtree(earlier)
    again = search(cut, warm_start=earlier, trials=20, strategy="evolution")
    assert [t.proposal for t in again.record.trials] == [t.proposal for t in whole.record.trials]
    assert len(again.record.notes("warm start")) == 1


def test_starts_that_break_a_limit_are_refused(first: Result, tmp_path: Path) -> None:
    def measured(architecture: dict[str, Any]) -> dict[str, float]:
        return {"score": product(architecture), "size": architecture["depth"] * 1.0}

    second = search(
        tmp_path / "second", evaluate=measured, minimize="size", limits={"size": 3}, warm_start=first.folder
    )
    assert second.best is not None
    assert second.best.metrics["size"] <= 3
    assert any(trial.ok for trial in second.record.trials)


def failing(architecture: dict[str, Any]) -> float:
    raise ValueError("no")


def test_what_cannot_be_used_is_said_in_one_line_before_there_is_a_run(first: Result, tmp_path: Path) -> None:
    failed = search(tmp_path / "failed", evaluate=failing, trials=3)
    assert {trial.status for trial in failed.record.trials} == {Status.FAILED}
    (tmp_path / "empty").mkdir()
    wrong: dict[Path | str, tuple[dict[str, Any], str]] = {
        tmp_path / "nowhere": ({}, "no such run folder"),
        tmp_path / "empty": ({}, "it has no journal.jsonl"),
        failed.folder: ({}, "has completed no trial that could be compared"),
        first.folder: ({"space": {"colour": ["red", "blue"]}}, "has no choice of dictionary"),
        str(first.folder): ({"space": {"depth": [50, 60], "a": [1, 2]}}, "10 not valid in this space"),
    }
    for run, (given, said) in wrong.items():
        with pytest.raises(RecipeError) as raised:
            search(tmp_path / "run", evaluate=lambda a: 1.0, warm_start=run, **given)
        assert str(raised.value).startswith("field 'warm_start': ")
        assert said in str(raised.value)
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "run").exists()
