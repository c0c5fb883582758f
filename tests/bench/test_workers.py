from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.bench import bench_workers, contenders, tasks_of
from sugata.bench.clock import PASSES, RATE, cost_of
from sugata.bench.replay import Replay
from sugata.bench.tasks import Task, evaluator_of
from sugata.bench.workers import Setting, horizons, simulate, speed_up, value_at
from sugata.trial import Proposal


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Cells whose cost differs threefold."""
    cells = [(a, b, c) for a in range(8) for b in range(8) for c in range(4)]
    frame = pd.DataFrame(cells, columns=["a", "b", "c"])
    frame["test_acc"] = frame.a * 3.0 - abs(frame.b - 3) + frame.c
    path = tmp_path / "small.parquet"
    frame.to_parquet(path)
    return tasks_of(path, metric="test_acc", budget=60)[0]


@pytest.mark.slow
def test_workers_that_wait_for_nobody_are_never_slower(task: Task) -> None:
    found = simulate(contenders(["random"]), task, counts=(1, 10), seeds=3)
    assert {setting.workers for setting in found} == {1, 10}
    free, waiting = (found[Setting("random", synchronous, 10)] for synchronous in (False, True))
    assert all(one.evaluations == 60 for one in free + waiting)
    assert all(a.clock <= b.clock for a, b in zip(free, waiting, strict=True))
    # a table without multiply-accumulates costs a second an evaluation: 60 of them, ten at a time
    assert [one.clock for one in waiting] == [6, 6, 6]
    assert list(speed_up(found, Setting("random", True, 10))) == [10, 10, 10]
    assert horizons(found, task) == {1: 1.0, 3: 3.0}


@pytest.mark.slow
def test_the_command_draws_speed_up_and_regret(task: Task, tmp_path: Path) -> None:
    text = bench_workers(contenders(["random"]), task, counts=(1, 5), seeds=2, to=tmp_path / "out")
    assert "| random, synchronous | 5 | 5.0 | 100% |" in text
    assert "clock: a second an evaluation" in text
    assert len((tmp_path / "out" / "workers.jsonl").read_text().splitlines()) == 2 * 2 * 2
    assert (tmp_path / "out" / "workers.png").stat().st_size > 10_000
    assert "<svg" in (tmp_path / "out" / "workers.html").read_text()


def test_values_are_those_of_their_time() -> None:
    replay = Replay(0, 9, None, ((1, 5.0), (4, 7.0)), 0.0, 9, 0.0, times=(2.0, 8.0))
    assert [value_at(replay, seconds) for seconds in (0, 2, 7.9, 8, 100)] == [5, 5, 5, 7, 7]


@pytest.mark.slow
def test_the_clock_of_nasbench201_counts_operations_epochs_and_images(real_data: Path) -> None:
    (_, oracle) = tasks_of(real_data / "nasbench201", data_set="cifar10")
    evaluator = evaluator_of(oracle)
    cost, stated = cost_of(evaluator)
    cell = evaluator.table.space.sample(np.random.default_rng(0))
    macs = evaluator.table.column("macs")[evaluator.table.row(cell)]
    assert cost(Proposal(0, cell)) == pytest.approx(PASSES * macs * 200 * 25_000 / RATE)
    assert "multiply-accumulates x epochs x training images" in stated
