"""What every engine promises, and what every engine with worker processes does; those that start are slow."""

import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
from engine_calls import Function, Opened, busy, completed, finish, job, warm_up

from sugata.engines import Outcome
from sugata.errors import TaskError
from sugata.evaluators import Context, Evaluation
from sugata.trial import Status

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests


def run(
    engine_of_workers: Opened, function: Function, folder: Path, workers: int = 1, **options: Any
) -> Outcome:
    """Run one job."""
    with engine_of_workers(function, workers, **options) as engine:
        engine.submit(job(folder))
        return finish(engine)[0]


def die_once(architecture: dict[str, Any], context: Context) -> float:
    flag = context.folder / "died"
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), architecture.get("signal", signal.SIGKILL))
    return 1.0


def test_jobs_run_beside_each_other_and_workers_are_reused(engine_of_workers: Opened, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        mark = context.folder.parent / f"running-{architecture['i']}"
        mark.touch()
        other = context.folder.parent / f"running-{1 - architecture['i']}"
        while architecture["i"] < 2 and not other.exists():
            time.sleep(0.01)
        return Evaluation(Status.COMPLETED, {"i": architecture["i"]}, details={"pid": os.getpid()})

    with engine_of_workers(evaluate, 2, timeout=30) as engine:
        assert engine.capacity == 2
        for i in range(6):
            engine.submit(job(tmp_path, i, i=i))
        assert set(engine.running) == set(range(6))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.metrics["i"] for i in range(6)] == list(range(6))
    assert len({outcome.evaluation.details["pid"] for outcome in outcomes.values()}) <= 2


def test_what_a_trial_prints_goes_to_its_log(engine_of_workers: Opened, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        print("from Python")
        print("an error", file=sys.stderr)
        os.system("echo from a child")
        return float(len(sys.stdin.read()))

    outcome = run(engine_of_workers, evaluate, tmp_path)
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


def test_what_goes_wrong_becomes_a_status_and_a_reason(any_engine: Opened, tmp_path: Path) -> None:
    with any_engine(failing) as engine:
        for i, kind in enumerate(FAILURES):
            engine.submit(job(tmp_path, i, kind=kind))
        outcomes = finish(engine)
    for i, (status, reason) in enumerate(FAILURES.values()):
        evaluation = outcomes[i].evaluation
        assert evaluation.status is status, evaluation
        assert re.match(reason, evaluation.reason)
    assert "Traceback" in (tmp_path / "0000" / "log.txt").read_text()


def test_a_trial_whose_worker_died_is_tried_again(engine_of_workers: Opened, tmp_path: Path) -> None:
    outcome = run(engine_of_workers, die_once, tmp_path)
    assert outcome.evaluation == completed(loss=1.0)


def test_a_trial_that_kills_its_workers_is_given_up_and_the_others_go_on(
    engine_of_workers: Opened, tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        if architecture["signal"]:
            os.kill(os.getpid(), architecture["signal"])
        return 1.0

    with engine_of_workers(evaluate, 2) as engine:
        for i, number in enumerate([0, signal.SIGSEGV, 0, signal.SIGKILL, 0, 0]):
            engine.submit(job(tmp_path, i, signal=int(number)))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.status for i in (0, 2, 4, 5)] == [Status.COMPLETED] * 4
    assert [outcomes[i].evaluation.status for i in (1, 3)] == [Status.KILLED] * 2
    assert "was killed by signal 11 (SIGSEGV) (2 times)" in outcomes[1].evaluation.reason
    assert "signal 9 (SIGKILL, perhaps by the system" in outcomes[3].evaluation.reason
    assert "Segmentation fault" in (tmp_path / "0001" / "log.txt").read_text()


def test_a_trial_that_takes_too_long_is_killed(engine_of_workers: Opened, tmp_path: Path) -> None:
    outcome = run(engine_of_workers, lambda architecture, context: time.sleep(60), tmp_path, timeout=0.3)
    assert outcome.evaluation.status is Status.TIMEOUT
    assert outcome.evaluation.reason == "took longer than 0.3 seconds; raise the trial timeout"
    assert 0.3 <= outcome.seconds < 5


def test_a_trial_that_takes_too_much_memory_is_killed(engine_of_workers: Opened, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        hoard = bytearray(os.urandom(1024) * 300_000)
        time.sleep(60)
        return float(len(hoard))

    outcome = run(engine_of_workers, evaluate, tmp_path, memory=200_000_000)
    assert outcome.evaluation.status is Status.OUT_OF_MEMORY
    assert re.match(r"used \d+ MB, a worker may use 200 MB", outcome.evaluation.reason)


def test_a_worker_has_one_thread_and_an_environment_of_its_own(
    engine_of_workers: Opened, tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        import torch

        names = ["OMP_NUM_THREADS", "MALLOC_MMAP_THRESHOLD_"]
        return Evaluation(
            Status.COMPLETED, {"threads": torch.get_num_threads()}, details={n: os.environ[n] for n in names}
        )

    evaluation = run(engine_of_workers, evaluate, tmp_path).evaluation
    assert evaluation.metrics == {"threads": 1}
    assert evaluation.details == {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}


def counting(architecture: dict[str, Any], context: Context) -> float:
    """Report until asked to stop."""
    step = 0
    while context.report(step, step / 2):
        step += 1
        time.sleep(0.01)
    return 1.0


def test_reports_arrive_and_a_trial_can_be_stopped(any_engine: Opened, tmp_path: Path) -> None:
    with any_engine(counting) as engine:
        reports = []

        def progress(number: int, step: float, value: float) -> None:
            reports.append((number, step, value))
            if len(reports) == 2:
                engine.stop(number)

        engine.progress = progress
        engine.submit(job(tmp_path, 5))
        outcome = finish(engine)[5]
    assert reports[0] == (5, 0, 0)
    assert len(outcome.evaluation.curve) >= len(reports), "reports may be thinned out, the curve is not"
    assert outcome.evaluation.curve[0] == (0, 0)


def test_reports_of_workers_are_thinned_out_and_the_curve_is_not(
    engine_of_workers: Opened, tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        for step in range(100):
            context.report(step, step)
            time.sleep(0.002)
        return 1.0

    reports: list[float] = []
    with engine_of_workers(evaluate) as engine:
        engine.progress = lambda number, step, value: reports.append(step)
        engine.submit(job(tmp_path))
        outcome = finish(engine)[0]
    assert [step for step, _ in outcome.evaluation.curve] == list(range(100))
    assert 1 < len(reports) < 100
    assert reports == sorted(reports)


def test_the_seed_the_folders_and_the_architecture_reach_the_trial(
    any_engine: Opened, tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        (context.folder / "own.txt").write_text((context.source / "earlier.txt").read_text())
        details = {"trained": context.trained, "architecture": architecture}
        return Evaluation(Status.COMPLETED, {"seed": context.seed}, details=details)

    (tmp_path / "0003").mkdir()
    (tmp_path / "0003" / "earlier.txt").write_text("weights")
    with any_engine(evaluate) as engine:
        engine.submit(replace(job(tmp_path, 7, width=2), seed=11, source=tmp_path / "0003", trained=True))
        evaluation = finish(engine)[7].evaluation
    assert evaluation.metrics == {"seed": 11}
    assert evaluation.details == {"trained": True, "architecture": {"width": 2}}
    assert (tmp_path / "0007" / "own.txt").read_text() == "weights"


def test_a_trial_killed_in_the_queue_has_no_outcome(any_engine: Opened, tmp_path: Path) -> None:
    with any_engine(lambda architecture, context: architecture["x"]) as engine:
        for i in range(4):
            engine.submit(job(tmp_path, i, x=float(i)))
        engine.kill(3)
        assert set(engine.running) == {0, 1, 2}
        assert set(finish(engine)) == {0, 1, 2}


def test_a_killed_trial_has_no_outcome(engine_of_workers: Opened, tmp_path: Path) -> None:
    with engine_of_workers(lambda architecture, context: time.sleep(architecture["s"]) or 1.0) as engine:
        engine.submit(job(tmp_path, 0, s=60))
        engine.submit(job(tmp_path, 1, s=60))
        engine.submit(job(tmp_path, 2, s=0))
        engine.wait(0.5)
        engine.kill(0)
        engine.kill(1)
        assert engine.running == (2,)
        assert set(finish(engine)) == {2}


def test_waiting_without_jobs_returns_at_once(any_engine: Opened) -> None:
    with any_engine(counting) as engine:
        assert engine.wait() == []


def test_the_holder_of_the_slot_is_alone(engine_of_workers: Opened, tmp_path: Path) -> None:
    with engine_of_workers(busy, 3) as engine:
        warm_up(engine, tmp_path / "warm", 3)
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


def test_the_engine_itself_can_be_alone(engine_of_workers: Opened, tmp_path: Path) -> None:
    with engine_of_workers(busy, 2) as engine:
        warm_up(engine, tmp_path / "warm", 2)
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


def test_pauses_do_not_count_against_the_timeout(engine_of_workers: Opened, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        while len(list(context.folder.parent.glob("*/held"))) < architecture.get("others", 0):
            time.sleep(0.001)
        evaluation = busy({"work": 0, "hold": 0, **architecture}, context)
        (context.folder / "held").touch()
        return evaluation

    with engine_of_workers(evaluate, 3, timeout=2.2) as engine:
        warm_up(engine, tmp_path / "warm", 3)
        engine.submit(job(tmp_path, 0, others=2))  # is paused for 2.4 s
        engine.submit(job(tmp_path, 1, hold=1.2))
        engine.submit(job(tmp_path, 2, hold=1.2))
        outcomes = finish(engine)
    assert [outcomes[i].evaluation.status for i in range(3)] == [Status.COMPLETED] * 3


def test_the_others_go_on_when_the_holder_dies(engine_of_workers: Opened, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> float:
        if architecture["dies"]:
            with context.exclusive():
                time.sleep(0.1)
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)
        return 1.0

    with engine_of_workers(evaluate, 2, retries=0) as engine:
        engine.submit(job(tmp_path, 0, dies=0))
        engine.submit(job(tmp_path, 1, dies=1))
        outcomes = finish(engine)
    assert outcomes[0].evaluation.status is Status.COMPLETED
    assert outcomes[1].evaluation.status is Status.KILLED
