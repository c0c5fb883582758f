"""Values: one or several numbers of each row."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, TargetAdapter
from sugata.tasks.prepared.class_target import as_column


@dataclass(frozen=True)
class ValueAdapter(TargetAdapter):
    """Values as the network learns them: with mean 0 and deviation 1 over the training rows.

    Attributes:
        mean: of each value, in its own unit.
        std: likewise; 1 where it never varies.
        single: whether rows were given as numbers rather than as lists of numbers.
    """

    kind: ClassVar[str] = "value"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    single: bool = True

    @classmethod
    def fit(cls, raw: Any) -> Self:
        """Take mean and deviation of ``(rows,)`` or ``(rows, values)`` numbers.

        Raises:
            InputError: a value is missing, infinite or no number.
        """
        numbers = _numbers(raw)
        rows = numbers.reshape(len(numbers), -1)
        std = rows.std(0)
        constant = std <= 1e-12 * np.abs(rows).max(0)
        std[constant] = 1.0
        return cls(tuple(rows.mean(0).tolist()), tuple(std.tolist()), numbers.ndim == 1)

    def transform(self, raw: Any) -> Array:
        """Standardized, ``(rows, values)`` float32."""
        rows = _numbers(raw)
        rows = rows.reshape(len(rows), -1)
        if rows.shape[1] != len(self.mean):
            raise InputError(f"values: {rows.shape[1]} a row; the model was fitted on {len(self.mean)}")
        return ((rows - self.mean) / self.std).astype(np.float32)

    def inverse(self, outputs: Array) -> Array:
        """In their own unit, ``(rows,)`` or ``(rows, values)``."""
        found = np.asarray(outputs, np.float64) * self.std + self.mean
        return found[:, 0] if self.single else found

    def spec(self, name: str) -> TensorSpec:
        """``(batch, values)``."""
        return TensorSpec(name, ("batch", len(self.mean)), "float32")

    def describe(self) -> str:
        """How many, and where they lie."""
        if len(self.mean) > 1:
            return f"{len(self.mean)} values"
        return f"a value, mean {self.mean[0]:.4g}, deviation {self.std[0]:.4g}"


def _numbers(raw: Any) -> Array:
    found = as_column(raw)
    try:
        numbers = found.astype(np.float64)
    except (TypeError, ValueError):
        row = next(i for i, one in enumerate(found) if not _is_number(one))
        raise InputError(
            f"values: row {{row}} has {_shown(found[row])}, which is no number; for classes use"
            " classification",
            row,
        ) from None
    wrong = np.flatnonzero(~np.isfinite(numbers).reshape(len(numbers), -1).all(1))
    if len(wrong):
        raise InputError(
            "values: row {row} has NaN or infinity; fill it, or leave the row out", int(wrong[0])
        )
    return numbers


def _shown(one: Any) -> str:
    return repr(one.item() if isinstance(one, np.generic) else one)


def _is_number(one: Any) -> bool:
    try:
        np.asarray(one).astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True
