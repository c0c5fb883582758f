"""What the benchmark of elastic supernets computes from recorded trainings and scores."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


def test_predictors_are_compared_with_the_ends_of_the_trainings() -> None:
    ranking = importlib.import_module("elastic_ranking")
    truth = np.arange(1.0, 13.0)
    curves = [
        {"points": [[step, value if step > 10 else -value] for step in range(1, 21)], "seconds": 10.0}
        for value in truth
    ]
    recorded = {"metric": {"name": "bits_per_byte", "direction": "minimize"}, "curves": curves}
    found = {"scores": truth * 2, "parameters": truth, "flops": -truth, "score_seconds": 0.1}
    rows = {name: (tau, cost) for name, tau, _, cost in ranking.compare(recorded, found, 80.0)}
    assert rows["elastic supernet"] == ("+1.00", "5.0%")  # (80 + 200 x 0.1) / (200 x 10)
    assert rows["more parameters"][0] == "-1.00"
    assert rows["more FLOPs"][0] == "+1.00"
    assert rows["trained alone, first 10%"] == ("-1.00", "10.0%")
