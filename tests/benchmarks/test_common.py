"""What the benchmarks share: intervals, verdicts, tables."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


def load() -> ModuleType:
    """The module, which belongs to no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "_common.py"
    spec = importlib.util.spec_from_file_location("benchmarks_common", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


common = load()
differences = st.lists(st.floats(-100, 100), min_size=2, max_size=12)


@given(differences)
def test_the_interval_lies_within_the_differences_and_holds_their_mean(values: list[float]) -> None:
    interval = common.bootstrap(values, resamples=500)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack
    assert interval.mean == pytest.approx(np.mean(values))
    assert interval.count == len(values)


@given(differences)
def test_mirrored_differences_turn_a_win_into_a_loss(values: list[float]) -> None:
    turned = {"wins": "loses", "loses": "wins", "undecided": "undecided"}
    interval = common.bootstrap(values, resamples=500)
    assert (
        common.verdict(interval, smaller_is_better=False)
        == turned[common.verdict(interval, smaller_is_better=True)]
    )


def test_the_interval_repeats_itself() -> None:
    values = [0.3, -0.1, 0.2, 0.05, 0.4]
    assert common.bootstrap(values) == common.bootstrap(values)
    assert common.bootstrap(values) != common.bootstrap(values, seed=1)


def test_the_interval_of_many_normal_differences_is_that_of_theory() -> None:
    values = np.random.default_rng(3).normal(1.0, 2.0, 400)
    interval = common.bootstrap(values.tolist())
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)


@pytest.mark.parametrize(
    ("values", "smaller_is_better", "word"),
    [
        ([-0.3, -0.2, -0.4], True, "wins"),
        ([-0.3, -0.2, -0.4], False, "loses"),
        ([0.3, 0.2, 0.4], True, "loses"),
        ([0.3, 0.2, 0.4], False, "wins"),
        ([-0.3, 0.3, 0.1], True, "undecided"),
        ([0.0, 0.0, 0.0], True, "undecided"),
    ],
)
def test_the_verdict_follows_the_interval(values: list[float], smaller_is_better: bool, word: str) -> None:
    assert common.verdict(common.bootstrap(values), smaller_is_better=smaller_is_better) == word


def test_one_pair_decides_nothing() -> None:
    interval = common.bootstrap([-5.0])
    assert common.verdict(interval, smaller_is_better=True) == "undecided"
    assert "no interval from 1" in interval.shown()


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_what_cannot_be_compared_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="paired differences"):
        common.bootstrap(values)


def test_a_table_is_markdown() -> None:
    assert common.table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_a_statement_names_what_a_number_depends_on() -> None:
    stated = common.statement(["numpy", "no-such-package"])
    assert stated["versions"]["numpy"] == np.__version__
    assert stated["versions"]["no-such-package"] == "not installed"
    assert stated["command"].startswith("python benchmarks/")
    assert stated["machine"]
    assert stated["commit"]


def test_a_result_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "results" / "file.json"
    common.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        common.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
