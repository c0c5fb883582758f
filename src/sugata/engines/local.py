"""Worker processes on this machine."""

import math
import os
import select
import selectors
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sugata.engines import resources
from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.evaluation import decode
from sugata.engines.in_process import InProcessEngine
from sugata.engines.messages import Garbled
from sugata.engines.pickling import Unsendable, in_file, pickled
from sugata.engines.slot import Slot
from sugata.engines.worker_process import WorkerProcess
from sugata.errors import DiskFullError, TaskError
from sugata.evaluators import Evaluation, Evaluator
from sugata.machine import free_memory
from sugata.trial import Status

_DYING = 2.0  # seconds that a worker whose pipe has ended may take to be gone
_TICK = 0.2  # seconds between looks at memory, clocks and processes
_LONGEST_START = 300.0  # seconds
_MOST_STARTS = 3  # workers in a row that die before they are ready
_SHARE_OF_MEMORY = 0.9
_BELL = "bell"


class LocalEngine(Engine):
    """Runs each job in a worker process of one thread, or one a GPU, and outlives whatever it does.

    Workers are reused. They are killed when they exceed the time or the memory, and die with this process
    (on Linux: with the thread that started them, so wait in the thread that goes on living). The engine
    acts while it is waited for: in between, workers work on, but limits and requests wait.
    """

    def __init__(
        self,
        evaluator: Evaluator | bytes,
        workers: int | None = None,
        *,
        memory: int | None = None,
        timeout: float | None = None,
        retries: int = 1,
        environments: Sequence[dict[str, str]] = (),
    ) -> None:
        """Start the workers.

        Args:
            evaluator: what evaluates, or what :func:`sugata.engines.pickling.pickled` made of it.
            workers: how many; None is one a GPU, or one a CPU core.
            memory: bytes that a worker and its children may hold; None is an equal share of what is free.
            timeout: seconds that a trial may take.
            retries: how often a trial is run again whose worker died.
            environments: of each worker, by which it is also given its GPUs and threads; none are those of
                a worker with one GPU, if there is one, and one thread.

        Raises:
            Unsendable: the evaluator cannot be pickled.
        """
        self._environments = environments or [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in resources.gpus()]
        self.capacity = workers or len(self._environments) or resources.cores()
        self._memory = memory or int(free_memory() * _SHARE_OF_MEMORY / self.capacity)
        self._timeout = timeout
        self._retries = retries
        self._evaluator = in_file(evaluator if isinstance(evaluator, bytes) else pickled(evaluator))
        self._workers: list[WorkerProcess | None] = [None] * self.capacity
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = os.pipe()
        self._selector.register(self._bell, selectors.EVENT_READ, _BELL)
        self._slot = Slot()
        self._queue: deque[Job] = deque()
        self._outcomes: list[Outcome] = []
        self._deaths: dict[int, int] = {}  # by trial
        self._failed_starts = 0
        self._looked = 0.0
        self._rung = False
        for index in range(self.capacity):
            self._start_worker(index)

    # -- the contract -----------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Queue a job; it starts as soon as a worker is free."""
        self._queue.append(job)
        self._dispatch()

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Outcomes that have arrived.

        While a trial holds the machine alone nothing is returned, so that the caller stays quiet too.

        Raises:
            Unsendable: a worker cannot load the evaluator.
            DiskFullError: a trial has no space left on the disk.
            TaskError: workers die before they are ready.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        left = math.inf
        self._rung = False
        while self.running and left > 0 and not self._rung and (not self._outcomes or self._slot.holder):
            left = until - time.monotonic()
            self._step(min(_TICK, max(0.0, left)))
        if self._rung and self._slot.holder:
            return []
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def ring(self) -> None:
        """Have :meth:`wait` return at once; the one thing that another thread may do."""
        os.write(self._rope, b"!")

    @property
    def running(self) -> tuple[int, ...]:
        """Trials without a returned outcome."""
        jobs = [worker.job for worker in self._alive() if worker.job] + list(self._queue)
        return tuple([job.number for job in jobs] + [outcome.number for outcome in self._outcomes])

    def kill(self, number: int) -> None:
        """End a trial and its worker at once."""
        self._queue = deque(job for job in self._queue if job.number != number)
        self._outcomes = [outcome for outcome in self._outcomes if outcome.number != number]
        for worker in self._alive():
            if worker.job and worker.job.number == number:
                self._end(worker)

    def stop(self, number: int) -> None:
        """Ask a trial to end early."""
        for worker in self._alive():
            if worker.job and worker.job.number == number:
                worker.send("stop", number)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the machine alone in this process, once no worker does: all workers are stopped meanwhile."""
        while self._slot.holder:
            self._step(_TICK)
        workers = self._alive()
        for worker in workers:
            worker.pause()
        try:
            yield
        finally:
            for worker in workers:
                worker.go_on()

    def close(self) -> None:
        """Kill all workers."""
        self._queue.clear()
        for worker in self._alive():
            self._end(worker)
        self._selector.close()
        self._evaluator.close()
        os.close(self._bell)
        os.close(self._rope)

    # -- inside -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Wait until the first worker is ready.

        Raises:
            Unsendable: it cannot load the evaluator.
            TaskError: workers die before they are ready.
        """
        while not any(worker.ready for worker in self._alive()):
            self._step(_TICK)

    def _step(self, timeout: float) -> None:
        """Hear what workers say, then look after them."""
        for key, _ in self._selector.select(timeout):
            if key.data is _BELL:
                os.read(self._bell, 1 << 10)
                self._rung = True
            elif key.data in self._workers:
                self._hear(key.data)
        self._slot.expire(self._alive())
        if time.monotonic() - self._looked >= _TICK:
            self._look()
            self._looked = time.monotonic()
        self._dispatch()

    def _dispatch(self) -> None:
        """Give queued jobs to ready workers, starting those that are missing."""
        for index, worker in enumerate(self._workers):
            if worker is None:
                self._start_worker(index)
            elif self._queue and worker.ready and worker.job is None:
                worker.start(self._queue.popleft())

    def _hear(self, worker: WorkerProcess) -> None:
        try:
            messages = worker.inbox.receive()
            if messages is None:
                self._broke(worker, None)
                return
            for message in messages:
                if worker in self._workers:  # a report may have made the caller kill it
                    self._handle(worker, message)
        except (Garbled, ValueError, TypeError, KeyError, AttributeError) as error:
            self._broke(worker, f"sent something unreadable ({error})")

    def _handle(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "ready":
            worker.ready, self._failed_starts = True, 0
        elif kind == "unfit":
            raise Unsendable(str(message["reason"]))
        elif kind == "full":
            raise DiskFullError(str(message["reason"]))
        elif kind == "exclusive":
            self._slot.request(worker, self._alive())
        elif kind == "release":
            self._slot.release(worker, self._alive())
        elif worker.job is None or message["number"] != worker.job.number:
            raise ValueError(f"{kind} of a trial it does not have")
        elif kind == "started":
            worker.began()
        elif kind == "report":
            step, value = float(message["step"]), float(message["value"])
            if self.progress:
                self.progress(worker.job.number, step, value)
        elif kind == "done":
            self._finish(worker, decode(message["evaluation"]))
        else:
            raise ValueError(f"unknown message {kind!r}")

    def _finish(self, worker: WorkerProcess, evaluation: Evaluation) -> None:
        assert worker.job is not None
        self._outcomes.append(Outcome(worker.job.number, evaluation, worker.seconds))
        worker.job = None

    def _look(self) -> None:
        """Check processes, clocks and memory."""
        for worker in self._alive():
            if worker.dead:
                # What it said last is read first. Then the pipe ends, unless a child of its holds it open.
                if not select.select([worker.inbox.descriptor], [], [], 0)[0]:
                    self._broke(worker, None)
            elif not worker.ready and worker.age > _LONGEST_START:
                self._broke(worker, f"was not ready after {_LONGEST_START:g} seconds")
            elif worker.job is None or worker.paused:
                continue
            elif self._timeout is not None and worker.seconds > self._timeout:
                reason = f"took longer than {self._timeout:g} seconds; raise the trial timeout"
                self._finish(worker, Evaluation(Status.TIMEOUT, reason=reason))
                self._end(worker)
            elif (used := worker.memory) > self._memory:
                reason = f"used {used / 1e6:.0f} MB, a worker may use {self._memory / 1e6:.0f} MB"
                self._finish(worker, Evaluation(Status.OUT_OF_MEMORY, reason=reason))
                self._end(worker)

    def _broke(self, worker: WorkerProcess, what: str | None) -> None:
        """A worker is of no use any more: its trial is tried again, then given up."""
        job, ready, seconds = worker.job, worker.ready, worker.seconds
        ending = self._end(worker, patience=0.0 if what else _DYING)
        reason = f"its worker {what or ending}"
        if not ready:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_STARTS:
                raise TaskError(f"engine: workers do not start; the last one {what or ending}")
        if job is None:
            return
        self._deaths[job.number] = self._deaths.get(job.number, 0) + 1
        if self._deaths[job.number] <= self._retries:
            self._queue.appendleft(job)
        else:
            evaluation = Evaluation(Status.KILLED, reason=f"{reason} ({self._deaths[job.number]} times)")
            self._outcomes.append(Outcome(job.number, evaluation, seconds))

    def _start_worker(self, index: int) -> None:
        environment = self._environments[index % len(self._environments)] if self._environments else {}
        worker = WorkerProcess(self._evaluator.fileno(), environment)
        self._workers[index] = worker
        self._selector.register(worker.inbox.descriptor, selectors.EVENT_READ, worker)
        self._slot.joined(worker)

    def _end(self, worker: WorkerProcess, patience: float = 0.0) -> str:
        self._selector.unregister(worker.inbox.descriptor)
        self._workers[self._workers.index(worker)] = None
        ending = worker.end(patience)
        self._slot.left(worker, self._alive())
        return ending

    def _alive(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker is not None]


def open_engine(
    evaluator: Evaluator,
    workers: int | None = None,
    *,
    memory: int | None = None,
    timeout: float | None = None,
    retries: int = 1,
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Engine:
    """Start worker processes for an evaluator, or, where it cannot be sent to them, run it in this process.

    Args:
        workers: as for :class:`LocalEngine`; 0 asks for this process.
        warn: is given the one line that says why it runs in this process.
    """
    if workers == 0:
        return InProcessEngine(evaluator)
    engine = None
    try:
        engine = LocalEngine(evaluator, workers, memory=memory, timeout=timeout, retries=retries)
        engine.start()
        return engine
    except Unsendable as error:
        if engine:
            engine.close()
        warn(f"evaluating in this process, one trial at a time: workers cannot load the evaluator ({error})")
        return InProcessEngine(evaluator)
    except BaseException:
        if engine:
            engine.close()
        raise
