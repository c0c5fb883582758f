import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sugata
from sugata.errors import RecipeError, SugataError
from sugata.run import Result, resume
from sugata.trial import Status

pytestmark = pytest.mark.slow  # every search writes a report


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [(a, b) for a in range(5) for b in range(5)]
    frame = pd.DataFrame(rows, columns=["a", "b"])
    frame["val_acc_12"] = frame.a * 10.0 + frame.b
    frame["test_acc_200"] = 50 + frame.a * 10.0 - frame.b
    frame["params"] = 1000.0 * (1 + frame.a) + 0.5
    path = tmp_path / "small.csv"
    frame.to_csv(path, index=False)
    return path


def searched(file: Path, **fields: Any) -> Result:
    table = {"file": str(file), "metric": "val_acc_12", "data_set": None} | fields.pop("table", {})
    recipe = {"strategy": {"kind": "random"}, "table": table, "budget": {"trials": 25}} | fields
    return sugata.search(recipe, run_dir=file.parent / "run", quiet=True)


def test_the_winner_by_one_column_is_reported_by_another_at_the_end(file: Path) -> None:
    result = searched(file, table={"report": "test_acc_200"})
    assert dict(result.best.architecture) == {"a": 4, "b": 4}
    assert result.best.metrics == {"val_acc_12": 44}
    assert result.reported == {"test_acc_200": 86}
    assert "86" in result.report.read_text()
    assert result.finished
    journal = (result.folder / "journal.jsonl").read_text().splitlines()
    assert sum("test_acc_200" in json.dumps(json.loads(line).get("metrics", {})) for line in journal) == 0


def test_columns_can_be_limited_and_be_objectives(file: Path) -> None:
    result = searched(
        file,
        objectives={"metrics": ["val_acc_12", "params"]},
        limits={"parameters": 3500},
    )
    assert result.best.metrics["parameters"] == result.best.metrics["params"] <= 3500
    assert {trial.status for trial in result.record.trials} == {Status.COMPLETED, Status.REFUSED}


def test_rungs_of_a_funnel_are_columns(file: Path) -> None:
    result = searched(
        file,
        table={"metric": ["val_acc_12", "test_acc_200"]},
        funnel=[
            {"name": "short", "amount": 12, "unit": "epochs", "keep": 0.4},
            {"name": "long", "amount": 200, "unit": "epochs", "capacity": 5},
        ],
    )
    assert result.best.proposal.fidelity.name == "long"
    assert result.best.metrics == {"accuracy": 50 + 40 - result.best.architecture["b"]}


def test_a_run_is_resumed_from_its_folder_alone(file: Path) -> None:
    first = searched(file, budget={"trials": 5}, table={"report": "test_acc_200"})
    assert len(first.record.trials) == 5
    again = resume(first.folder)
    assert len(again.record.trials) == 5
    assert len(again.record.notes("reported")) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"table": {"metric": "speed"}}, "no column 'speed'"),
        ({"table": {"report": "speed"}}, "no column 'speed'"),
        ({"table": {"data_set": "mnist"}}, "holds one data set only"),
        ({"table": {"metric": ["val_acc_12", "test_acc_200"]}}, "give a rung a column"),
        ({"task": {"kind": "code"}}, "table takes the place of task"),
        ({"space": {"a": [1, 2]}}, "a table has its own space"),
        ({"limits": {"latency": "3ms"}}, "no column 'latency_ms_p90'"),
        ({"objectives": {"metrics": ["bits_per_byte"]}}, "'bits_per_byte' is not measured"),
    ],
)
def test_what_contradicts_the_table_is_said_before_anything_runs(
    file: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(SugataError, match=message) as caught:
        searched(file, **fields)
    assert "\n" not in str(caught.value)
    assert not (file.parent / "run").exists()


def test_a_recipe_without_any_aim_is_refused() -> None:
    with pytest.raises(RecipeError, match="neither task nor evaluate nor table"):
        sugata.search({"task": None}, quiet=True)
