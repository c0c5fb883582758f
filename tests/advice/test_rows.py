"""Advice for files of rows: what they are taken for, and what a training costs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.advice import advise
from sugata.advice.rows import read_rows
from sugata.errors import DataError, RecipeError

pytestmark = pytest.mark.slow


@pytest.fixture
def frame() -> pd.DataFrame:
    """Numbers, categories, texts, and three kinds of targets."""
    rng = np.random.default_rng(0)
    data = {
        "size": rng.normal(size=120),
        "colour": rng.choice(["red", "blue"], 120),
        "said": [f"the {word} thing" for word in rng.choice(["good", "bad", "other"], 120)],
        "grade": rng.integers(0, 3, 120),
        "price": rng.normal(size=120),
    }
    return pd.DataFrame(data)


def test_a_table_is_timed_and_named_with_its_last_column(frame: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    frame[["size", "colour", "grade"]].to_csv(file, index=False)
    advice = advise("table", str(file), 600)
    assert advice.figures[0] == ("data", "120 rows; target 'grade', taken to be 3 classes")
    assert [word for word, _ in advice.figures[1:]] == ["measured", "full training", "the budget"]
    assert f'StructuredDataClassifier(budget="600s").fit("{file}", "grade")' in advice.command


def test_a_text_is_timed_and_a_column_called_label_is_the_target(frame: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "mine.parquet"
    frame.rename(columns={"colour": "label"})[["label", "said"]].to_parquet(file)
    advice = advise("text", str(file), 600)
    assert "target 'label', taken to be 2 classes" in advice.figures[0][1]
    assert "TextClassifier" in advice.command


def test_numbers_are_values(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "mine.tsv", sep="\t", index=False)
    rows = read_rows("table", str(tmp_path / "mine.tsv"))
    assert (rows.target, rows.classes, rows.class_name) == ("price", None, "StructuredDataRegressor")


def test_bad_files_are_one_line(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[["size", "price"]].to_csv(tmp_path / "numbers.csv", index=False)
    frame[["size"]].to_csv(tmp_path / "one.csv", index=False)
    for kind, file, error, said in (
        ("table", "none.csv", RecipeError, "give a .csv"),
        ("table", "one.csv", DataError, "one column alone"),
        ("text", "numbers.csv", DataError, "no column holds texts"),
    ):
        with pytest.raises(error, match=said):
            advise(kind, str(tmp_path / file), 600)
