"""The table classes are scikit-learn's estimators by its own checks."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

import sugata
from sugata.automl import plan

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [sugata.StructuredDataClassifier, sugata.StructuredDataRegressor])
def test_every_check_of_an_estimator_passes(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_STEPS", 150)  # the checks' data are small: less training does
    results = check_estimator(kind(max_trials=1, verbose=0), on_fail=None)
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    assert not failed
    assert len(results) > 45
