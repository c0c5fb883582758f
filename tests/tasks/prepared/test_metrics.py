"""Metrics of predictions, against scikit-learn's."""

import numpy as np
import pytest

from sugata.tasks.prepared.metrics import of_classes, of_labels, of_values, roc_auc

reference = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_the_area_under_the_curve_counts_ties_as_scikit_learn_does(decimals: int) -> None:
    scores, positive = RNG.normal(size=200).round(decimals), RNG.random(200) < 0.3
    assert roc_auc(scores, positive) == pytest.approx(reference.roc_auc_score(positive, scores))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_classes_are_scored_as_scikit_learn_scores_them(count: int) -> None:
    logits, classes = 3 * RNG.normal(size=(150, count)), RNG.integers(0, count, 150)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found, guessed = of_classes(logits, classes), logits.argmax(1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(classes, guessed))
    assert found["cross_entropy"] == pytest.approx(reference.log_loss(classes, shares))
    average = "binary" if count == 2 else "macro"
    assert found["f1"] == pytest.approx(reference.f1_score(classes, guessed, average=average))
    area = reference.roc_auc_score(classes, shares[:, 1] if count == 2 else shares, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(area)


def test_large_logits_stay_finite() -> None:
    found = of_classes(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 0]))
    assert found["cross_entropy"] == pytest.approx(500)
    assert np.isfinite(of_labels(np.array([[1000.0, -1000.0]]), np.array([[1.0, 0.0]]))["cross_entropy"])


def test_labels_are_scored_as_scikit_learn_scores_them() -> None:
    logits, labels = RNG.normal(size=(150, 4)), (RNG.random((150, 4)) < 0.4).astype(float)
    found, shares = of_labels(logits, labels), 1 / (1 + np.exp(-logits))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, logits > 0))
    assert found["f1"] == pytest.approx(reference.f1_score(labels, logits > 0, average="macro"))
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(labels, shares))
    nats = np.mean([reference.log_loss(labels[:, i], shares[:, i]) for i in range(4)])
    assert found["cross_entropy"] == pytest.approx(nats)


@pytest.mark.parametrize("constant", [False, True])
def test_values_are_scored_as_scikit_learn_scores_them(constant: bool) -> None:
    values = RNG.normal(size=(80, 2)) * [1, 50]
    values[:, 0] = 3.0 if constant else values[:, 0]
    predicted = values + RNG.normal(size=(80, 2))
    found = of_values(predicted, values)
    assert found["r2"] == pytest.approx(reference.r2_score(values, predicted))
    assert found["root_mean_squared_error"] == pytest.approx(
        reference.root_mean_squared_error(values, predicted)
    )
    assert found["mean_absolute_error"] == pytest.approx(reference.mean_absolute_error(values, predicted))
    assert of_values(values, values)["r2"] == 1


def test_a_class_without_rows_has_no_area_and_the_others_count() -> None:
    logits, classes = RNG.normal(size=(40, 3)), RNG.integers(0, 2, 40)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    areas = [reference.roc_auc_score(classes == one, shares[:, one]) for one in (0, 1)]
    assert of_classes(logits, classes)["roc_auc"] == pytest.approx(np.mean(areas))
    assert of_classes(logits, np.zeros(40, int))["roc_auc"] == 0.5
