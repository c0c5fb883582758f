"""The transfer benchmark: what it counts, and that it runs on the table."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
transfer = importlib.import_module("transfer")


def scores(*optimum: int) -> list[dict[str, float]]:
    return [{"optimum": one, "near": one - 1, "test": 70.0} for one in optimum]


def test_ways_to_begin_are_compared_seed_by_seed_with_the_cold_start() -> None:
    results = {"random": {"cifar100": {"cold": scores(100, 200, 300), "warm start": scores(90, 180, 290)}}}
    cold, warm = transfer.rows(results)
    assert cold[:4] == ["random", "cifar100", "cold", "200.0"]
    assert warm[3].startswith("186.7; -13.3 [")
    assert warm[3].endswith("wins")
    assert warm[5] == "70.00; +0.00 [+0.00, +0.00] undecided"


@pytest.mark.slow
def test_it_runs_on_the_table(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "KINDS", {"random": {}})
    monkeypatch.setattr(transfer, "QUERIES", 30)
    monkeypatch.setattr(transfer, "TARGETS", ("cifar100",))
    results = transfer.run(real_data / "nasbench201" / "nasbench201.parquet", 1)
    ways = results["random"]["cifar100"]
    assert list(ways) == ["cold", "warm start", *transfer.GUESSES]
    for (found,) in ways.values():
        assert 1 <= found["near"] <= 30
        assert 30 < found["test"] < 74
    # the best of 100 cells of CIFAR-10 are good cells of CIFAR-100
    assert ways["warm start"][0]["test"] > 68
