"""Prepared data that are learned in a moment: the class is plain in every input."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sugata.tasks import PreparedTask
from sugata.tasks.prepared import (
    ArrayAdapter,
    ClassAdapter,
    ImageAdapter,
    Rows,
    TableAdapter,
    ValueAdapter,
    fit_text,
    prepare,
)

COUNT = 150
ADAPTERS: dict[str, Any] = {
    "image": ImageAdapter.fit,
    "text": fit_text,
    "table": TableAdapter.fit,
    "array": ArrayAdapter.fit,
}


def prepared(folder: Path, *kinds: str, values: bool = False) -> PreparedTask:
    """90 rows to train and 30 to validate and to test, each input named by its kind."""
    rng = np.random.default_rng(0)
    classes = np.arange(COUNT) % 3
    inputs = {kind: _rows(kind, classes, rng) for kind in kinds}
    targets: dict[str, Any] = {"label": np.array(["cat", "dog", "eel"])[classes]}
    fits: dict[str, Any] = {"label": ClassAdapter.fit}
    if values:
        targets["price"], fits["price"] = 100.0 + classes, ValueAdapter.fit
    chosen = {kind: ADAPTERS[kind] for kind in kinds}
    data = prepare(folder, Rows(inputs, targets), chosen, fits, validation=30, test=30)
    return PreparedTask(data.folder)


def _rows(kind: str, classes: np.ndarray, rng: np.random.Generator) -> Any:
    if kind == "image":
        pixels = rng.integers(0, 60, (COUNT, 8, 8), dtype=np.uint8)
        for picture, number in zip(pixels, classes, strict=True):
            picture[2:6, 2 * number : 2 * number + 3] += 150
        return pixels
    if kind == "text":
        words = np.array(["a", "b", "c", "d", "e", "f", "g", "h"])
        noise = words[rng.integers(0, len(words), (COUNT, 4))]
        return [f"{' '.join(row)} word{number} here" for row, number in zip(noise, classes, strict=True)]
    if kind == "table":
        colours = np.array(["red", "green", "blue"])
        return pd.DataFrame(
            {"x": rng.normal(size=COUNT), "c": colours[classes], "o": colours[rng.integers(0, 3, COUNT)]}
        )
    values = rng.normal(size=(COUNT, 5)).astype(np.float32) / 4
    values[:, 1] += classes
    return values
