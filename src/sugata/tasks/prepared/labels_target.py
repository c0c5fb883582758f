"""Multi-label targets: any number of labels of each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, TargetAdapter
from sugata.tasks.prepared.class_target import Label


@dataclass(frozen=True)
class LabelsAdapter(TargetAdapter):
    """Which labels each row has.

    Attributes:
        labels: their names; numbers from 0 for the columns of an unnamed matrix.
        matrix: whether they were given as a matrix of zeros and ones, rather than as lists of labels.
    """

    kind: ClassVar[str] = "labels"
    labels: tuple[Label, ...]
    matrix: bool = True

    @classmethod
    def fit(cls, raw: Any) -> Self:
        """Find the labels.

        Args:
            raw: a matrix ``(rows, labels)`` of zeros and ones, or a list of labels for each row.

        Raises:
            InputError: neither of the two, a missing value, or no label at all.
        """
        if _is_matrix(raw):
            found = _matrix(raw)
            names = tuple(map(str, raw.columns)) if hasattr(raw, "columns") else tuple(range(found.shape[1]))
            return cls(names, True)
        rows = _rows(raw)
        labels = {label for row in rows for label in row}
        if not labels:
            raise InputError("labels: no row has one; give rows with labels")
        try:
            return cls(tuple(sorted(labels)), False)
        except TypeError:
            kinds = sorted({type(label).__name__ for label in labels})
            raise InputError(f"labels: some are {kinds[0]}, some {kinds[1]}; give all one type") from None

    def transform(self, raw: Any) -> Array:
        """Zeros and ones, ``(rows, labels)`` float32."""
        if self.matrix:
            found = _matrix(raw)
            if found.shape[1] != len(self.labels):
                raise InputError(
                    f"labels: {found.shape[1]} columns; the model was fitted on {len(self.labels)}"
                )
            return found
        known = {label: number for number, label in enumerate(self.labels)}
        rows = _rows(raw)
        found = np.zeros((len(rows), len(known)), np.float32)
        for number, row in enumerate(rows):
            for label in row:
                if label not in known:
                    raise InputError(f"labels: row {{row}} has {label!r}, which no training row has", number)
                found[number, known[label]] = 1
        return found

    def inverse(self, outputs: Array) -> Any:
        """Labels whose output is above 0: a matrix ``(rows, labels)`` of zeros and ones, or lists."""
        chosen = np.asarray(outputs) > 0
        if self.matrix:
            return chosen.astype(np.int64)
        return [[label for label, has in zip(self.labels, row, strict=True) if has] for row in chosen]

    def spec(self, name: str) -> TensorSpec:
        """``(batch, labels)`` logits, each of a label of its own."""
        return TensorSpec(name, ("batch", len(self.labels)), "float32")

    def describe(self) -> str:
        """How many."""
        return f"any of {len(self.labels)} labels: {', '.join(map(str, self.labels[:8]))}"


def _is_matrix(raw: Any) -> bool:
    if hasattr(raw, "columns") or (isinstance(raw, np.ndarray) and raw.ndim == 2) or hasattr(raw, "detach"):
        return True
    rows = raw if isinstance(raw, Sequence) else ()
    width = {len(row) for row in rows if isinstance(row, Sequence | np.ndarray) and not isinstance(row, str)}
    return len(width) == 1 and max(width) > 1 and all(one in (0, 1) for row in rows for one in row)


def _matrix(raw: Any) -> Array:
    found = raw.detach().cpu().numpy() if hasattr(raw, "detach") else np.asarray(raw)
    try:
        numbers = found.astype(np.float32)
    except (TypeError, ValueError):
        raise InputError(
            "labels: the matrix has more than zeros and ones; give lists of labels instead"
        ) from None
    wrong = np.flatnonzero(~np.isin(numbers, (0, 1)).reshape(len(numbers), -1).all(1))
    if numbers.ndim != 2 or len(wrong):
        where = "row {row} has others than zeros and ones" if len(wrong) else f"shape {numbers.shape}"
        raise InputError(
            f"labels: {where}; give a matrix (rows, labels) of zeros and ones, or lists of labels",
            int(wrong[0]) if len(wrong) else None,
        )
    if not numbers.size:
        raise InputError("labels: there are none; give at least one row and one label")
    return numbers


def _rows(raw: Any) -> list[list[Any]]:
    rows = []
    for number, row in enumerate(raw):
        if isinstance(row, str) or not isinstance(row, Sequence | np.ndarray | set | frozenset):
            raise InputError(
                f"labels: row {{row}} is {row!r}; give a list of labels, which may be empty", number
            )
        rows.append([one.item() if isinstance(one, np.generic) else one for one in row])
        if any(one is None or one != one for one in rows[-1]):
            raise InputError("labels: row {row} has a missing label (NaN); leave it out", number)
    if not rows:
        raise InputError("labels: there are none; give at least one row")
    return rows
