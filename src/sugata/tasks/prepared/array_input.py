"""Arrays of numbers of any shape."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, InputAdapter


@dataclass(frozen=True)
class ArrayAdapter(InputAdapter):
    """An array ``(rows, ...)`` of finite numbers, as float32; rows of single numbers get one column.

    Attributes:
        shape: of one row.
    """

    kind: ClassVar[str] = "array"
    shape: tuple[int, ...]

    @classmethod
    def fit(cls, raw: Any) -> Self:
        """Take the shape of the rows.

        Raises:
            InputError: no numbers, or no rows.
        """
        return cls(_numbers(raw).shape[1:])

    def transform(self, raw: Any) -> Array:
        """``(rows, *shape)`` float32."""
        numbers = _numbers(raw)
        if numbers.shape[1:] != self.shape:
            raise InputError(
                f"array: rows of shape {numbers.shape[1:]}; the model was fitted on {self.shape}"
            )
        return numbers

    def spec(self, name: str) -> TensorSpec:
        """``(batch, *shape)``."""
        return TensorSpec(name, ("batch", *self.shape), "float32")

    def statistics(self, stored: Array) -> dict[str, Any]:
        """``mean`` and ``std`` along the first axis of ``(channels, height, width)``, else the last."""
        return moments(stored, 1 if len(self.shape) == 3 else -1)

    def describe(self) -> str:
        """Its shape."""
        return f"arrays of {' x '.join(map(str, self.shape))} numbers"


def moments(stored: Array, axis: int) -> dict[str, Any]:
    """Mean and deviation along all axes but one; the deviation of what never varies is 1."""
    others = tuple(i for i in range(stored.ndim) if i != axis % stored.ndim)
    std = stored.std(others, dtype=np.float64)
    return {
        "mean": stored.mean(others, dtype=np.float64).tolist(),
        "std": np.where(std > 1e-7 * np.abs(stored).max(others), std, 1.0).tolist(),
    }


def _numbers(raw: Any) -> Array:
    try:
        found = np.asarray(raw)
        if found.dtype.kind == "O":
            found = found.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError("array: rows are not numbers of one shape; give a NumPy array of numbers") from None
    if found.dtype.kind not in "biuf" or found.ndim == 0:
        raise InputError(
            f"array: {found.dtype} of shape {found.shape}; give a NumPy array (rows, ...) of numbers"
        )
    if not len(found):
        raise InputError("array: there are no rows; give at least one")
    if found.ndim == 1:
        found = found[:, None]
    wrong = np.flatnonzero(~np.isfinite(found).reshape(len(found), -1).all(1))
    if len(wrong):
        raise InputError("array: row {row} has NaN or infinity; fill it, or leave the row out", int(wrong[0]))
    return found.astype(np.float32)
