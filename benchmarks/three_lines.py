"""What the three-line classes reach in minutes, beside what one would otherwise use.

Each case has the training rows of its data alone: classes hold validation rows out of those themselves, and
test labels are used in the last line, once. Rivals are scikit-learn's, with the preprocessing each needs; the
tuned MLP is a grid search over widths and weight decay by 3 folds. Seeds change the classes' draws, the
rivals' own, and, where data have no test split, the split.

    python benchmarks/three_lines.py --data FOLDER --only digits wine adult --seeds 3
"""

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _common import statement, table, write_json
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import sugata

Split = tuple[Any, Any, Any, Any]  # x and y to learn from, x and y to be tested on

_GRID = {"hidden_layer_sizes": [(50,), (100,), (100, 50)], "alpha": [1e-4, 1e-2, 1.0]}


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        load: rows for a seed.
        make: the class.
        seconds: its budget.
        rivals: what else one would use, by name.
        metric: what is compared.
        wanted: the test score that is aimed at, and in how long; empty: to be as good as the rivals.
    """

    load: Callable[[Path, int], Split]
    make: Callable[..., Any]
    seconds: float
    rivals: dict[str, Callable[[int], Any]]
    metric: str
    wanted: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with mnist, tabular/adult, text/...")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of all budgets, for a first look")
    parser.add_argument("--without-rivals", action="store_true")
    parser.add_argument("--out", type=Path, help="a JSON file")
    given = parser.parse_args()
    rows, results = [], []
    for name in given.only:
        case = CASES[name]
        for seed in range(given.seeds):
            found = measured(case, given.data, seed, given.scale, rivals=not given.without_rivals)
            results += [{"case": name, "seed": seed, "metric": case.metric, **one} for one in found]
            for one in found:
                print(
                    f"{name} seed {seed}: {one['model']} {one['score']:.4f} in {one['seconds']:.0f} s",
                    flush=True,
                )
        rows += summary(name, case, [one for one in results if one["case"] == name])
        if given.out:
            packages = ("torch", "numpy", "scikit-learn")
            write_json(given.out, {**statement(packages), "scale": given.scale, "results": results})
    print(table(["data", "metric", "model", "mean", "each seed", "seconds", "wanted"], rows))


def measured(case: Case, data: Path, seed: int, scale: float, *, rivals: bool) -> list[dict[str, Any]]:
    """Scores on test rows of the class and of its rivals."""
    x, y, x_test, y_test = case.load(data, seed)
    own = case.make(budget=case.seconds * scale, seed=seed, objective=_objective(case.metric))
    models = {"sugata": own} | ({name: make(seed) for name, make in case.rivals.items()} if rivals else {})
    found = []
    for name, model in models.items():
        started = time.monotonic()
        model.fit(x, y)
        seconds = time.monotonic() - started
        found.append({"model": name, "score": score(case.metric, model, x_test, y_test), "seconds": seconds})
        if name == "sugata":
            best = model.leaderboard().iloc[0]
            found[-1] |= {"trials": len(model.leaderboard()), "validation": float(best[case.metric])}
    return found


def _objective(metric: str) -> str | None:
    """Search by what is reported where that is a ranking; else as the class does."""
    return "roc_auc" if metric == "roc_auc" else None


def score(metric: str, model: Any, x: Any, y: Any) -> float:
    """The metric on test rows."""
    if metric == "roc_auc":
        return float(roc_auc_score(y == model.classes_[1], model.predict_proba(x)[:, 1]))
    if metric == "r2":
        return float(r2_score(y, model.predict(x)))
    return float(accuracy_score(y, model.predict(x)))


def summary(name: str, case: Case, results: list[dict[str, Any]]) -> list[list[str]]:
    """Rows of the printed table, the best model's in bold."""
    models = list(dict.fromkeys(one["model"] for one in results))
    means = {model: np.mean([one["score"] for one in results if one["model"] == model]) for model in models}
    rows = []
    for model in models:
        own = [one for one in results if one["model"] == model]
        shown = f"{means[model]:.4f}"
        shown = f"**{shown}**" if means[model] == max(means.values()) else shown
        each = ", ".join(f"{one['score']:.4f}" for one in own)
        seconds = f"{np.mean([one['seconds'] for one in own]):.0f}"
        rows.append(
            [name, case.metric, model, shown, each, seconds, case.wanted if model == "sugata" else ""]
        )
    return rows


# -- data ------------------------------------------------------------------------------------------------


def of_scikit(load: Callable[..., Any]) -> Callable[[Path, int], Split]:
    def split(data: Path, seed: int) -> Split:
        x, y = load(return_X_y=True)
        stratify = y if len(np.unique(y)) < 20 else None
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=stratify)
        return x, y, x_test, y_test

    return split


def of_digits(data: Path, seed: int) -> Split:
    """Digits as the images that they are, ``(n, 8, 8)``."""
    x, y, x_test, y_test = of_scikit(datasets.load_digits)(data, seed)
    return x.reshape(-1, 8, 8), y, x_test.reshape(-1, 8, 8), y_test


def mnist(train: int | None, test: int | None) -> Callable[[Path, int], Split]:
    """The first so many images of each split; all where None."""

    def split(data: Path, seed: int) -> Split:
        x, y = _images(next((data / "mnist").glob("train-*")), train)
        x_test, y_test = _images(next((data / "mnist").glob("test-*")), test)
        return x, y, x_test, y_test

    return split


def _images(path: Path, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    frame = pd.read_parquet(path)[:count]
    images = [np.asarray(Image.open(io.BytesIO(one["bytes"]))) for one in frame["image"]]
    return np.stack(images), frame["label"].to_numpy()


def adult(target: str) -> Callable[[Path, int], Split]:
    def split(data: Path, seed: int) -> Split:
        train, test = (
            pd.read_parquet(data / "tabular" / "adult" / f"{part}.parquet") for part in ("train", "test")
        )
        y, y_test = train.pop(target).to_numpy(), test.pop(target).to_numpy()
        return train, y, test, y_test

    return split


def sst2(data: Path, seed: int) -> Split:
    train, test = (
        pd.read_parquet(next((data / "text" / "sst2").glob(f"{part}-*"))) for part in ("train", "test")
    )
    return (
        train["sentence"].tolist(),
        train["label"].to_numpy(),
        test["sentence"].tolist(),
        test["label"].to_numpy(),
    )


def imdb(data: Path, seed: int) -> Split:
    train, test = (
        pd.read_parquet(next((data / "text" / "imdb").glob(f"{part}-*"))) for part in ("train", "test")
    )
    train = train.sample(5000, random_state=seed)  # the file is sorted by label
    return train["text"].tolist(), train["label"].to_numpy(), test["text"].tolist(), test["label"].to_numpy()


# -- rivals ----------------------------------------------------------------------------------------------


def tuned_mlp(seed: int) -> Any:
    model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, random_state=seed))
    return GridSearchCV(model, {f"mlpclassifier__{name}": given for name, given in _GRID.items()}, cv=3)


def tuned_mlp_regressor(seed: int) -> Any:
    model = make_pipeline(StandardScaler(), MLPRegressor(max_iter=500, random_state=seed))
    return GridSearchCV(model, {f"mlpregressor__{name}": given for name, given in _GRID.items()}, cv=3)


def _of_pixels(make: Callable[[int], Any]) -> Callable[[int], Any]:
    """A rival that takes an image as a row of pixels."""
    return lambda seed: make_pipeline(FunctionTransformer(lambda x: x.reshape(len(x), -1)), make(seed))


def boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(random_state=seed)


def ridge(seed: int) -> Any:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 11)))


def boosting_regressor(seed: int) -> Any:
    return HistGradientBoostingRegressor(random_state=seed)


def _with_columns(make: Callable[[int], Any], encoder: Callable[[], Any]) -> Callable[[int], Any]:
    """A rival after texts of a frame's columns are encoded."""

    def made(seed: int) -> Any:
        columns = make_column_transformer(
            (
                encoder(),
                lambda frame: [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])],
            ),
            remainder=StandardScaler(),
            sparse_threshold=0,
        )
        return make_pipeline(columns, make(seed))

    return made


def one_hot() -> Any:
    return OneHotEncoder(handle_unknown="ignore", min_frequency=10)


def linear_of_texts(seed: int) -> Any:
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )


_CLASSES = {"tuned MLP": tuned_mlp, "boosting": boosting}
_CLASSES_OF_PIXELS = {name: _of_pixels(make) for name, make in _CLASSES.items()}
CASES = {
    "digits": Case(
        of_scikit(datasets.load_digits), sugata.StructuredDataClassifier, 60, _CLASSES, "accuracy"
    ),
    "digits_images": Case(of_digits, sugata.ImageClassifier, 60, _CLASSES_OF_PIXELS, "accuracy"),
    "wine": Case(of_scikit(datasets.load_wine), sugata.StructuredDataClassifier, 30, _CLASSES, "accuracy"),
    "breast_cancer": Case(
        of_scikit(datasets.load_breast_cancer), sugata.StructuredDataClassifier, 30, _CLASSES, "accuracy"
    ),
    "diabetes": Case(
        of_scikit(datasets.load_diabetes),
        sugata.StructuredDataRegressor,
        30,
        {"ridge": ridge, "tuned MLP": tuned_mlp_regressor, "boosting": boosting_regressor},
        "r2",
    ),
    "adult": Case(
        adult("income"),
        sugata.StructuredDataClassifier,
        300,
        {"boosting": _with_columns(boosting, one_hot)},
        "roc_auc",
        "0.91 in 5 minutes",
    ),
    "adult_hours": Case(
        adult("hours_per_week"),
        sugata.StructuredDataRegressor,
        300,
        {
            "ridge": _with_columns(lambda seed: RidgeCV(np.logspace(-2, 3, 11)), one_hot),
            "boosting": _with_columns(boosting_regressor, one_hot),
        },
        "r2",
    ),
    "mnist_5000": Case(mnist(5000, 1000), sugata.ImageClassifier, 300, {}, "accuracy", "0.985 in 5 minutes"),
    "mnist": Case(mnist(None, None), sugata.ImageClassifier, 1200, {}, "accuracy", "0.993 in 20 minutes"),
    "sst2": Case(
        sst2,
        sugata.TextClassifier,
        600,
        {"TF-IDF, logistic": linear_of_texts},
        "accuracy",
        "0.81 in 10 minutes",
    ),
    "imdb_5000": Case(
        imdb,
        sugata.TextClassifier,
        600,
        {"TF-IDF, logistic": linear_of_texts},
        "accuracy",
        "0.84 in 10 minutes",
    ),
}


if __name__ == "__main__":
    main()
