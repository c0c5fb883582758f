"""Small data, and estimators that take about a second."""

from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of mixed types with gaps, and a label that two columns decide."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, 160),
            "city": rng.choice(["rome", "oslo", "lima"], 160),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 160), "D"),
            "member": rng.random(160) < 0.5,
        }
    )
    label = np.where((frame["age"] > 40) ^ (frame["city"] == "oslo"), "yes", "no")
    frame.loc[rng.random(160) < 0.1, "age"] = np.nan
    frame.loc[rng.random(160) < 0.1, "city"] = None
    return frame, label


@pytest.fixture(scope="session")
def texts() -> tuple[list[str], list[str]]:
    """Sentences with a good or a bad word."""
    rng = np.random.default_rng(0)
    words = {"good": ["great", "fine", "lovely"], "bad": ["awful", "poor", "dire"]}
    labels = ["good", "bad"] * 40
    plain = ["the", "a", "film", "plot", "was"]
    return [" ".join([*rng.choice(plain, 4), *rng.choice(words[label], 2)]) for label in labels], labels


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Parameters of a fit of a second."""
    return {"max_trials": 1, "n_jobs": 1, "verbose": 0}
