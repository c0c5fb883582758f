"""From labels as a source gives them to class numbers, or to values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.tasks.image.samples import Label, Samples


def class_numbers(samples: Samples) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The class of every image, from 0, and the classes' names.

    Raises:
        DataError: a label is missing or out of range, or there is only one class.
    """
    labels = [_whole(label, samples.place(number)) for number, label in enumerate(samples.labels)]
    if len(set(labels)) == 1:
        name = samples.names[int(labels[0])] if samples.names else labels[0]
        raise DataError(f"data: all images are of one class, {name!r}; two or more are needed")
    if all(isinstance(label, int) for label in labels):
        names = samples.names or tuple(str(number) for number in range(len(set(labels))))
        wrong = next((i for i, label in enumerate(labels) if not 0 <= int(label) < len(names)), None)
        if wrong is not None:
            raise DataError(
                f"data: label {labels[wrong]} of {samples.place(wrong)} is out of range: there are "
                f"{len(names)} classes, so labels go from 0 to {len(names) - 1}"
            )
        return np.array(labels, np.int64), names
    texts = [str(label) for label in labels]
    names = tuple(sorted(set(texts)))
    known = {name: number for number, name in enumerate(names)}
    return np.array([known[text] for text in texts], np.int64), names


def _whole(label: Label, place: str) -> int | str:
    """A class number or name."""
    if label is None or (isinstance(label, float) and math.isnan(label)):
        raise DataError(f"data: {place} has no label")
    if isinstance(label, str):
        return label
    if isinstance(label, Sequence):
        raise DataError(f"data: {place} has {len(label)} labels; for several values set task.predict: value")
    if float(label) != int(label):
        raise DataError(f"data: label {label} of {place} is no class; for values set task.predict: value")
    return int(label)


def real_values(samples: Samples) -> NDArray[np.float32]:
    """The values to predict, ``(images, outputs)``.

    Raises:
        DataError: a label is no finite number, or all are equal.
    """
    rows = [_numbers(label, samples.place(number)) for number, label in enumerate(samples.labels)]
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise DataError(
            f"data: images have from {min(widths)} to {max(widths)} values; give all equally many"
        )
    values = np.array(rows, np.float32)
    if (values == values[0]).all():
        raise DataError(f"data: all images have the value {values[0].tolist()}; there is nothing to learn")
    return values


def _numbers(label: Any, place: str) -> list[float]:
    if label is None:
        raise DataError(f"data: {place} has no value; give one, or leave the image out")
    many = label if isinstance(label, Sequence) and not isinstance(label, str) else [label]
    try:
        found = [float(value) for value in many]
    except (TypeError, ValueError):
        raise DataError(
            f"data: label {label!r} of {place} is no number; for classes set task.predict: class"
        ) from None
    if not all(map(math.isfinite, found)):
        raise DataError(f"data: label {label} of {place} is not finite")
    return found
