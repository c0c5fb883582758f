"""What cannot be learned from, or predicted for, is refused in one line that says where it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sugata

pytestmark = pytest.mark.slow
LABELS = np.array([0, 1] * 30)
FRAME = pd.DataFrame({"age": np.arange(60.0), "city": list("xyz") * 20})


@pytest.mark.parametrize(
    ("kind", "x", "y", "said"),
    [
        ("StructuredDataClassifier", FRAME, np.where(LABELS, np.nan, 0.0), "row 1 has no label"),
        ("StructuredDataClassifier", FRAME, ["a", None, *"b" * 58], "row 1 has no label"),
        ("StructuredDataClassifier", FRAME, np.zeros(60), "all rows are of one class, 0.0"),
        ("StructuredDataClassifier", FRAME, LABELS[:50], "50, .*60"),
        ("StructuredDataClassifier", FRAME, None, "requires y to be passed"),
        ("StructuredDataClassifier", "nowhere.csv", "y", "nowhere.csv: there is no such file"),
        ("StructuredDataRegressor", FRAME, np.where(LABELS, np.nan, 0.0), "row 1 has no value"),
        ("StructuredDataRegressor", FRAME, ["a"] * 60, "not all numbers"),
        ("TextClassifier", FRAME["age"], LABELS, "'age' holds|rows hold float"),
        ("TextClassifier", [str(i) for i in range(60)], LABELS, "every row is a number"),
        (
            "ImageClassifier",
            [np.zeros((4, 4), np.uint8)] * 59 + [np.zeros((5, 5), np.uint8)],
            LABELS,
            "mixed sizes: image 0 is 4 x 4, image",
        ),
    ],
)
def test_data_that_cannot_be_learned_from(
    kind: str, x: Any, y: Any, said: str, quick: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        getattr(sugata, kind)(**quick).fit(x, y)
    assert "\n" not in str(raised.value)


def test_an_empty_folder_of_images(tmp_path: Path, quick: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an empty folder"):
        sugata.ImageClassifier(**quick).fit(tmp_path)


def test_more_or_other_columns_at_prediction(quick: dict[str, Any]) -> None:
    model = sugata.StructuredDataClassifier(**quick).fit(FRAME, LABELS, epochs=1)
    with pytest.raises(ValueError, match="extra"):
        model.predict(FRAME.assign(extra=1))
    with pytest.raises(ValueError, match="city"):
        model.predict(FRAME.rename(columns={"city": "town"}))
    with pytest.raises(ValueError, match="'age', row 0: 'old' is no number"):
        model.predict(FRAME.assign(age="old"))


def test_a_column_of_free_text_is_hashed(quick: dict[str, Any]) -> None:
    notes = [f"a long note about number {i} of many, {i * 7}" for i in range(60)]
    model = sugata.StructuredDataClassifier(**quick).fit(FRAME.assign(note=notes), LABELS, epochs=1)
    assert len(model.predict(FRAME.assign(note=notes))) == 60
