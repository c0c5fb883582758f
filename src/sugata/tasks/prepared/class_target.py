"""Classes: one label of each row, of any type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, TargetAdapter

Label = str | int | float | bool
_SHOWN = 8  # labels in a message


@dataclass(frozen=True)
class ClassAdapter(TargetAdapter):
    """The class of each row, by its number from 0 in the sorted labels.

    Attributes:
        labels: of the classes, in their order.
        dtype: of the labels as they were given, in NumPy's notation.
    """

    kind: ClassVar[str] = "class"
    labels: tuple[Label, ...]
    dtype: str = "object"

    @classmethod
    def fit(cls, raw: Any) -> Self:
        """Find the labels.

        Args:
            raw: ``(rows,)`` or ``(rows, 1)`` labels; or ``(rows, classes)`` of zeros with a single one.

        Raises:
            InputError: a label is missing or no label, or all rows have the same.
        """
        found = _labels(raw)
        try:
            classes = np.unique(found)
        except TypeError:
            kinds = sorted({type(one).__name__ for one in found})
            raise InputError(f"labels: some are {kinds[0]}, some {kinds[1]}; give all one type") from None
        if len(classes) == 1:
            raise InputError(
                f"labels: all rows are of one class, {classes.tolist()[0]!r}; give rows of two or more"
            )
        return cls(tuple(classes.tolist()), found.dtype.str if found.dtype.kind != "O" else "object")

    @property
    def classes(self) -> Array:
        """The labels as they were given, ``(classes,)``."""
        if self.dtype != "object":
            return np.array(self.labels, dtype=self.dtype)
        found = np.empty(len(self.labels), dtype=object)
        found[:] = self.labels
        return found

    def transform(self, raw: Any) -> Array:
        """Numbers of the classes, ``(rows,)`` int64."""
        found = _labels(raw)
        known = {label: number for number, label in enumerate(self.labels)}
        numbers = np.empty(len(found), np.int64)
        for row, label in enumerate(found.tolist()):
            number = known.get(label)
            if number is None:
                shown = ", ".join(map(repr, self.labels[:_SHOWN]))
                more = ", ..." if len(self.labels) > _SHOWN else ""
                raise InputError(
                    f"labels: row {{row}} has {label!r}, which no training row has ({shown}{more})", row
                )
            numbers[row] = number
        return numbers

    def inverse(self, outputs: Array) -> Array:
        """The label of the largest output, ``(rows,)``."""
        return self.classes[np.asarray(outputs).argmax(1)]

    def spec(self, name: str) -> TensorSpec:
        """``(batch, classes)`` logits."""
        return TensorSpec(name, ("batch", len(self.labels)), "float32", len(self.labels))

    def describe(self) -> str:
        """The classes."""
        shown = ", ".join(map(str, self.labels[:_SHOWN])) + (", ..." if len(self.labels) > _SHOWN else "")
        return f"{len(self.labels)} classes: {shown}"


def _labels(raw: Any) -> Array:
    """``(rows,)`` labels without a missing one."""
    found = as_column(raw)
    if found.ndim == 2 and found.shape[1] > 1:
        found = _from_one_hot(found)
    if found.dtype.kind == "O":
        missing = [row for row, label in enumerate(found) if label is None or label != label]
    else:
        missing = list(np.flatnonzero(found != found)) if found.dtype.kind in "fc" else []
    if missing:
        raise InputError("labels: row {row} has none (NaN); fill it, or leave the row out", int(missing[0]))
    if found.dtype.kind in "fc" and not np.array_equal(found, np.floor(found.real)):
        row = int(np.flatnonzero(found != np.floor(found.real))[0])
        raise InputError(
            f"labels: Unknown label type: continuous: {found[row]} of row {{row}} is no class; for values use"
            " regression",
            row,
        )
    return found


def _from_one_hot(found: Array) -> Array:
    if found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all() or not (found.sum(1) == 1).all():
        raise InputError(
            f"labels: an array of shape {found.shape}; give one label a row, or zeros and a single one a row;"
            " several labels a row are multi-label classification"
        )
    return found.argmax(1)


def as_column(raw: Any) -> Array:
    """Targets of any container as an array ``(rows,)`` or ``(rows, columns)``; frames by their values.

    Raises:
        InputError: none are given, or they are not one or several a row.
    """
    if raw is None:
        raise InputError("labels: none are given; y is needed to learn from")
    if hasattr(raw, "detach"):
        raw = raw.detach().cpu().numpy()
    if hasattr(raw, "to_numpy"):
        raw = raw.to_numpy(dtype=object) if _is_extension(raw) else raw.to_numpy()
    try:
        found = np.asarray(raw)
    except ValueError:
        raise InputError("labels: rows have several numbers of labels; give one label a row") from None
    if found.dtype.kind == "U" and not isinstance(raw, np.ndarray):
        objects = np.array(raw, dtype=object)
        if not all(isinstance(one, str) for one in objects.flat):
            found = objects  # NumPy would make texts of numbers and of NaN
    if found.dtype == object:
        found = plain(found)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim not in (1, 2):
        raise InputError(f"labels: an array of shape {found.shape}; give one label or value a row")
    if not len(found):
        raise InputError("labels: there are none; give at least one row")
    return found


def _is_extension(raw: Any) -> bool:
    """Whether pandas would turn its values into something else on the way to NumPy."""
    dtypes: Sequence[Any] = [raw.dtype] if hasattr(raw, "dtype") else list(raw.dtypes)
    return any(not isinstance(dtype, np.dtype) for dtype in dtypes)


def plain(found: Array) -> Array:
    """Objects that are all numbers, texts or truth values as such; pandas' NA as NaN."""
    flat = [_value(one) for one in found.ravel().tolist()]
    kinds = {type(one) for one in flat}
    if kinds <= {int, float} or kinds == {bool}:
        return np.array(flat).reshape(found.shape)
    plain = np.empty(len(flat), dtype=object)
    plain[:] = flat
    return plain.reshape(found.shape)


def _value(one: Any) -> Any:
    if one is None or type(one).__name__ in ("NAType", "NaTType"):
        return float("nan")
    return one.item() if isinstance(one, np.generic) else one
