"""What is special to worker processes on this machine; the rest is in test_contract.py."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from engine_calls import Calls, busy, finish, job

from sugata.engines import InProcessEngine, LocalEngine, open_engine, resources
from sugata.engines.slot import Slot
from sugata.errors import TaskError
from sugata.evaluators import Context, Evaluation
from sugata.trial import Status

pytestmark = pytest.mark.slow

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\0\0\0\2[]", b"\0\0\0\x0e" + b'{"kind": "do"}'])
def test_garbage_from_a_worker_costs_it_its_life_only(tmp_path: Path, garbage: bytes) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        os.write(int(sys.argv[sys.argv.index("--results") + 1]), garbage)
        time.sleep(60)
        return 0.0

    with LocalEngine(Calls(evaluate), 1, retries=0) as engine:
        engine.submit(job(tmp_path))
        outcome = finish(engine)[0]
    assert outcome.evaluation.status is Status.KILLED
    assert outcome.evaluation.reason.startswith("its worker sent something unreadable")


def test_each_worker_sees_one_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "gpus", lambda: ["3", "GPU-b"])

    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        while len(list(context.folder.parent.iterdir())) < 2:
            time.sleep(0.01)
        return Evaluation(Status.COMPLETED, {}, details={"gpu": os.environ["CUDA_VISIBLE_DEVICES"]})

    with LocalEngine(Calls(evaluate)) as engine:
        assert engine.capacity == 2
        engine.submit(job(tmp_path, 0))
        engine.submit(job(tmp_path, 1))
        outcomes = finish(engine)
    assert {outcome.evaluation.details["gpu"] for outcome in outcomes.values()} == {"3", "GPU-b"}


@pytest.mark.slow
def test_the_slot_is_taken_from_a_holder_that_keeps_it_too_long(tmp_path: Path) -> None:
    with LocalEngine(Calls(busy), 2) as engine:
        engine._slot = Slot(longest=0.2)
        engine.submit(job(tmp_path, 0, work=0.1, hold=3.0))
        engine.submit(job(tmp_path, 1, work=0.3, hold=0))
        first = engine.wait(2.5)
        assert [outcome.number for outcome in first] == [1]
        assert set(finish(engine)) == {0}


def test_an_evaluator_that_cannot_be_pickled_runs_in_this_process(tmp_path: Path) -> None:
    generator = iter([1.0])
    lines: list[str] = []

    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        with context.exclusive():
            return Evaluation(Status.COMPLETED, {"loss": next(generator)}, details={"pid": os.getpid()})

    locked = (x for x in [generator])  # generators cannot be pickled
    evaluator = Calls(lambda architecture, context: (locked, evaluate(architecture, context))[1])
    with open_engine(evaluator, 2, warn=lines.append) as engine:
        assert isinstance(engine, InProcessEngine)
        engine.submit(job(tmp_path))
        assert finish(engine)[0].evaluation.details == {"pid": os.getpid()}
    [line] = lines
    assert "evaluating in this process" in line
    assert "generator" in line


class Unloadable(Calls):
    def __reduce__(self) -> Any:
        return __import__, ("a_module_that_only_the_parent_has",)


def test_an_evaluator_that_a_worker_cannot_import_runs_in_this_process(tmp_path: Path) -> None:
    lines: list[str] = []
    with open_engine(Unloadable(lambda architecture, context: 1.0), 2, warn=lines.append) as engine:
        assert isinstance(engine, InProcessEngine)
    assert "a_module_that_only_the_parent_has" in lines[0]


def test_workers_that_die_while_starting_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(TaskError, match="workers do not start; the last one ended with exit code 1"):
        open_engine(Calls(lambda architecture, context: 1.0), 1)


SCRIPT = """
    import time
    from pathlib import Path
    from sugata.engines import Job, LocalEngine
    from sugata.evaluators import Evaluation, Evaluator
    from sugata.trial import Proposal, Status

    class Mine(Evaluator):
        def evaluate(self, proposal, context):
            if proposal.number == 0:
                with context.exclusive():
                    time.sleep(seconds)
            time.sleep(seconds)
            return Evaluation(Status.COMPLETED, {"loss": 1.0})
        def fingerprint(self):
            return ""

    seconds = SECONDS
    engine = LocalEngine(Mine(), 2)
    engine.submit(Job(Proposal(0, {}), 0, Path("0")))
    engine.submit(Job(Proposal(1, {}), 0, Path("1")))
    while engine.running:
        for outcome in engine.wait():
            print(outcome.number, outcome.evaluation.status.value, flush=True)
    engine.close()
"""


def script(seconds: float) -> str:
    return textwrap.dedent(SCRIPT).replace("SECONDS", str(seconds))


@pytest.mark.parametrize("by_pipe", [True, False])
def test_a_script_without_a_main_guard_works(tmp_path: Path, by_pipe: bool) -> None:
    (tmp_path / "script.py").write_text(script(0))
    result = subprocess.run(
        [sys.executable, "-"] if by_pipe else [sys.executable, "script.py"],
        input=script(0) if by_pipe else None,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert sorted(result.stdout.splitlines()) == ["0 completed", "1 completed"], result.stderr


@pytest.fixture
def abandoned(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A process with an engine of two workers, one of them holding the slot, so the other is paused."""
    (tmp_path / "script.py").write_text(script(60))
    parent = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path)
    try:
        until = time.monotonic() + 30
        workers: list[int] = []
        while time.monotonic() < until:
            workers = [child.pid for child in psutil.Process(parent.pid).children()]
            if any(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in workers):
                break
            time.sleep(0.02)
        yield parent, workers
    finally:
        parent.kill()
        parent.wait()


def test_no_worker_outlives_its_engine_even_while_paused(
    abandoned: tuple[subprocess.Popen[bytes], list[int]],
) -> None:
    parent, workers = abandoned
    assert len(workers) == 2
    states = {psutil.Process(pid).status() for pid in workers}
    assert psutil.STATUS_STOPPED in states
    parent.kill()
    parent.wait()
    until = time.monotonic() + 5
    while time.monotonic() < until and any(_lives(pid) for pid in workers):
        time.sleep(0.02)
    assert not [pid for pid in workers if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
