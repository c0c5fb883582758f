"""What is special to a Ray cluster, with real Ray; what all engines promise is in test_contract.py."""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from engine_calls import Calls, completed, finish, job

from sugata.engines import RayEngine
from sugata.errors import TaskError
from sugata.evaluators import Context, Evaluation
from sugata.journal import read
from sugata.trial import Status

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
failures = importlib.import_module("ray_failures")

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests


@pytest.fixture
def said(ray: Any) -> list[str]:
    """What an engine says, where its `append` is given as `say`."""
    return []


def test_trials_go_on_where_nodes_do_not_share_the_file_system(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        before = (context.source / "weights.txt").read_text() if context.source else ""
        (context.folder / "weights.txt").write_text(before + f"{context.folder.name}\n")
        return completed(loss=float(len(before)))

    with RayEngine(Calls(evaluate), 1, say=said.append) as engine:
        monkeypatch.setattr(engine, "_probe", lambda job: Path("/nowhere/probe"))
        engine.submit(job(tmp_path, 0))
        finish(engine)
        engine.submit(replace(job(tmp_path, 1), source=tmp_path / "0000"))
        assert finish(engine)[1].evaluation == completed(loss=5.0)
    assert (tmp_path / "0001" / "weights.txt").read_text() == "0000\n0001\n"


def test_nothing_stays_beside_the_trials(said: list[str], tmp_path: Path) -> None:
    with RayEngine(Calls(lambda architecture, context: 1.0), 1, say=said.append) as engine:
        engine.submit(job(tmp_path, 0))
        finish(engine)
        assert len(list(tmp_path.glob(".shared-*"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["0000"]


def test_a_trial_has_the_cpus_that_it_asks_for(said: list[str], tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        return completed(threads=float(os.environ["OMP_NUM_THREADS"]))

    with RayEngine(Calls(evaluate), cpus=1.5, say=said.append) as engine:
        assert engine.capacity == 2, "of 3 CPUs"
    with RayEngine(Calls(evaluate), cpus=3, say=said.append) as engine:
        assert engine.capacity == 1
        engine.submit(job(tmp_path))
        assert finish(engine)[0].evaluation == completed(threads=3.0)


def test_a_trial_that_no_node_can_hold_is_refused_in_a_line(said: list[str]) -> None:
    asked = "a trial asks for 64 CPUs and 0 GPUs, no node of the Ray cluster has them .the largest: 3 and 0"
    with pytest.raises(TaskError, match=asked):
        RayEngine(Calls(lambda architecture, context: 1.0), cpus=64, say=said.append)


class Unloadable(Calls):
    def __reduce__(self) -> Any:
        return __import__, ("a_module_that_only_the_driver_has",)


def test_an_evaluator_that_no_node_can_load_is_refused_in_a_line(said: list[str]) -> None:
    with pytest.raises(
        TaskError, match=r"no node of the Ray cluster can evaluate: node .* cannot load"
    ) as raised:
        RayEngine(Unloadable(lambda architecture, context: 1.0), 1, say=said.append)
    assert "a_module_that_only_the_driver_has" in str(raised.value)
    assert said[0].endswith("it is left out")


def test_a_trial_that_takes_its_node_with_it_is_given_up_and_the_others_go_on(
    said: list[str], tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        if architecture["deadly"]:
            os.kill(os.getppid(), signal.SIGKILL)  # the actor
            time.sleep(60)
        return 1.0

    with RayEngine(Calls(evaluate), 1, say=said.append) as engine:
        for i, deadly in enumerate([True, False, False]):
            engine.submit(job(tmp_path, i, deadly=deadly))
        outcomes = finish(engine)
    assert outcomes[0].evaluation.status is Status.KILLED
    assert outcomes[0].evaluation.reason == "its node was lost (3 times)"
    assert [outcomes[i].evaluation.status for i in (1, 2)] == [Status.COMPLETED] * 2
    assert sum("was lost; its trials run again: 0" in line for line in said) == 3


@pytest.fixture
def short_temporary_folder() -> Iterator[Path]:
    """Ray's sockets are in the folder of temporary files, and their names may not be long."""
    with tempfile.TemporaryDirectory(prefix="sg", dir="/tmp") as name:
        yield Path(name)


def descendants(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.timeout(300)
def test_a_cluster_of_the_searchs_own_ends_with_it_however_that_ends(
    tmp_path: Path, short_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(short_temporary_folder))
    engine = ["--engine", "ray", "--set", "engine.workers=2", "--set", "budget.trials=20"]
    search = failures.Search(tmp_path, engine, deterministic=True)
    driver = search.start()
    search.reaches(4)
    begun = descendants(driver)
    assert [process for process in begun if "raylet" in process.name()], search.log.read_text()
    driver.kill()
    driver.wait()
    until = time.monotonic() + 20
    while (
        len(alive := [process for process in begun if process.is_running()]) > 2 and time.monotonic() < until
    ):
        time.sleep(0.1)
    assert {process.name() for process in alive} <= {"ray::RuntimeEnvAgent", "ray::DashboardAgent"}
    for process in alive:
        process.kill()  # they would end by themselves after a minute
    search.keep()
    assert len(search.kept) >= 4
    for left in short_temporary_folder.iterdir():
        left.rename(tmp_path / left.name)

    driver = search.start()
    search.reaches(10)
    begun = descendants(driver)
    assert driver.wait(120) == 0, search.log.read_text()
    _, alive = psutil.wait_procs(begun, timeout=5)
    assert not alive, "processes of Ray outlive a finished search"
    assert list(short_temporary_folder.iterdir()) == []
    assert search.broken() == []
    assert [trial.status for trial in search.trials() if not trial.cached] == [Status.COMPLETED] * 20
    assert read(search.journal).pending == []
    words = search.log.read_text().lower()
    assert not [word for word in ("raylet", "gcs", "warning", "usage stats", "dashboard") if word in words]


@pytest.mark.timeout(600)
def test_a_search_survives_its_workers_its_nodes_and_its_driver(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "ray_failures.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for killed in ("worker process", "the actor of a node", "a whole node", "the driver"):
        assert done.stdout.count(f"killed {killed}") == 2, done.stdout
    assert "trial for trial equal to an undisturbed search of one process: yes" in done.stdout
    assert done.stdout.count("promises broken: none") == 2
    assert "all promises held" in done.stdout
