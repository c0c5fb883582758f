"""The classes as a user has them: three lines, then predictions, tables, files."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sugata
from sugata.errors import RecipeError, RunFolderError, SugataError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fitted(
    table: tuple[pd.DataFrame, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> sugata.StructuredDataClassifier:
    x, y = table
    model = sugata.StructuredDataClassifier(
        max_trials=2, n_jobs=1, verbose=0, directory=tmp_path_factory.mktemp("fits"), project_name="people"
    )
    return model.fit(x, y, epochs=30)


def test_a_table_of_mixed_types_is_learned(
    fitted: sugata.StructuredDataClassifier, table: tuple[pd.DataFrame, np.ndarray]
) -> None:
    x, y = table
    assert fitted.score(x, y) > 0.75
    assert set(fitted.predict(x)) == {"yes", "no"}
    assert list(fitted.classes_) == ["no", "yes"]
    probabilities = fitted.predict_proba(x)
    assert np.allclose(probabilities.sum(1), 1)
    assert (fitted.classes_[probabilities.argmax(1)] == fitted.predict(x)).all()


def test_rows_to_predict_may_still_have_the_column_that_was_named_as_target(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any], tmp_path: Path
) -> None:
    x, y = table
    rows = x.assign(answer=y)
    rows.to_csv(tmp_path / "people.csv", index=False)
    model = sugata.StructuredDataClassifier(**quick).fit(tmp_path / "people.csv", "answer", epochs=2)
    without = model.predict(rows.drop(columns="answer"))
    assert (model.predict(tmp_path / "people.csv") == without).all()
    with pytest.raises(ValueError, match="unknown"):
        model.predict(rows.assign(unknown=1))


def test_evaluate_gives_the_loss_and_the_metrics(
    fitted: sugata.StructuredDataClassifier, table: tuple[pd.DataFrame, np.ndarray]
) -> None:
    x, y = table
    found = fitted.evaluate(x, y)
    proba = fitted.predict_proba(x)[np.arange(len(y)), (np.asarray(y) == "yes").astype(int)]
    assert found["loss"] == pytest.approx(-np.log(proba).mean())
    assert found["accuracy"] == pytest.approx(fitted.score(x, y))


def test_the_leaderboard_has_a_row_for_each_trial_best_first(
    fitted: sugata.StructuredDataClassifier,
) -> None:
    board = fitted.leaderboard()
    assert len(board) == 2
    assert board["cross_entropy"].is_monotonic_increasing
    assert {"accuracy", "parameters", "seconds"} <= set(board.columns)


def test_the_model_is_a_module_that_says_what_it_consists_of(
    fitted: sugata.StructuredDataClassifier, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fitted.export_model()
    assert isinstance(model, torch.nn.Module)
    model.summary()
    out = capsys.readouterr().out
    assert "Linear" in out
    assert f"{sum(p.numel() for p in model.parameters()):,} parameters" in out


def test_an_exported_model_gives_the_same_in_onnxruntime(
    fitted: sugata.StructuredDataClassifier, table: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    path = fitted.export("onnx", tmp_path / "shipped")
    x = table[0].head(5)
    (tensor,) = fitted.fitted_.adapters.network_inputs({"table": x})
    (logits,) = onnxruntime.InferenceSession(path).run(None, {"table": tensor.numpy()})
    assert np.allclose(logits, fitted.fitted_.outputs(fitted._rows(x))["target"], atol=1e-4)
    assert {"model.safetensors", "adapters.json", "README.md"} <= {p.name for p in path.parent.iterdir()}
    with pytest.raises(RecipeError, match="use onnx or folder"):
        fitted.export("pickle")


def test_the_report_is_that_of_the_run(fitted: sugata.StructuredDataClassifier) -> None:
    assert "people" in fitted.report().read_text()


def test_a_pickled_model_predicts_raw_rows_in_another_process(
    fitted: sugata.StructuredDataClassifier, table: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    table[0].to_pickle(tmp_path / "rows.pickle")
    script = "import pickle; m, x = (pickle.load(open(n, 'rb')) for n in ('model.pickle', 'rows.pickle'));"
    done = subprocess.run(
        [sys.executable, "-c", script + "print(''.join(v[0] for v in m.predict(x)))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "".join(v[0] for v in fitted.predict(table[0]))
    with pytest.raises(RunFolderError, match="set directory"):
        pickle.loads((tmp_path / "model.pickle").read_bytes()).report()


def test_the_same_fit_goes_on_and_others_begin_afresh(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any], tmp_path: Path
) -> None:
    x, y = table
    given = {**quick, "directory": tmp_path, "project_name": "p"}
    first = sugata.StructuredDataClassifier(**given).fit(x, y, epochs=2).result.folder
    again = sugata.StructuredDataClassifier(**given).set_params(max_trials=2).fit(x, y, epochs=2)
    assert again.result.folder == first
    assert len(again.leaderboard()) == 2  # one more than before
    assert again.fit(x[:100], y[:100], epochs=2).result.folder != first  # other rows
    assert again.set_params(seed=1).fit(x, y, epochs=2).result.folder != first


def test_a_clone_goes_on_with_no_run_but_its_own(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any], tmp_path: Path
) -> None:
    x, y = table
    model = sugata.StructuredDataClassifier(**quick, directory=tmp_path).fit(x, y, epochs=2)
    copied = clone(model).fit(x, y, epochs=2)
    assert copied.result.folder != model.result.folder
    assert copied.fit(x, y, epochs=2).result.folder == copied.result.folder
    assert len(list(tmp_path.iterdir())) == 2


def test_digits_are_told_apart_from_arrays_of_pixels(quick: dict[str, Any]) -> None:
    x, y = load_digits(return_X_y=True)
    images = x.reshape(-1, 8, 8).astype(np.uint8)
    model = sugata.ImageClassifier(**quick).fit(images[:800], y[:800], epochs=5)
    assert model.score(images[800:], y[800:]) > 0.8


def test_values_of_images_are_learned(quick: dict[str, Any]) -> None:
    images = np.random.default_rng(0).random((120, 8, 8)).astype(np.float32)
    images *= np.linspace(0, 1, 120)[:, None, None]
    model = sugata.ImageRegressor(**quick).fit(images, images.mean((1, 2)), epochs=20)
    assert model.score(images, images.mean((1, 2))) > 0.5


def test_texts_are_learned(texts: tuple[list[str], list[str]], quick: dict[str, Any]) -> None:
    model = sugata.TextClassifier(**quick).fit(*texts, epochs=20)
    assert list(model.predict(["what a lovely film", "an awful plot"])) == ["good", "bad"]
    values = sugata.TextRegressor(**quick).fit(texts[0], [float(y == "good") for y in texts[1]], epochs=20)
    good, bad = values.predict(["a great fine film", "a dire poor film"])
    assert good > bad


def test_values_of_a_table_are_learned(quick: dict[str, Any]) -> None:
    x, y = load_diabetes(return_X_y=True)
    model = sugata.StructuredDataRegressor(**quick).fit(x[:300], y[:300], epochs=30)
    assert model.score(x[300:], y[300:]) > 0.3


def test_several_labels_a_row(quick: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(120, 4))
    labels = (x[:, :2] > 0).astype(int)
    model = sugata.StructuredDataClassifier(**quick, multi_label=True).fit(x, labels, epochs=30)
    assert model.predict(x).shape == (120, 2)
    assert (model.predict(x) == labels).mean() > 0.8


def test_a_graph_of_two_inputs_and_two_outputs(quick: dict[str, Any]) -> None:
    x, y = load_digits(return_X_y=True)
    images, rows, y = x[:300].reshape(-1, 8, 8).astype(np.uint8), x[:300, :6], y[:300]
    picture, row = sugata.ImageInput(), sugata.StructuredDataInput()
    seen = sugata.ConvBlock(num_blocks=2, filters=8)(sugata.Normalization()(picture))
    both = sugata.Merge()([seen, sugata.DenseBlock()(row)])
    model = sugata.AutoModel(
        [picture, row], [sugata.ClassificationHead()(both), sugata.RegressionHead("double")(both)], **quick
    )
    model = clone(model).fit([images, rows], [y, 2.0 * y], epochs=4)
    kinds, doubles = model.predict({"image": images, "table": rows})
    assert kinds.shape == doubles.shape == (300,)
    found = model.evaluate([images, rows], [y, 2.0 * y])
    assert {"loss", "classification.accuracy", "double.r2"} <= set(found)


def test_pipelines_and_cross_validation(quick: dict[str, Any]) -> None:
    x, y = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), sugata.StructuredDataClassifier(**quick))
    assert cross_val_score(model, x, y, cv=2).mean() > 0.85


def test_limits_hold(quick: dict[str, Any]) -> None:
    x, y = load_wine(return_X_y=True)
    model = sugata.StructuredDataClassifier(**quick, max_model_size=3_000).fit(x, y, epochs=3)
    assert sum(p.numel() for p in model.export_model().parameters()) <= 3_000


def test_callbacks_see_every_trial(quick: dict[str, Any]) -> None:
    x, y = load_wine(return_X_y=True)
    seen: list[int] = []
    model = sugata.StructuredDataClassifier(**{**quick, "max_trials": 2})
    model.fit(x, y, epochs=2, callbacks=[lambda trial: seen.append(trial.number)])
    assert seen == [0, 1]


def test_an_interruption_keeps_the_best_so_far_and_the_fit_goes_on(
    quick: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = load_wine(return_X_y=True)

    def stop(trial: Any) -> None:
        raise KeyboardInterrupt

    model = sugata.StructuredDataClassifier(**{**quick, "max_trials": 3, "verbose": 1})
    model.fit(x, y, epochs=10, callbacks=[stop])
    assert "the best network so far is kept" in capsys.readouterr().err
    assert len(model.leaderboard()) == 1
    assert model.score(x, y) > 0.7
    assert len(model.fit(x, y, epochs=10).leaderboard()) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"objective": "beauty"}, "'beauty' is not measured"),
        ({"budget": "soon"}, "'soon' is not a duration"),
        ({"tuner": "magic"}, "'magic' is not known"),
        ({"class_weight": 3}, "class_weight is 3"),
        ({"n_jobs": 0}, "n_jobs is 0"),
    ],
)
def test_a_wrong_parameter_is_named_in_one_line(
    quick: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    x, y = load_wine(return_X_y=True)
    with pytest.raises(SugataError, match=said) as raised:
        sugata.StructuredDataClassifier(**{**quick, **change}).fit(x, y)
    assert "\n" not in str(raised.value)


def test_the_report_draws_the_network_for_the_tables_own_columns_and_classes(
    table: tuple[pd.DataFrame, np.ndarray], quick: dict[str, Any]
) -> None:
    model = sugata.StructuredDataClassifier(**quick).fit(*table, epochs=1)
    assert "batch × 2<" in model.report().read_text("utf-8")  # two classes, not a usual ten
