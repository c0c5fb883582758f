"""Tables and texts from files: their columns, their splits, the cache, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sugata.errors import DataError
from sugata.tasks import PreparedTask
from sugata.tasks.prepared.files import FileSettings, prepare_files

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.normal(40, 9, 60),
        "job": RNG.choice(["cook", "nurse"], 60),
        "id": range(60),
        "income": RNG.choice(["<=50K", ">50K"], 60),
        "pay": RNG.normal(50, 5, 60),
    }
)
TEXTS = pd.DataFrame({"review": ["good film", "bad film"] * 20, "label": [1, 0] * 20})


def prepared(folder: Path, **settings: Any) -> PreparedTask:
    return PreparedTask(prepare_files(FileSettings(**settings), folder / "cache").folder)


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.parquet"])
def test_a_column_of_a_file_is_predicted_by_the_others(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".parquet":
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    task = prepared(tmp_path, kind="table", data=str(path), target="income", drop=("id", "pay"))
    assert task.data.adapters.inputs["table"].features == ("age", "job")
    assert task.facts()["counts"] == {"train": 43, "test": 12, "validation": 5}
    assert task.signature({}).outputs[0].classes == 2
    value = prepared(tmp_path, kind="table", data=str(path), target=("pay", "age"), predict="value")
    assert value.signature({}).outputs[0].shape == ("batch", 2)


def test_files_named_after_splits_are_those_splits(tmp_path: Path) -> None:
    for split, count in (("train", 30), ("validation", 6), ("test", 4)):
        TEXTS.head(count).to_csv(tmp_path / f"{split}.csv", index=False)
    task = prepared(tmp_path, kind="text", data=str(tmp_path))
    assert task.facts()["counts"] == {"train": 30, "test": 4, "validation": 6}
    assert task.signature({}).inputs[0].classes == 5


def test_equal_files_are_prepared_once_and_changed_ones_anew(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    TEXTS.to_csv(path, index=False)
    said: list[str] = []
    settings = FileSettings("text", str(path))
    first = prepare_files(settings, tmp_path / "cache", say=said.append)
    again = prepare_files(settings, tmp_path / "cache", say=said.append)
    assert (again.folder, len(said)) == (first.folder, 1)
    TEXTS.head(30).to_csv(path, index=False)
    assert prepare_files(settings, tmp_path / "cache", say=said.append).fingerprint != first.fingerprint
    assert len(said) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "wage"}, "task.target: no column 'wage'; the file has age, job, id, income, pay"),
        ({}, "task.target: name a column; the file has age"),
        ({"target": "income", "drop": ("zip",)}, "task.drop: no column 'zip'"),
        ({"target": "age"}, "target: labels: Unknown label type"),
        ({"target": "income", "columns": {"zip": "category"}}, "table: kinds: no column 'zip'"),
        ({"target": "income", "data": "nowhere.csv"}, "nowhere.csv does not exist; give a CSV"),
        ({"target": "income", "data": "."}, "nor a folder that has one"),
    ],
)
def test_what_a_file_does_not_have_gets_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    settings = {"kind": "table", "data": str(tmp_path / "rows.csv"), **given}
    with pytest.raises(DataError, match=message):
        prepared(tmp_path, **settings)


def test_docstrings_of_the_library_are_told_apart_by_package(tmp_path: Path) -> None:
    task = prepared(tmp_path, kind="text", data="stdlib")
    assert {"asyncio", "unittest"} < set(task.data.adapters.targets["target"].labels)  # type: ignore[attr-defined]
    assert task.facts()["counts"]["train"] > 500
