"""The winner's last training, on validation rows as well."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.evaluators.folds import checkpoints_of
from sugata.export.blocks import load_blocks_network
from sugata.run import Progress, Result, refit, start
from sugata.run.folder import FIRST_FINAL
from sugata.training import CHECKPOINT, spent_on_weights
from sugata.training.checkpoint import Spent

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": RNG.normal(size=100), "c": RNG.choice(["a", "b"], 100)})
LABELS = np.where(FRAME["x"] + RNG.normal(size=100) > 0, "high", "low")


def searched(folder: Path, refit: Any, monkeypatch: pytest.MonkeyPatch, folds: int = 1) -> Result:
    """A run over 72 rows that train and 8 for validation; 20 are for test."""
    monkeypatch.setenv("SUGATA_CACHE", str(folder / "cache"))
    FRAME.assign(size=LABELS).to_csv(folder / "rows.csv", index=False)
    recipe = recipes.parse(
        {
            "task": {
                "kind": "table",
                "data": str(folder / "rows.csv"),
                "target": "size",
                "folds": folds,
                "validation_share": 0.1,
            },
            "space": "blocks/graph",
            "funnel": [{"name": "only", "amount": 20, "unit": "steps", "capacity": 1}],
            "final": {"amount": 20, "unit": "steps", "refit": refit},
            "training": {"batch_size": 16, "evaluations": 10, "patience": 10},
            "objectives": {"metrics": ["cross_entropy"]},
            "promote_by": "cross_entropy",
            "stages": {"skip_retrain": "search"},
            "engine": {"workers": 0},
            "baselines": False,
        }
    )
    return start(recipe, folder / "run", progress=Progress(quiet=True))


def test_the_winner_ships_as_trained_on_all_rows_for_as_many_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = searched(tmp_path, {}, monkeypatch)
    winner = result.finals[0]
    last = result.refits[winner.number]
    before = spent_on_weights(checkpoint(result)).steps
    assert 0 < before < 20  # validation has chosen earlier weights than the last
    assert last.proposal.fidelity.amount == round(before * 80 / 72)
    assert last.details["steps"] == round(before * 80 / 72)
    assert "cross_entropy" not in last.metrics  # no row is left to measure it on
    assert result.best == winner
    assert "trained once more on all rows" in result.report.read_text("utf-8")
    assert "trained once more on all rows" in (tmp_path / "run" / "best" / "README.md").read_text("utf-8")
    shipped, _ = load_blocks_network(tmp_path / "run" / "best")
    trained = {
        name: one for name, one in shipped.state_dict().items() if name in dict(shipped.named_parameters())
    }
    stored = load_file(checkpoint(result))
    assert all(not torch.equal(one, stored[f"best.{name}"]) for name, one in trained.items())
    assert result.stages["test"]["test"] == pytest.approx(result.stages["test"]["test_exported"], abs=1e-3)


def checkpoint(result: Result) -> Path:
    """That of the winner before its last training."""
    return result.folder / "final" / f"{result.finals[0].number - FIRST_FINAL:04d}" / CHECKPOINT


def test_where_the_last_weights_were_the_best_it_takes_the_time_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refit, "spent_on_weights", lambda path: Spent(20, 0.5, 1.0))
    result = searched(tmp_path, {"seconds": 1.0}, monkeypatch)
    assert result.refits[result.finals[0].number].details["steps"] == round(20 / 0.5)
    monkeypatch.setattr(refit, "spent_on_weights", lambda path: Spent(20, 0.5, 0.8))
    (tmp_path / "chosen").mkdir()
    result = searched(tmp_path / "chosen", {"seconds": 1.0}, monkeypatch)
    assert result.refits[result.finals[0].number].details["steps"] == round(20 * 80 / 72)


def test_where_folds_scored_it_the_passes_are_those_of_the_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = searched(tmp_path, {}, monkeypatch, folds=4)
    (trial,), winner = result.record.trials, result.finals[0]
    assert trial.details["folds"] == 4
    assert winner.metrics["cross_entropy"] == trial.metrics["cross_entropy"]
    steps = [spent_on_weights(path).steps for path in checkpoints_of(checkpoint(result).parent)]
    assert len(steps) == 4
    assert result.refits[winner.number].details["steps"] == round(np.mean(steps) * 4 / 3)


def test_it_is_left_out_where_it_would_take_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = searched(tmp_path, {"seconds": 1e-6}, monkeypatch)
    assert result.refits == {}
    assert (tmp_path / "run" / "best" / "model.onnx").is_file()


def test_a_run_that_goes_on_does_not_train_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = searched(tmp_path, {}, monkeypatch)
    again = searched(tmp_path, {}, monkeypatch)
    assert len(again.record.notes("refit")) == 1
    assert again.refits == result.refits


def test_tasks_without_rows_refuse_it_and_folds_need_it() -> None:
    with pytest.raises(RecipeError, match=r"task\.folds 3 scores networks of parts"):
        recipes.load("table", changes={"task.folds": 3})
    with pytest.raises(RecipeError, match=r"final\.refit is for tasks of rows"):
        recipes.load("tiny", changes={"final.refit": {}})
