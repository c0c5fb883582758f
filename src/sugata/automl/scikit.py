"""What these classes take from scikit-learn, an optional dependency: one line says where it is missing."""

from typing import Any

import numpy as np

from sugata.errors import InputError, TaskError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data
except ImportError:
    raise TaskError(
        "scikit-learn is missing, on which ImageClassifier and its siblings are built: pip install"
        " 'sugata[tabular]'"
    ) from None

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "NotFittedError",
    "RegressorMixin",
    "check_is_fitted",
    "checked_classes",
    "checked_table",
    "checked_values",
]


def checked_table(estimator: Any, x: Any, *, fitting: bool) -> Any:
    """A table after scikit-learn's checks: two dimensions, known columns; missing values are allowed.

    Raises:
        ValueError, TypeError: scikit-learn's own messages, which name the columns.
    """
    frame = hasattr(x, "iloc") and hasattr(x, "columns")
    if frame:  # its columns keep their types
        validate_data(estimator, x, reset=fitting, skip_check_array=True)
        return x
    return validate_data(estimator, x, reset=fitting, dtype=None, ensure_all_finite="allow-nan")


def checked_classes(y: Any) -> Any:
    """Labels of one class a row, ``(rows,)``.

    Raises:
        ValueError: they are values, not classes.
    """
    found = _column(y)
    if found.dtype.kind == "O" and found.ndim == 1:
        found = _checked_objects(found)
    _check_finite(found, "label")
    if found.ndim == 1:
        check_classification_targets(found)
    return found


def checked_values(y: Any) -> Any:
    """Values, ``(rows,)`` or ``(rows, values)``.

    Raises:
        ValueError: they are no finite numbers.
    """
    found = _column(y)
    if found.dtype.kind in "OUS":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError("y: values are not all numbers; for labels use a classifier") from None
    _check_finite(found, "value")
    return check_array(found, ensure_2d=False, allow_nd=False, input_name="y", dtype="numeric")


def _column(y: Any) -> Any:
    """``(rows, 1)`` as ``(rows,)``, with scikit-learn's warning; anything else as an array."""
    try:
        found = np.asarray(y)
    except ValueError:
        raise InputError(
            "y: rows are of several lengths; give one label or value a row, or set multi_label=True"
        ) from None
    return column_or_1d(found, warn=True) if found.ndim == 2 and found.shape[1] == 1 else found


def _checked_objects(found: Any) -> Any:
    """Labels of one plain type as an array of it; texts stay objects.

    Raises:
        InputError: one is missing, or they are of several types.
    """
    from sugata.tasks.prepared.class_target import plain

    for row, one in enumerate(found):
        if one is None or type(one).__name__ in ("NAType", "NaTType") or one != one:
            raise InputError(f"y: row {row} has no label; fill it, or leave the row out")
    labels = plain(found)
    kinds = sorted({type(one).__name__ for one in labels.tolist()})
    if labels.dtype.kind == "O" and kinds != ["str"]:
        raise InputError(f"y: Unknown label type {' and '.join(kinds)}; give texts or whole numbers alone")
    return labels


def _check_finite(found: Any, what: str) -> None:
    if found.dtype.kind in "fc" and found.size and not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).reshape(len(found), -1).all(1))[0])
        raise InputError(f"y: row {row} has no {what} (NaN or infinity); fill it, or leave the row out")
