"""An engine without processes: for debugging, tests, and evaluators that cannot be sent to a worker."""

import time
from collections import deque

from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.evaluation import TrialContext, evaluate
from sugata.evaluators import Evaluator


class InProcessEngine(Engine):
    """Runs one job at a time in this process, whenever it is waited for.

    Nothing protects it from an evaluation: there are no limits of time and memory, and a crash ends it.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._jobs: deque[Job] = deque()
        self._current: tuple[Job, TrialContext] | None = None

    @property
    def window(self) -> int:
        """Enough for one sync of the journal to serve several evaluations: they may take less than it."""
        return 8

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Run the next job, however long it takes."""
        if not self._jobs:
            return []
        job = self._jobs.popleft()
        context = TrialContext(
            job.seed, job.folder, job.source, job.trained, lambda step, value: self._report(job, step, value)
        )
        self._current = job, context
        started = time.monotonic()
        try:
            evaluation = evaluate(self._evaluator, job, context)
        finally:
            self._current = None
        return [Outcome(job.number, evaluation, time.monotonic() - started)]

    @property
    def running(self) -> tuple[int, ...]:
        """What is queued, and what is being run (as seen from its reports)."""
        current = [self._current[0].number] if self._current else []
        return tuple(current + [job.number for job in self._jobs])

    def kill(self, number: int) -> None:
        """Take a job out of the queue; the one being run cannot be killed, only stopped."""
        self._jobs = deque(job for job in self._jobs if job.number != number)

    def stop(self, number: int) -> None:
        """Make the next report of the running trial return False."""
        if self._current and self._current[0].number == number:
            self._current[1].stopping = True

    def close(self) -> None:
        """Forget the queue."""
        self._jobs.clear()

    def _report(self, job: Job, step: float, value: float) -> None:
        if self.progress:
            self.progress(job.number, step, value)
