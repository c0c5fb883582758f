"""Estimators of one input and one output."""

from typing import Any

import numpy as np

from sugata.automl.base import AutoEstimator
from sugata.automl.graph import Graph, Port, usual_graph
from sugata.automl.reading import read
from sugata.automl.scikit import (
    ClassifierMixin,
    RegressorMixin,
    checked_classes,
    checked_table,
    checked_values,
)
from sugata.errors import InputError

_OF_INPUTS = ("resize", "column_names", "column_types")


class SingleEstimator(AutoEstimator):
    """One input, one head, and the usual blocks between them.

    Attributes:
        target_name_: the column that `y` named in fit, which rows to predict may still have; or None.
    """

    _kinds = ("", "")  # of input and head

    def _graph(self) -> Graph:
        kind, head = self._kinds
        if getattr(self, "multi_label", False):
            head = "multi_label"
        options = {name: getattr(self, name) for name in _OF_INPUTS if hasattr(self, name)}
        return usual_graph(
            [Port(kind, kind, options)],
            [Port("target", head, {"class_weight": getattr(self, "class_weight", None)})],
        )

    def _check(self, x: Any, y: Any, *, fitting: bool) -> tuple[Any, Any]:
        if fitting:
            self.target_name_ = y if isinstance(y, str) else None
        return read(self._kinds[0], x, y, without=None if fitting else self.target_name_)

    def evaluate(self, x: Any, y: Any = None) -> dict[str, float]:
        """``loss`` and all metrics on rows with targets.

        Args:
            x: rows.
            y: labels or values, or the name of their column; None where fit was given that name, or where `x`
                holds them.
        """
        return super().evaluate(x, self._target_of(y))

    def _scored(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Rows and their targets.

        Raises:
            InputError: there are none.
        """
        x, y = read(self._kinds[0], x, self._target_of(y))
        if y is None:
            raise InputError("score: y is None; give labels or values, or the name of their column")
        return x, y

    def _target_of(self, y: Any) -> Any:
        return getattr(self, "target_name_", None) if y is None else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._kinds[0] == "table"
        tags.input_tags.categorical = self._kinds[0] == "table"
        tags.input_tags.string = self._kinds[0] != "image"
        tags.input_tags.two_d_array = self._kinds[0] == "table"
        tags.input_tags.three_d_array = self._kinds[0] == "image"
        return tags


class SingleClassifier(ClassifierMixin, SingleEstimator):
    """One label a row, or with ``multi_label`` several.

    Attributes:
        classes_: the labels.
    """

    def _check(self, x: Any, y: Any, *, fitting: bool) -> tuple[Any, Any]:
        x, y = super()._check(x, y, fitting=fitting)
        if y is None or getattr(self, "multi_label", False):
            return x, y
        found = checked_classes(y)
        if fitting and found.ndim == 2 and found.dtype.kind in "biuf" and (found.sum(1) != 1).any():
            raise InputError(
                f"y: {found.shape[1]} columns; for several labels a row set multi_label=True, else give one"
                " label a row"
            )
        return x, found

    def _keep(self, fitted: Any) -> None:
        super()._keep(fitted)
        adapter = next(iter(fitted.adapters.targets.values()))
        self.classes_ = np.asarray(adapter.classes if hasattr(adapter, "classes") else adapter.labels)

    def predict_proba(self, x: Any) -> np.ndarray:
        """The probability of each of ``classes_``, ``(rows, classes)``."""
        rows = self._rows(x)
        return next(iter(self.fitted_.probabilities(rows).values()))

    def score(self, x: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of rows whose label is right, or all of whose labels are."""
        x, y = self._scored(x, y)
        if not getattr(self, "multi_label", False) and np.shape(y)[1:] in ((), (1,)):
            return float(super().score(x, y, sample_weight))
        adapter = next(iter(self.fitted_.adapters.targets.values()))
        right = adapter.transform(y) == adapter.transform(self.predict(x))
        return float(np.average(right.reshape(len(right), -1).all(1), weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


class SingleRegressor(RegressorMixin, SingleEstimator):
    """One or several values a row."""

    def _check(self, x: Any, y: Any, *, fitting: bool) -> tuple[Any, Any]:
        x, y = super()._check(x, y, fitting=fitting)
        return x, y if y is None else checked_values(y)

    def score(self, x: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R2."""
        x, y = self._scored(x, y)
        return float(super().score(x, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


class TableMixin:
    """Columns are checked as scikit-learn does."""

    def _check(self, x: Any, y: Any, *, fitting: bool) -> tuple[Any, Any]:
        x, y = super()._check(x, y, fitting=fitting)  # type: ignore[misc]
        return checked_table(self, x, fitting=fitting), y
