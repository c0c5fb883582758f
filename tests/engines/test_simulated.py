from pathlib import Path

import pytest

from sugata.engines import Job, SimulatedEngine
from sugata.evaluators import FunctionEvaluator
from sugata.trial import Metric, Proposal, Status


def job(number: int, x: int = 1) -> Job:
    return Job(Proposal(number, {"x": x}), number, Path("nowhere"))


def engine(workers: int, synchronous: bool = False) -> SimulatedEngine:
    evaluator = FunctionEvaluator(lambda architecture: 10 / architecture["x"], [Metric("score")])
    return SimulatedEngine(
        evaluator, lambda proposal: float(proposal.architecture["x"]), workers, synchronous=synchronous
    )


def test_results_come_in_the_order_of_their_ends() -> None:
    simulated = engine(3)
    for number, cost in enumerate((5, 1, 3)):
        simulated.submit(job(number, cost))
    assert [outcome.number for outcome in simulated.wait()] == [1]
    assert simulated.clock == 1
    simulated.submit(job(3, 1))  # starts at 1, ends at 2
    assert [(o.number, simulated.clock) for _ in range(3) for o in simulated.wait()] == [
        (3, 2),
        (2, 3),
        (0, 5),
    ]
    assert simulated.busy == 5 + 1 + 3 + 1
    assert simulated.wait() == []


def test_a_barrier_delivers_a_generation_at_the_end_of_its_slowest() -> None:
    simulated = engine(3, synchronous=True)
    for number, cost in enumerate((5, 1, 3)):
        simulated.submit(job(number, cost))
    assert [outcome.number for outcome in simulated.wait()] == [1, 2, 0]
    assert simulated.clock == 5


def test_seconds_are_virtual_and_errors_are_results() -> None:
    simulated = engine(2)
    simulated.submit(job(0, 2))
    simulated.submit(job(1, 0))  # divides by zero
    first, second = simulated.wait()[0], simulated.wait()[0]
    assert (first.evaluation.status, first.seconds) == (Status.FAILED, 0)
    assert "ZeroDivisionError" in first.evaluation.reason
    assert (second.evaluation.metrics, second.seconds) == ({"score": 5.0}, 2)


def test_what_is_killed_never_comes() -> None:
    simulated = engine(2)
    simulated.submit(job(0, 1))
    simulated.submit(job(1, 2))
    simulated.kill(0)
    assert simulated.running == (1,)
    assert [outcome.number for outcome in simulated.wait()] == [1]


def test_a_cost_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="would take"):
        engine(1).submit(job(0, -1))
