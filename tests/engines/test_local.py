import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest

from sugata.engines import Engine, InProcessEngine, Job, LocalEngine, Outcome, open_engine, resources
from sugata.engines.slot import Slot
from sugata.errors import TaskError
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.trial import Proposal, Status

pytestmark = pytest.mark.slow

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

Function = Callable[[dict[str, Any], Context], Any]


class Calls(Evaluator):
    """Calls a function with the architecture and the context."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def evaluate(self, proposal: Proposal, context: Context) -> Any:
        result = self.function(dict(proposal.architecture), context)
        return result if not isinstance(result, float) else completed(loss=result)

    def fingerprint(self) -> str:
        return ""


def completed(**metrics: float) -> Evaluation:
    return Evaluation(Status.COMPLETED, metrics)


def job(folder: Path, number: int = 0, **architecture: Any) -> Job:
    return Job(Proposal(number, architecture), seed=number, folder=folder / f"{number:04d}")


def finish(engine: Engine, seconds: float = 60) -> dict[int, Outcome]:
    """Wait for everything."""
    until = time.monotonic() + seconds
    outcomes = {}
    while engine.running:
        assert time.monotonic() < until, f"{engine.running} are still running"
        for outcome in engine.wait(1.0):
            assert outcome.number not in outcomes
            outcomes[outcome.number] = outcome
    return outcomes


def run(function: Function, folder: Path, workers: int = 1, **options: Any) -> Outcome:
    """Run one job."""
    with LocalEngine(Calls(function), workers, **options) as engine:
        engine.submit(job(folder))
        return finish(engine)[0]


def die_once(architecture: dict[str, Any], context: Context) -> float:
    flag = context.folder / "died"
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), architecture.get("signal", signal.SIGKILL))
    return 1.0


def test_jobs_run_beside_each_other_and_workers_are_reused(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        mark = context.folder.parent / f"running-{architecture['i']}"
        mark.touch()
        other = context.folder.parent / f"running-{1 - architecture['i']}"
        while architecture["i"] < 2 and not other.exists():
            time.sleep(0.01)
        return Evaluation(Status.COMPLETED, {"i": architecture["i"]}, details={"pid": os.getpid()})

    with LocalEngine(Calls(evaluate), 2, timeout=30) as engine:
        assert engine.capacity == 2
        for i in range(6):
            engine.submit(job(tmp_path, i, i=i))
        assert set(engine.running) == set(range(6))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.metrics["i"] for i in range(6)] == list(range(6))
    assert len({outcome.evaluation.details["pid"] for outcome in outcomes.values()}) <= 2


def test_what_a_trial_prints_goes_to_its_log(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        print("from Python")
        print("an error", file=sys.stderr)
        os.system("echo from a child")
        return float(len(sys.stdin.read()))

    outcome = run(evaluate, tmp_path)
    assert outcome.evaluation == completed(loss=0.0)
    log = (tmp_path / "0000" / "log.txt").read_text()
    assert {"from Python", "an error", "from a child"} == set(log.splitlines())


def failing(architecture: dict[str, Any], context: Context) -> Any:
    kind = architecture["kind"]
    if kind == "error":
        return len(5)  # type: ignore[arg-type]
    if kind == "message":
        raise TaskError("the file x is empty; fill it")
    if kind == "memory":
        raise MemoryError
    if kind == "torch":
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes")
    if kind == "exit":
        sys.exit("enough")
    if kind == "nan":
        return completed(loss=float("nan"), size=1.0)
    if kind == "nothing":
        return None
    return Evaluation(Status.COMPLETED, {"loss": 1.0}, details={"x": {1, 2}})


FAILURES = {
    "error": (Status.FAILED, "TypeError: object of type 'int' has no len()"),
    "message": (Status.FAILED, "the file x is empty; fill it"),
    "memory": (Status.OUT_OF_MEMORY, "MemoryError"),
    "torch": (Status.OUT_OF_MEMORY, "RuntimeError: .*can't allocate memory"),
    "exit": (Status.FAILED, "SystemExit: enough"),
    "nan": (Status.DIVERGED, "loss is nan"),
    "nothing": (Status.FAILED, "TypeError: evaluate returned NoneType; return an Evaluation"),
    "details": (Status.FAILED, "TypeError: set cannot be written as JSON"),
}


@pytest.mark.parametrize("workers", [0, 1])
def test_what_goes_wrong_becomes_a_status_and_a_reason(tmp_path: Path, workers: int) -> None:
    with open_engine(Calls(failing), workers) as engine:
        for i, kind in enumerate(FAILURES):
            engine.submit(job(tmp_path, i, kind=kind))
        outcomes = finish(engine)
    for i, (status, reason) in enumerate(FAILURES.values()):
        evaluation = outcomes[i].evaluation
        assert evaluation.status is status, evaluation
        assert re.match(reason, evaluation.reason)
    assert "Traceback" in (tmp_path / "0000" / "log.txt").read_text()


def test_a_trial_whose_worker_died_is_tried_again(tmp_path: Path) -> None:
    outcome = run(die_once, tmp_path)
    assert outcome.evaluation == completed(loss=1.0)


def test_a_trial_that_kills_its_workers_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        if architecture["signal"]:
            os.kill(os.getpid(), architecture["signal"])
        return 1.0

    with LocalEngine(Calls(evaluate), 2) as engine:
        for i, number in enumerate([0, signal.SIGSEGV, 0, signal.SIGKILL, 0, 0]):
            engine.submit(job(tmp_path, i, signal=int(number)))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.status for i in (0, 2, 4, 5)] == [Status.COMPLETED] * 4
    assert [outcomes[i].evaluation.status for i in (1, 3)] == [Status.KILLED] * 2
    assert "was killed by signal 11 (SIGSEGV) (2 times)" in outcomes[1].evaluation.reason
    assert "signal 9 (SIGKILL, perhaps by the system" in outcomes[3].evaluation.reason
    assert "Segmentation fault" in (tmp_path / "0001" / "log.txt").read_text()


def test_a_trial_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    outcome = run(lambda architecture, context: time.sleep(60), tmp_path, timeout=0.3)
    assert outcome.evaluation.status is Status.TIMEOUT
    assert outcome.evaluation.reason == "took longer than 0.3 seconds; raise the trial timeout"
    assert 0.3 <= outcome.seconds < 5


def test_a_trial_that_takes_too_much_memory_is_killed(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        hoard = bytearray(os.urandom(1024) * 300_000)
        time.sleep(60)
        return float(len(hoard))

    outcome = run(evaluate, tmp_path, memory=200_000_000)
    assert outcome.evaluation.status is Status.OUT_OF_MEMORY
    assert re.match(r"used \d+ MB, a worker may use 200 MB", outcome.evaluation.reason)


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\0\0\0\2[]", b"\0\0\0\x0e" + b'{"kind": "do"}'])
def test_garbage_from_a_worker_costs_it_its_life_only(tmp_path: Path, garbage: bytes) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        os.write(int(sys.argv[sys.argv.index("--results") + 1]), garbage)
        time.sleep(60)
        return 0.0

    outcome = run(evaluate, tmp_path, retries=0)
    assert outcome.evaluation.status is Status.KILLED
    assert outcome.evaluation.reason.startswith("its worker sent something unreadable")


def test_a_worker_has_one_thread_and_an_environment_of_its_own(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        import torch

        names = ["OMP_NUM_THREADS", "MALLOC_MMAP_THRESHOLD_"]
        return Evaluation(
            Status.COMPLETED, {"threads": torch.get_num_threads()}, details={n: os.environ[n] for n in names}
        )

    evaluation = run(evaluate, tmp_path).evaluation
    assert evaluation.metrics == {"threads": 1}
    assert evaluation.details == {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}


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


def test_reports_arrive_and_a_trial_can_be_stopped(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        step = 0
        while context.report(step, step / 2):
            step += 1
            time.sleep(0.01)
        return 1.0

    with LocalEngine(Calls(evaluate), 1) as engine:
        reports = []

        def progress(number: int, step: float, value: float) -> None:
            reports.append((number, step, value))
            if len(reports) == 2:
                engine.stop(number)

        engine.progress = progress
        engine.submit(job(tmp_path, 5))
        outcome = finish(engine)[5]
    assert reports[0] == (5, 0, 0)
    assert len(outcome.evaluation.curve) > len(reports), "reports are thinned out, the curve is not"
    assert outcome.evaluation.curve[:3] == ((0, 0), (1, 0.5), (2, 1.0))


def test_a_killed_trial_has_no_outcome(tmp_path: Path) -> None:
    with LocalEngine(Calls(lambda architecture, context: time.sleep(architecture["s"]) or 1.0), 1) as engine:
        engine.submit(job(tmp_path, 0, s=60))
        engine.submit(job(tmp_path, 1, s=60))
        engine.submit(job(tmp_path, 2, s=0))
        engine.wait(0.5)
        engine.kill(0)
        engine.kill(1)
        assert engine.running == (2,)
        assert set(finish(engine)) == {2}


def test_waiting_without_jobs_returns_at_once(tmp_path: Path) -> None:
    with LocalEngine(Calls(die_once), 1) as engine:
        assert engine.wait() == []


def busy(architecture: dict[str, Any], context: Context) -> Evaluation:
    """Write down every millisecond of work; then, where asked for, hold the slot for a while."""
    moments: list[float] = []
    held = (0.0, 0.0)
    until = time.monotonic() + architecture["work"]
    while time.monotonic() < until:
        moments.append(time.monotonic())
        time.sleep(0.001)
    if architecture["hold"]:
        with context.exclusive():
            begin = time.monotonic()
            with context.exclusive():  # it is his already
                time.sleep(architecture["hold"])
            held = (begin, time.monotonic())
    return Evaluation(Status.COMPLETED, {}, details={"moments": moments, "held": held})


def test_the_holder_of_the_slot_is_alone(tmp_path: Path) -> None:
    with LocalEngine(Calls(busy), 3) as engine:
        engine.start()
        engine.submit(job(tmp_path, 0, work=1.0, hold=0))
        engine.submit(job(tmp_path, 1, work=0.2, hold=0.25))
        engine.submit(job(tmp_path, 2, work=0.1, hold=0.25))
        outcomes = finish(engine)
    details = [outcomes[i].evaluation.details for i in range(3)]
    intervals = [details[1]["held"], details[2]["held"]]
    for begin, end in intervals:
        for other in details:
            assert not [moment for moment in other["moments"] if begin < moment < end]
    (begin, end), (later, _) = sorted(intervals)
    assert end - begin >= 0.25
    assert later >= end, "one holder at a time"
    assert outcomes[0].seconds < 0.9, "pauses do not count"


def test_the_engine_itself_can_be_alone(tmp_path: Path) -> None:
    with LocalEngine(Calls(busy), 2) as engine:
        engine.start()
        engine.submit(job(tmp_path, 0, work=0.6, hold=0.1))
        engine.submit(job(tmp_path, 1, work=0.0, hold=0.2))
        engine.wait(0.1)
        with engine.paused():
            begin = time.monotonic()
            time.sleep(0.2)
            end = time.monotonic()
        outcomes = finish(engine)
    assert len(outcomes) == 2
    moments = [moment for i in range(2) for moment in outcomes[i].evaluation.details["moments"]]
    assert moments
    assert not [moment for moment in moments if begin < moment < end]


@pytest.mark.slow
def test_pauses_do_not_count_against_the_timeout(tmp_path: Path) -> None:
    with LocalEngine(Calls(busy), 2, timeout=1.5) as engine:
        engine.start()
        engine.submit(job(tmp_path, 0, work=2.2, hold=0))
        engine.submit(job(tmp_path, 1, work=0, hold=1.2))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.status for i in range(2)] == [Status.COMPLETED] * 2


def test_the_others_go_on_when_the_holder_dies(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        if architecture["dies"]:
            with context.exclusive():
                time.sleep(0.1)
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)
        return 1.0

    with LocalEngine(Calls(evaluate), 2, retries=0) as engine:
        engine.submit(job(tmp_path, 0, dies=0))
        engine.submit(job(tmp_path, 1, dies=1))
        outcomes = finish(engine)
    assert outcomes[0].evaluation.status is Status.COMPLETED
    assert outcomes[1].evaluation.status is Status.KILLED


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
        open_engine(Calls(die_once), 1)


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
