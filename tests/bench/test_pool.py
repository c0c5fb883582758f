import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from sugata.bench import contenders, tasks_of
from sugata.bench.pool import Pool
from sugata.bench.tasks import Job

pytestmark = pytest.mark.slow  # processes are started


def jobs(tmp_path: Path, count: int) -> list[Job]:
    frame = pd.DataFrame([(a, b) for a in range(30) for b in range(30)], columns=["a", "b"])
    frame["acc"] = frame.a + frame.b
    frame.to_parquet(tmp_path / "t.parquet")
    (task,) = tasks_of(tmp_path / "t.parquet", metric="acc", budget=300)
    return [Job(contenders(["random"])[0], task, seed) for seed in range(count)]


def test_every_job_has_one_answer(tmp_path: Path) -> None:
    with Pool(2) as pool:
        for count in (5, 1):
            answers = list(pool.run(jobs(tmp_path, count)))
            assert sorted(job.seed for job, _ in answers) == list(range(count))
            assert all(answer.evaluations > 0 for _, answer in answers)


def test_a_process_that_dies_is_replaced_and_its_search_repeated(tmp_path: Path) -> None:
    seen = []
    with Pool(1) as pool:
        for job, answer in pool.run(jobs(tmp_path, 3)):
            assert not isinstance(answer, str)
            seen.append(job.seed)
            if len(seen) == 1:
                os.kill(pool._processes[0].pid, signal.SIGKILL)
    assert seen == [0, 1, 2]
