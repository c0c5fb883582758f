import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.bench import bench_strategies, contenders, tables, tasks_of
from sugata.bench.replay import Replay, best_value, replay
from sugata.bench.strategies import expected
from sugata.bench.summary import queries
from sugata.bench.tasks import Job, evaluator_of
from sugata.bench.worker import run
from sugata.errors import DataError, RecipeError, RunFolderError
from sugata.objectives import Objectives
from sugata.strategies import RandomSearch
from sugata.trial import Proposal, Trial


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A small table whose validation misleads a little."""
    rng = np.random.default_rng(0)
    cells = [(a, b, c) for a in range(6) for b in range(6) for c in "xyz"]
    frame = pd.DataFrame(cells, columns=["a", "b", "c"])
    frame["test_acc"] = frame.a * 3 - abs(frame.b - 3) + (frame.c == "y") * 2.0 + 70
    frame["val_acc"] = frame.test_acc + rng.normal(0, 1, len(frame))
    path = tmp_path / "small.parquet"
    frame.to_parquet(path)
    return path


def test_queries_end_at_the_optimum_and_repeat_under_a_seed(table: Path) -> None:
    (task,) = tasks_of(table, metric="test_acc", budget=200)
    evaluator = evaluator_of(task)
    first, again = (
        replay(
            RandomSearch(evaluator.table.space, Objectives((evaluator.primary,)), seed=3),
            evaluator,
            target=best_value(evaluator),
            budget=200,
        )
        for _ in range(2)
    )
    assert first.found == first.evaluations == again.found
    assert first.final == best_value(evaluator)
    assert [value for _, value in first.curve] == sorted(value for _, value in first.curve)


def test_what_is_reported_is_the_other_column_of_the_best_by_validation(table: Path) -> None:
    by_validation, oracle = tasks_of(table, metric="val_acc", report="test_acc", budget=40)
    assert (by_validation.oracle, oracle.oracle, oracle.metric) == (False, True, "test_acc")
    found = run(Job(contenders(["random"])[0], by_validation, 0))
    evaluator = evaluator_of(by_validation)
    assert found.evaluations == 40
    assert found.final in set(evaluator.table.column("test_acc"))


@pytest.mark.slow
def test_random_search_meets_its_exact_expectation(table: Path) -> None:
    (task, _) = tasks_of(table, metric="val_acc", report="test_acc", budget=10)
    evaluator = evaluator_of(task)
    exact = expected(
        evaluator.rungs[0], evaluator.table.column("test_acc"), evaluator.table.multiplicity, task.budget
    )
    finals = [run(Job(contenders(["random"])[0], task, seed)).final for seed in range(400)]
    assert np.mean(finals) == pytest.approx(exact, abs=4 * np.std(finals) / 20)


@pytest.mark.slow
def test_the_exact_expectation_on_nasbench201_is_what_is_published(real_data: Path) -> None:
    published = {"cifar10": 93.71, "cifar100": 71.17, "imagenet16-120": 44.78}
    for task in tasks_of(real_data / "nasbench201"):
        if not task.oracle:
            table = evaluator_of(task).table
            found = expected(
                table.column("val_acc_12"), table.column("test_acc_200"), table.multiplicity, 100
            )
            assert found == pytest.approx(published[task.title], abs=0.15)


def test_a_failure_counts_as_the_budget() -> None:
    replays = [Replay(seed, 10, found, (), 0.0, 1, 0.0) for seed, found in enumerate((10, 20, 30, None))]
    counted = queries(replays, 100)
    assert (counted.mean, counted.median, counted.failures) == (40, 25, 1)
    assert str(counted) == "40.0 (25, 79, 1)"


class Noted(RandomSearch):
    """Writes down what happens to it."""

    def ask(self) -> Proposal | None:
        proposal = super().ask()
        self.events = [*getattr(self, "events", []), "ask"]
        return proposal

    def tell(self, trial: Trial) -> None:
        self.events.append("tell")


def test_batches_are_asked_for_and_told_together(table: Path) -> None:
    (task,) = tasks_of(table, metric="test_acc", budget=9, batch=3)
    evaluator = evaluator_of(task)
    strategy = Noted(evaluator.table.space, Objectives((evaluator.primary,)), seed=3)
    replay(strategy, evaluator, budget=9, batch=3)
    assert strategy.events == ["ask", "ask", "ask", "tell", "tell", "tell"] * 3


@pytest.mark.slow
def test_the_command_writes_tables_curves_and_every_search(table: Path, tmp_path: Path) -> None:
    tasks = tasks_of(table, metric="val_acc", report="test_acc", budget=20)
    to = tmp_path / "out"
    text = bench_strategies(contenders(["random", "evolution"]), tasks, seeds=3, to=to)
    assert "| random |" in text
    assert "| evolution |" in text
    assert "exact expectation" in text
    lines = (to / "replays.jsonl").read_text().splitlines()
    assert len(lines) == 2 * 2 * 3
    assert {"strategy", "task", "seed", "curve", "found"} <= json.loads(lines[0]).keys()
    assert (to / "strategies.png").stat().st_size > 10_000
    page = (to / "strategies.html").read_text()
    assert "<svg" in page
    assert "src=" not in page
    with pytest.raises(RunFolderError, match="holds such a benchmark already"):
        bench_strategies(contenders(["random"]), tasks, seeds=1, to=to)


@pytest.mark.slow
def test_a_strategy_that_does_not_work_on_a_table_is_a_row_that_says_why(table: Path, tmp_path: Path) -> None:
    tasks = tasks_of(table, metric="test_acc", budget=10)
    text = bench_strategies(
        contenders(["evolution"], {"population": 0}), tasks, seeds=2, processes=1, to=tmp_path / "out"
    )
    assert "Not run:" in text
    assert "population" in text


def test_what_is_not_there_is_said_in_one_line(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUGATA_DATA", raising=False)
    with pytest.raises(DataError, match="--table FILE, or a folder of them in SUGATA_DATA"):
        tables([])
    with pytest.raises(DataError, match="holds neither of"):
        tables([], str(tmp_path))
    with pytest.raises(DataError, match="no column 'speed'"):
        tasks_of(table, metric="speed", direction="minimize")
    with pytest.raises(DataError, match="name the column to search on"):
        tasks_of(table)
    with pytest.raises(RecipeError, match="no option 'popualtion'"):
        contenders(["evolution"], {"popualtion": 3})
    with pytest.raises(RecipeError, match="is not known"):
        contenders(["annealing"])
