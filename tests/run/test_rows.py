"""Runs on rows: a file with test rows, and prepared data that have none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sugata import recipe as recipes
from sugata.run import Progress, start
from sugata.spaces.blocks.defaults import default_graph
from sugata.tasks.prepared import ClassAdapter, Rows, TableAdapter, prepare

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": RNG.normal(size=80), "c": RNG.choice(["a", "b"], 80)})
LABELS = np.where(FRAME["x"] > 0, "high", "low")


def run(task: dict[str, Any], folder: Path, **more: Any) -> Any:
    recipe = recipes.parse(
        {
            "task": task,
            "space": "blocks/graph",
            "funnel": [{"name": "only", "amount": 3, "unit": "steps", "capacity": 1}],
            "final": {"amount": 3, "unit": "steps"},
            "objectives": {"metrics": ["roc_auc"]},
            "promote_by": "roc_auc",
            "engine": {"workers": 0},
            "baselines": False,
            **more,
        }
    )
    return start(recipe, folder, progress=Progress(quiet=True))


def test_a_file_is_searched_and_its_test_rows_score_the_winner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGATA_CACHE", str(tmp_path / "cache"))
    FRAME.assign(size=LABELS).to_csv(tmp_path / "rows.csv", index=False)
    task = {"kind": "table", "data": str(tmp_path / "rows.csv"), "target": "size"}
    result = run(task, tmp_path / "run")
    assert result.finished
    test = result.stages["test"]
    assert test["test"]["roc_auc"] == pytest.approx(test["test_exported"]["roc_auc"], abs=1e-3)
    assert (tmp_path / "run" / "best" / "adapters.json").is_file()
    assert "No test data were given" not in result.report.read_text("utf-8")


def test_a_run_without_test_rows_ends_and_its_report_says_so(tmp_path: Path) -> None:
    rows = Rows({"table": FRAME}, {"size": LABELS})
    prepare(tmp_path / "data", rows, {"table": TableAdapter.fit}, {"size": ClassAdapter.fit})
    graph = default_graph({"table": "table"}, {"size": "classification"})
    result = run({"kind": "prepared", "data": str(tmp_path / "data")}, tmp_path / "run", network=graph)
    assert result.finished
    assert "test" not in result.stages["test"]
    assert "No test data were given" in result.report.read_text("utf-8")
