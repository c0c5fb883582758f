"""What the benchmark of elastic supernets computes from trainings and scores."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
TRUTH = np.arange(1.0, 13.0)


def training(number: int, seed: int) -> dict:
    value = TRUTH[number] if seed == 0 else TRUTH[number ^ 1]  # the other seed exchanges neighbours
    early = {"0.1": -value, "0.5": value}
    return {"number": number, "seed": seed, "shipped": value, "raw": -value, "early": early, "seconds": 10.0}


def test_predictors_are_compared_with_the_mean_of_two_trainings_and_with_each() -> None:
    ranking = importlib.import_module("elastic_ranking")
    trainings = [training(number, seed) for seed in (0, 1) for number in range(12)]
    alone = ranking.paired([*trainings, {"number": 12, "seed": 0}])  # one is still missing
    found = {"scores": [*TRUTH, 99.0], "raw": TRUTH, "training_seconds": 80.0, "scoring_seconds": 20.0}
    found |= {"parameters": TRUTH, "decoder_parameters": TRUTH, "flops": -TRUTH, "size_bytes": TRUTH}
    rows = {name: rest for name, *rest in ranking.compare(alone, found, "shipped")}
    tau, _, first, second, cost = rows["elastic supernet"]
    assert (first, second, cost) == ("+1.00", "+0.82", "5.0%")  # (80 + 20) / (200 x 10); 6 of 66 pairs wrong
    assert tau == "+0.95"  # half of the neighbours are ties in the mean
    assert (rows["more parameters"][2], rows["more FLOPs"][2]) == ("-1.00", "+1.00")
    assert rows["training of the first seed, broken off at 10%"][2] == "-1.00"
    assert rows["noise ceiling: the other seed"][0] == "+0.82"
    raw = {name: rest for name, *rest in ranking.compare(alone, found, "raw")}
    assert raw["elastic supernet"][2] == "-1.00"
