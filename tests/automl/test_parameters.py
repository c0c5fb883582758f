"""Parameters that cannot be are named, and where the rows for validation may come from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sugata
from sugata.automl.parameters import check_parameters
from sugata.errors import RecipeError, SugataError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_trials", 0),
        ("max_trials", "5"),
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch_size", True),
        ("max_latency_ms", -1),
        ("max_latency_ms", "2ms"),
        ("max_model_size", 0),
        ("n_jobs", "2"),
        ("n_jobs", 0),
        ("seed", "a"),
        ("seed", -1),
        ("objective", object()),
        ("objective", [1]),
    ],
)
def test_a_parameter_that_cannot_be_is_named_with_its_value(name: str, value: Any) -> None:
    of_fit = {name: value} if name in ("epochs", "batch_size") else {}
    model = sugata.StructuredDataClassifier(**({} if of_fit else {name: value}))
    with pytest.raises(RecipeError, match=f"^{name} is .*; give "):
        check_parameters(model, **of_fit)


def test_numbers_of_numpy_and_usual_parameters_pass() -> None:
    check_parameters(sugata.AutoModel([], []))
    check_parameters(
        sugata.ImageClassifier(
            max_trials=np.int64(3), max_model_size=1e6, max_latency_ms=np.float32(2), objective=["accuracy"]
        ),
        epochs=np.int32(2),
    )


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    model = sugata.StructuredDataClassifier(directory=tmp_path / "file", verbose=0)
    with pytest.raises(SugataError, match=r"directory .*file: .*; choose a folder"):
        model.fit(np.arange(20.0).reshape(10, 2), [0, 1] * 5)


@pytest.mark.slow
def test_a_size_that_is_a_float_limits_too(quick: dict[str, Any]) -> None:
    model = sugata.StructuredDataClassifier(**quick, max_model_size=1e3)
    model.fit(np.arange(120.0).reshape(60, 2), [0, 1] * 30, epochs=1)
    assert sum(one.numel() for one in model.export_model().parameters()) <= 1000


@pytest.mark.slow
def test_one_file_may_hold_the_rows_and_targets_of_validation(tmp_path: Path, quick: dict[str, Any]) -> None:
    frame = pd.DataFrame({"size": np.arange(60.0), "kind": ["a", "b"] * 30})
    frame[:40].to_csv(tmp_path / "train.csv", index=False)
    frame[40:].to_csv(tmp_path / "validation.csv", index=False)
    seen: list[Any] = []
    model = sugata.StructuredDataClassifier(**quick)
    model.fit(
        tmp_path / "train.csv",
        "kind",
        epochs=1,
        validation_data=tmp_path / "validation.csv",
        callbacks=seen.append,
    )
    assert len(seen) == 1
    with pytest.raises(ValueError, match="'kind' is not in the table"):
        model.fit(tmp_path / "train.csv", "kind", validation_data=frame[["size"]])
