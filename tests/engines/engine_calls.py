"""What the tests of engines have in common: evaluators made of functions, and jobs for them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle

from sugata.engines import Engine, InProcessEngine, Job, LocalEngine, Outcome, RayEngine
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.trial import Proposal, Status

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

Function = Callable[[dict[str, Any], Context], Any]
Opened = Callable[..., Engine]  # of a function, with so many workers and options


def opened(kind: str, function: Function, workers: int = 1, **options: Any) -> Engine:
    """An engine of a kind, ready to work."""
    evaluator = Calls(function)
    if kind == "in_process":
        return InProcessEngine(evaluator)
    if kind == "ray":
        return RayEngine(evaluator, workers, **options)
    engine = LocalEngine(evaluator, workers, **options)
    engine.start()
    return engine


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


def busy(architecture: dict[str, Any], context: Context) -> Evaluation:
    """Write down every millisecond of work; then, where asked for, hold the slot for a while."""
    while len(list(context.folder.parent.iterdir())) < architecture.get("together", 0):
        time.sleep(0.01)
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


def warm_up(engine: Engine, folder: Path, workers: int) -> None:
    """Have all workers of an engine that calls `busy` started: they wait for each other."""
    for i in range(workers):
        engine.submit(job(folder, i, work=0, hold=0, together=workers))
    finish(engine)
