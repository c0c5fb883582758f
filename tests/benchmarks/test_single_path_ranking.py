"""What the benchmark of single-path supernets computes from scores."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture
def ranking():
    return importlib.import_module("single_path_ranking")


def test_what_parameters_explain_is_taken_away(ranking) -> None:
    rng = np.random.default_rng(0)
    logs, skill, noise = rng.uniform(size=(3, 2000))
    accuracy = 2 * logs + skill
    assert ranking.partial(logs + 0.3 * noise, accuracy, logs) == pytest.approx(0, abs=0.1)
    assert ranking.partial(logs + skill, accuracy, logs) > 0.9


def test_the_best_are_those_that_score_highest(ranking) -> None:
    accuracy = np.arange(30.0)
    figures = ranking.measured(-accuracy, accuracy, np.exp(np.random.default_rng(0).normal(size=30)))
    assert figures["spearman"][0] == pytest.approx(-1)
    assert figures["best"][0] == np.mean(range(10))
    assert all(low <= value <= high for value, low, high in figures.values())
