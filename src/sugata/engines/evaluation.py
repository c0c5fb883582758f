"""Running one evaluation so that whatever happens in it becomes a result, here or in a worker."""

import math
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sugata.engines.base import Job
from sugata.errors import DiskFullError, SugataError
from sugata.evaluators import Evaluation, Evaluator
from sugata.journal import NO_SPACE, dumps, loads
from sugata.trial import Status

LOG = "log.txt"


@dataclass
class TrialContext:
    """What an evaluator sees of the engine; see :class:`sugata.evaluators.Context`.

    Attributes:
        path: the trial's folder, which may not be there yet.
        tell: passes a report on.
        slot: makes a context manager that holds the machine alone.
        stopping: set when the trial was asked to end early.
        curve: everything reported so far.
    """

    seed: int
    path: Path
    source: Path | None
    trained: bool
    tell: Callable[[float, float], None]
    slot: Callable[[], AbstractContextManager[None]] = nullcontext
    stopping: bool = False
    curve: list[tuple[float, float]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The trial's folder, made when it is first asked for."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path

    def report(self, step: float, value: float) -> bool:
        """Report progress of the primary metric; False asks the evaluation to stop early."""
        self.curve.append((float(step), float(value)))
        self.tell(float(step), float(value))
        return not self.stopping

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the machine alone while timing: other workers are paused."""
        return self.slot()


def evaluate(evaluator: Evaluator, job: Job, context: TrialContext) -> Evaluation:
    """Evaluate a job; an exception becomes a failed evaluation, with its traceback in the trial's log.

    Metrics come out as finite Python numbers: an evaluation that says completed and has a NaN diverged.
    Where the evaluator gives no curve, it is made of its reports; else they are among the details.

    Raises:
        DiskFullError: no space is left.
    """
    try:
        evaluation = _checked(evaluator.evaluate(job.proposal, context))
    except DiskFullError:
        raise  # no property of the candidate: the search ends, and is resumed when there is space
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise DiskFullError(f"{error.filename or job.folder}: no space left; free some") from error
        _log(job.folder, traceback.format_exc())
        status = Status.OUT_OF_MEMORY if is_out_of_memory(error) else Status.FAILED
        evaluation = Evaluation(status, reason=one_line(error))
    if not evaluation.curve:
        return replace(evaluation, curve=tuple(context.curve))
    if context.curve:  # it has a curve of its own beside what it reported
        return replace(evaluation, details={**evaluation.details, "reports": context.curve})
    return evaluation


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, torch's on a GPU, or that of torch's CPU allocator."""
    names = {cls.__name__ for cls in type(error).__mro__}
    text = str(error).lower()
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or (
        "RuntimeError" in names and ("can't allocate memory" in text or "not enough memory" in text)
    )


def one_line(error: BaseException) -> str:
    """The error in a line; sugata's own messages say everything without their type."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else ""
    if isinstance(error, SugataError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def encode(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON values."""
    return {
        "status": evaluation.status.value,
        "metrics": evaluation.metrics,
        "reason": evaluation.reason,
        "curve": evaluation.curve,
        "details": evaluation.details,
    }


def decode(data: Any) -> Evaluation:
    """Read what :func:`encode` made, and went through JSON.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is something else.
    """
    return Evaluation(
        status=Status(data["status"]),
        metrics={str(name): float(value) for name, value in data["metrics"].items()},
        reason=str(data["reason"]),
        curve=tuple((float(step), float(value)) for step, value in data["curve"]),
        details=dict(data["details"]),
    )


def _checked(evaluation: object) -> Evaluation:
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"evaluate returned {type(evaluation).__name__}; return an Evaluation")
    evaluation = decode(loads(dumps(encode(evaluation))))
    broken = [name for name, value in evaluation.metrics.items() if not math.isfinite(value)]
    if evaluation.status is Status.COMPLETED and broken:
        reason = ", ".join(f"{name} is {evaluation.metrics[name]}" for name in broken)
        return replace(evaluation, status=Status.DIVERGED, reason=reason)
    return evaluation


def _log(folder: Path, text: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(text)
    except OSError:
        pass  # the reason stands in the journal; the log is a convenience
