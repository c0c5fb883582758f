"""An engine with a clock of its own: any number of workers, replayed in seconds.

The idea of a simulated backend is Syne Tune's (Salinas et al. 2022): results come from a table, how long they
would have taken from a stated cost, and nobody waits. The search itself is the ordinary loop.
"""

import heapq
import math
from collections.abc import Callable

from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.evaluation import TrialContext, one_line
from sugata.evaluators import Evaluation, Evaluator
from sugata.trial import Proposal, Status


class SimulatedEngine(Engine):
    """Evaluates at once, in this process, and delivers by a virtual clock.

    Attributes:
        clock: virtual seconds since the start, those of the last delivery.
        busy: virtual seconds that workers have worked for what was delivered, in all.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        cost: Callable[[Proposal], float] = lambda proposal: 1.0,
        workers: int = 1,
        *,
        synchronous: bool = False,
    ) -> None:
        """Simulate ``workers`` workers.

        Args:
            cost: virtual seconds that a proposal's evaluation takes.
            synchronous: nothing is delivered before everything that runs is finished, as a barrier after
                each generation would have it; else each result is delivered as it comes.
        """
        self.capacity = workers
        self.clock = 0.0
        self.busy = 0.0
        self._evaluator = evaluator
        self._cost = cost
        self._synchronous = synchronous
        self._running: list[tuple[float, int, float, Evaluation]] = []  # a heap by the time of the end

    def submit(self, job: Job) -> None:
        """Start a job on a free worker."""
        seconds = self._cost(job.proposal)
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"trial {job.number} would take {seconds} seconds")
        evaluation = self._evaluate(job)
        heapq.heappush(self._running, (self.clock + seconds, job.number, seconds, evaluation))

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Move the clock to the next end, or, synchronous, to the last; takes no time itself."""
        if not self._running:
            return []
        ended = [heapq.heappop(self._running)]
        while self._running and (self._synchronous or self._running[0][0] == ended[0][0]):
            ended.append(heapq.heappop(self._running))
        self.clock = ended[-1][0]
        self.busy += sum(seconds for _, _, seconds, _ in ended)
        return [Outcome(number, evaluation, seconds) for _, number, seconds, evaluation in ended]

    @property
    def running(self) -> tuple[int, ...]:
        """What was submitted and not delivered."""
        return tuple(number for _, number, _, _ in self._running)

    def kill(self, number: int) -> None:
        """Forget a running job."""
        self._running = [entry for entry in self._running if entry[1] != number]
        heapq.heapify(self._running)

    def stop(self, number: int) -> None:
        """Nothing to stop: evaluations have ended when they are submitted."""

    def close(self) -> None:
        """Forget everything."""
        self._running.clear()

    def _evaluate(self, job: Job) -> Evaluation:
        """Without a folder of its own: a table writes nothing, and a benchmark has millions of trials."""
        context = TrialContext(job.seed, job.folder, job.source, job.trained, lambda step, value: None)
        try:
            evaluation = self._evaluator.evaluate(job.proposal, context)
        except Exception as error:
            return Evaluation(Status.FAILED, reason=one_line(error))
        broken = [name for name, value in evaluation.metrics.items() if not math.isfinite(value)]
        if evaluation.status is Status.COMPLETED and broken:
            return Evaluation(Status.DIVERGED, evaluation.metrics, f"{', '.join(broken)} not finite")
        return evaluation
