"""What the benchmark of search quality computes from recorded trials."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
quality = importlib.import_module("search_quality")
steps = importlib.import_module("_search_steps")


def trial(number: int, rung: str, values: tuple[float, float, float], **other: Any) -> dict[str, Any]:
    """A recorded trial."""
    metrics = dict(zip(quality.OBJECTIVES, values, strict=True))
    return {"number": number, "rung": rung, "status": "completed", "metrics": metrics} | other


def test_the_volume_is_that_of_the_highest_rung_in_logarithms_of_costs() -> None:
    trials = [
        trial(0, "small", (1.0, 1e3, 1.0)),  # another rung
        trial(1, "full", (3.0, 1e6, 10.0)),
        trial(2, "full", (3.5, 2e6, 20.0)),  # dominated
        trial(3, "full", (5.0, 1e3, 1.0)),  # beyond the reference
        trial(4, "full", (1.0, 1e3, 1.0), status="failed"),
    ]
    bits, size, latency = quality.REFERENCE
    expected = (bits - 3.0) * np.log10(size / 1e6) * np.log10(latency / 10.0)
    assert quality.front_volume(trials, "full") == pytest.approx(expected)
    assert quality.front_volume(trials[:1], "full") == 0.0


def test_a_winner_comes_from_where_its_first_training_came_from() -> None:
    trials = [
        trial(3, "small", (1, 1, 1), origin="crossover", parents=[1, 2]),
        trial(5, "medium", (1, 1, 1), origin="promotion", parents=[3]),
        trial(8, "full", (1, 1, 1), origin="promotion", parents=[5]),
    ]
    assert quality.first_origin(trials, 8) == "crossover"


@pytest.mark.slow  # the first to import torch
@pytest.mark.parametrize("arm", steps.ARMS)
def test_arms_differ_in_the_strategy_alone(arm: str, tmp_path: Path) -> None:
    options = steps.Options("stdlib", "1MB", 1, 75.0, 2.0, "50kB", 2, steps.ARMS, tmp_path / "out.json")
    recipe = steps.recipe_for(options, 4, arm, 1e6, "100kB")
    assert (recipe.seed, recipe.limits.size, recipe.budget.seconds) == (4, 1e6, 75.0)
    assert [rung.amount for rung in recipe.funnel] == [rung.amount / 2 for rung in steps.SHIPPED.funnel]
    assembly = steps.assemble(recipe)
    strategy = steps.strategy_of(assembly, arm)
    origins = [strategy.ask().origin for _ in range(6)]
    assert origins[:4] == (["random"] if arm == "random" else ["baseline"]) * 4
    assert set(origins[4:]) <= ({"random", "baseline mutation"} if arm == "evolution" else {"random"})


@pytest.mark.parametrize(
    ("values", "words"),
    [([-6.0, -6.5], "whole interval"), ([-4.0, -8.0], "mean only"), ([-4.0, -3.0], "not reached")],
)
def test_the_goal_is_judged_by_mean_and_interval(values: list[float], words: str) -> None:
    assert words in quality.reached(quality.bootstrap(values))
