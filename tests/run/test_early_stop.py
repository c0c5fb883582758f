"""Trainings that are ended early during a search."""

from pathlib import Path

import pytest

import sugata
from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.run import Result
from sugata.run.early_stop import reports
from sugata.trial import Status

STEPS = 20


def learn(architecture, context):
    """A power law that ends at ``1 + quality``; deeper is better."""
    end = 1.0 + 0.5 * architecture["depth"]
    for step in range(1, STEPS + 1):
        loss = end + 0.5 * ((step / STEPS) ** -0.5 - 1)
        if not context.report(step / STEPS, loss):
            return loss
    return end


def search(folder: Path, trials: int = 12, **early_stop: object) -> Result:
    return sugata.search(
        {"early_stop": early_stop, "seed": 1},
        space={"depth": list(range(12))},
        evaluate=learn,
        minimize="loss",
        strategy="random",
        trials=trials,
        workers=0,
        run_dir=folder,
        quiet=True,
    )


def test_hopeless_trainings_end_early_and_the_best_is_found(tmp_path: Path) -> None:
    found = search(tmp_path / "run", confidence=0.95)
    trials = found.record.trials
    stopped = [trial for trial in trials if trial.status is Status.STOPPED]
    assert len(stopped) >= 3
    assert all(0.25 * STEPS <= len(reports(trial)) < STEPS for trial in stopped)
    assert found.best is not None
    assert found.best.architecture["depth"] == 0


def test_without_a_confidence_nothing_is_stopped(tmp_path: Path) -> None:
    assert all(trial.ok for trial in search(tmp_path / "run").record.trials)


def test_a_resumed_search_knows_the_curves_of_before(tmp_path: Path) -> None:
    search(tmp_path / "run", trials=4, confidence=0.95)
    found = search(tmp_path / "run", trials=12, confidence=0.95)
    whole = search(tmp_path / "whole", trials=12, confidence=0.95)
    assert [t.status for t in found.record.trials] == [t.status for t in whole.record.trials]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"early_stop.confidence": 0.95}, "set training.evaluations to 5 or more, it is 0"),
        ({"early_stop.confidence": 1.5}, "early_stop.confidence"),
        ({"early_stop.patience": 3}, "unknown field 'early_stop.patience'"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipes.load("tiny", changes)


def test_a_deterministic_run_does_not_stop_early() -> None:
    changes = {"engine.deterministic": True, "early_stop.confidence": 0.95, "training.evaluations": 8}
    rungs = [{"name": "full", "amount": 10, "unit": "steps"}]
    objectives = {"objectives.metrics": ["bits_per_byte"], "promote_by": "bits_per_byte"}
    with pytest.raises(RecipeError, match="cannot stop early"):
        recipes.load("tiny", {**changes, **objectives, "funnel": rungs})
