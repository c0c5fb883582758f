"""Metrics of predictions, as scikit-learn defines them: over all rows at once, in NumPy."""

import numpy as np
from numpy.typing import NDArray

from sugata.trial import Metric

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

ACCURACY = Metric("accuracy", "", "maximize", "share of rows that are predicted right")
CROSS_ENTROPY = Metric("cross_entropy", "nat", "minimize", "mean negative log-likelihood of the label")
ROC_AUC = Metric("roc_auc", "", "maximize", "area under the ROC curve; the mean over classes or labels")
F1 = Metric("f1", "", "maximize", "of the second of two classes; else the mean over classes or labels")
R2 = Metric("r2", "", "maximize", "coefficient of determination; the mean over values")
ROOT_MEAN_SQUARED_ERROR = Metric(
    "root_mean_squared_error", "", "minimize", "in the unit of the values; the mean over values"
)
MEAN_ABSOLUTE_ERROR = Metric(
    "mean_absolute_error", "", "minimize", "in the unit of the values; the mean over values"
)
LOSS = Metric("loss", "", "minimize", "the heads' losses together, by their weights")

CLASSIFICATION = (ACCURACY, CROSS_ENTROPY, ROC_AUC, F1)
REGRESSION = (R2, ROOT_MEAN_SQUARED_ERROR, MEAN_ABSOLUTE_ERROR)


def of_classes(logits: Floats, classes: NDArray[np.int64]) -> dict[str, float]:
    """The metrics of one class a row.

    Args:
        logits: ``(rows, classes)``.
        classes: ``(rows,)`` numbers.
    """
    logits = logits - logits.max(1, keepdims=True)
    likelihoods = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    predicted, numbers = logits.argmax(1), np.arange(logits.shape[1])
    right, guessed = numbers == classes[:, None], numbers == predicted[:, None]
    # The area under the curve of one of two classes is that of the other, its F1 is not.
    second = slice(1, None) if len(numbers) == 2 else slice(None)
    return {
        "accuracy": float((predicted == classes).mean()),
        "cross_entropy": float(-likelihoods[np.arange(len(classes)), classes].mean()),
        "roc_auc": _mean_auc(likelihoods[:, second], right[:, second]),
        "f1": _mean_f1(guessed[:, second], right[:, second]),
    }


def of_labels(logits: Floats, labels: Floats) -> dict[str, float]:
    """The metrics of any number of labels a row: accuracy counts rows whose labels are all right.

    Args:
        logits: ``(rows, labels)``.
        labels: likewise, zeros and ones.
    """
    right, guessed = labels > 0.5, logits > 0
    nats = np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
    return {
        "accuracy": float((right == guessed).all(1).mean()),
        "cross_entropy": float(nats.mean()),
        "roc_auc": _mean_auc(logits, right),
        "f1": _mean_f1(guessed, right),
    }


def of_values(predicted: Floats, values: Floats) -> dict[str, float]:
    """The metrics of values ``(rows, values)``, each the mean over the values of a row."""
    errors = predicted - values
    squares, spread = (errors**2).mean(0), values.var(0)
    # As scikit-learn has it: where values never vary, 1 for a perfect prediction and 0 for any other.
    shares = np.where(spread > 0, squares / np.where(spread > 0, spread, 1), squares > 0)
    return {
        "r2": float((1 - shares).mean()),
        "root_mean_squared_error": float(np.sqrt(squares).mean()),
        "mean_absolute_error": float(np.abs(errors).mean()),
    }


def roc_auc(scores: Floats, positive: Truths) -> float:
    """The share of pairs of a positive and a negative row that are in order, ties counted half.

    The rank statistic of Mann & Whitney (1947). 0.5 where there are no such pairs.
    """
    total = int(positive.sum())
    pairs = total * (len(positive) - total)
    if not pairs:
        return 0.5
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores, from 1
    return float((ranks[places][positive].sum() - total * (total + 1) / 2) / pairs)


def f1(guessed: Truths, right: Truths) -> float:
    """The harmonic mean of precision and recall; 0 where nothing is guessed and nothing is there."""
    total = int(guessed.sum() + right.sum())
    return 2 * int((guessed & right).sum()) / total if total else 0.0


def _mean_auc(scores: Floats, right: Truths) -> float:
    """Over the classes of which there are rows and other rows; 0.5 where there are none."""
    columns = [i for i in range(right.shape[1]) if 0 < right[:, i].sum() < len(right)]
    return float(np.mean([roc_auc(scores[:, i], right[:, i]) for i in columns])) if columns else 0.5


def _mean_f1(guessed: Truths, right: Truths) -> float:
    """Over the classes that are there or were guessed; 0 where there are none."""
    columns = [i for i in range(right.shape[1]) if right[:, i].any() or guessed[:, i].any()]
    return float(np.mean([f1(guessed[:, i], right[:, i]) for i in columns])) if columns else 0.0
