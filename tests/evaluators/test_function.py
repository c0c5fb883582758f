import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sugata.engines import InProcessEngine, Job
from sugata.errors import TaskError
from sugata.evaluators import Evaluation, FunctionEvaluator
from sugata.trial import Metric, Proposal, Status

ACCURACY = Metric("accuracy", direction="maximize")
SIZE = Metric("size", "bytes")


class FakeContext:
    seed = 7
    folder = Path()
    source = None
    trained = False

    def __init__(self, go_on: bool = True) -> None:
        self.go_on = go_on

    def report(self, step: float, value: float) -> bool:
        return self.go_on

    def exclusive(self) -> Any:
        return nullcontext()


def call(function: Any, *metrics: Metric, go_on: bool = True) -> Evaluation:
    evaluator = FunctionEvaluator(function, metrics or (ACCURACY,))
    return evaluator.evaluate(Proposal(0, {"depth": 2}), FakeContext(go_on))


@pytest.mark.parametrize("number", [1, 0.5, np.float32(0.5), np.array(0.5), np.int64(3)])
def test_a_number_is_the_first_metric(number: Any) -> None:
    evaluation = call(lambda architecture: number)
    assert evaluation == Evaluation(Status.COMPLETED, {"accuracy": float(number)})
    assert type(evaluation.metrics["accuracy"]) is float


def test_a_dictionary_has_several_metrics() -> None:
    evaluation = call(
        lambda architecture: {"accuracy": architecture["depth"], "size": 10, "more": 2, "name": "x"},
        ACCURACY,
        SIZE,
    )
    assert evaluation.metrics == {"accuracy": 2.0, "size": 10.0, "more": 2.0}


def test_the_architecture_is_a_dictionary_of_its_own() -> None:
    proposal = Proposal(0, {"depth": 2})
    evaluator = FunctionEvaluator(lambda architecture: architecture.pop("depth"), [ACCURACY])
    evaluator.evaluate(proposal, FakeContext())
    assert proposal.architecture == {"depth": 2}


def test_the_context_is_given_to_those_who_want_it() -> None:
    assert call(lambda architecture, context: context.seed).metrics == {"accuracy": 7.0}
    assert call(lambda architecture, *, context: context.seed).metrics == {"accuracy": 7.0}


def test_a_function_that_was_asked_to_stop_is_stopped() -> None:
    def evaluate(architecture: Any, context: Any) -> float:
        context.report(1, 0.5)
        return 0.5

    assert call(evaluate).status is Status.COMPLETED
    assert call(evaluate, go_on=False) == Evaluation(Status.STOPPED, {"accuracy": 0.5})


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "evaluate returned None; return the accuracy as a number, or a dictionary of metrics"),
        ("0.5", "evaluate returned '0.5'; return"),
        (True, "evaluate returned True; return"),
        ([0.5], r"evaluate returned \[0.5\]; return"),
        (np.zeros(2), r"evaluate returned array\(\[0., 0.\]\); return"),
        ({"size": 1}, "evaluate returned no 'accuracy', only size; return a dictionary with accuracy, size"),
        ({}, "evaluate returned no 'accuracy', only nothing"),
        ({"accuracy": "high", "size": 1}, "evaluate returned accuracy='high'; return a number"),
        (0.5, "evaluate returned no 'size', only accuracy"),
    ],
)
def test_what_is_no_metric_is_said_in_one_line(returned: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        call(lambda architecture: returned, ACCURACY, SIZE)


def test_a_wrong_return_value_is_a_failed_trial(tmp_path: Path) -> None:
    with InProcessEngine(FunctionEvaluator(lambda architecture: None, [ACCURACY])) as engine:
        engine.submit(Job(Proposal(0, {}), 0, tmp_path / "0"))
        [outcome] = engine.wait()
    assert outcome.evaluation.status is Status.FAILED
    assert outcome.evaluation.reason.startswith("evaluate returned None")


def test_a_function_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FunctionEvaluator("math:sqrt", [ACCURACY]).function is math.sqrt
    (tmp_path / "my_search_module.py").write_text("class A:\n    f = staticmethod(lambda architecture: 1)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    assert FunctionEvaluator("my_search_module:A.f", [ACCURACY]).function({}) == 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("math", "evaluate='math' names no function; write it as module:name"),
        ("math:", "names no function"),
        ("math:nothing", "evaluate='math:nothing': module math has no nothing"),
        ("no_such_module:f", r"module no_such_module cannot be imported \(No module named"),
        ("math:pi", "evaluate=3.14.* is no function"),
        (5, "evaluate=5 is no function; give a function or 'module:name'"),
        (lambda: 1, "takes no architecture"),
        (lambda context: 1, "takes no architecture"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused(function: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        FunctionEvaluator(function, [ACCURACY])


def test_the_fingerprint_changes_with_source_and_metrics() -> None:
    def first(architecture: Any) -> float:
        return 1.0

    def second(architecture: Any) -> float:
        return 2.0

    fingerprint = FunctionEvaluator(first, [ACCURACY]).fingerprint()
    assert fingerprint == FunctionEvaluator(first, [ACCURACY]).fingerprint()
    assert fingerprint != FunctionEvaluator(second, [ACCURACY]).fingerprint()
    assert fingerprint != FunctionEvaluator(first, [SIZE]).fingerprint()
    assert FunctionEvaluator(math.sqrt, [SIZE]).fingerprint()
