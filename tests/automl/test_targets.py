"""Which column is the target, and what is told of labels and columns when they are several."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sugata
from sugata.automl.scikit import NotFittedError, checked_classes
from sugata.errors import TaskError

pytestmark = pytest.mark.slow


def test_a_target_that_fit_knows_by_name_need_not_be_named_again(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any], tmp_path: Path
) -> None:
    frame, label = table
    path = tmp_path / "people.csv"
    frame.assign(paid=label).to_csv(path, index=False)
    model = sugata.StructuredDataClassifier(**quick).fit(path, "paid", epochs=1)
    assert model.score(path) == model.score(path, "paid") == model.evaluate(path)["accuracy"]
    with pytest.raises(ValueError, match="'paid' is not in the table"):
        model.score(frame)


def test_score_without_labels_says_so(table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any]) -> None:
    frame, label = table
    model = sugata.StructuredDataClassifier(**quick).fit(frame, label, epochs=1)
    with pytest.raises(ValueError, match="score: y is None; give labels"):
        model.score(frame)


def test_texts_are_found_beside_the_target_in_what_is_predicted(
    texts: tuple[list[str], list[str]], quick: dict[str, Any]
) -> None:
    reviews = pd.DataFrame({"review": texts[0], "mood": texts[1]})
    model = sugata.TextClassifier(**quick).fit(reviews, "mood", epochs=1)
    assert list(model.predict(reviews)) == list(model.predict(reviews["review"]))


def test_lists_of_labels_are_scored_row_by_row(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any]
) -> None:
    frame, label = table
    lists = [["yes", "known"] if one == "yes" else [] for one in label]
    model = sugata.StructuredDataClassifier(**quick, multi_label=True).fit(frame, lists, epochs=2)
    right = [set(found) == set(given) for found, given in zip(model.predict(frame), lists, strict=True)]
    assert model.score(frame, lists) == pytest.approx(np.mean(right))


def test_several_labels_a_row_without_multi_label_are_pointed_out(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any]
) -> None:
    both = np.stack([table[1] == "yes", table[0]["member"]], 1)
    with pytest.raises(ValueError, match="y: 2 columns; for several labels a row set multi_label=True"):
        sugata.StructuredDataClassifier(**quick).fit(table[0], both)


def test_columns_of_an_array_have_the_names_and_types_that_are_given(quick: dict[str, Any]) -> None:
    rows = np.arange(80).reshape(40, 2) % 6
    labels = rows[:, 0] > 2
    named = {"column_names": ["size", "kind"], "column_types": {"kind": "categorical"}}
    model = sugata.StructuredDataClassifier(**quick, **named).fit(rows, labels, epochs=1)
    (adapter,) = model.fitted_.adapters.inputs.values()
    assert [(column.name, column.kind) for column in adapter.columns] == [
        ("size", "number"),
        ("kind", "category"),
    ]
    assert len(model.predict(rows)) == 40
    with pytest.raises(ValueError, match="column_names: 1 names for 2 columns"):
        sugata.StructuredDataClassifier(**quick, column_names=["size"]).fit(rows, labels)
    with pytest.raises(ValueError, match="column_types: no column 'age'; they are column 0, column 1"):
        sugata.StructuredDataClassifier(**quick, column_types={"age": "numerical"}).fit(rows, labels)


def test_rows_with_a_single_one_are_scored_as_classes(quick: dict[str, Any]) -> None:
    x, classes = np.arange(60.0)[:, None], np.arange(60) % 3
    model = sugata.StructuredDataClassifier(**quick).fit(x, np.eye(3)[classes], epochs=1)
    assert (
        model.score(x, np.eye(3)[classes]) == model.score(x, classes) == np.mean(model.predict(x) == classes)
    )


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (pd.Series(["a", None, "b"] * 20, dtype="string"), "row 1 has no label"),
        ([["a"], ["a", "b"]] * 30, "rows are of several lengths; .* or set multi_label=True"),
        ([{"a": 1}] * 60, "[Uu]nknown label type dict"),
        (
            np.array([1, "a"] * 30, dtype=object),
            "[Uu]nknown label type int and str; give texts or whole numbers",
        ),
    ],
)
def test_labels_that_cannot_be_get_one_line(y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_classes(y)


def test_labels_in_an_array_of_objects_are_what_they_are() -> None:
    assert checked_classes(np.array([1, 2], dtype=object)).dtype.kind == "i"
    assert checked_classes(np.array([True, False], dtype=object)).dtype.kind == "b"


@pytest.mark.parametrize("weight", ["unbalanced", [1, 2], {"a": "heavy"}, 3])
def test_weights_that_are_none_get_one_line(weight: Any, quick: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=r"class_weight is .*; give 'balanced', or a weight for each class"):
        sugata.StructuredDataClassifier(**quick, class_weight=weight).fit(
            np.arange(9.0)[:, None], list("ab") * 4 + ["a"]
        )


def test_probabilities_before_a_fit_say_that_there_was_none() -> None:
    row = sugata.StructuredDataInput()
    with pytest.raises(NotFittedError):
        sugata.AutoModel(row, sugata.ClassificationHead()).predict_proba(np.zeros((2, 1)))
