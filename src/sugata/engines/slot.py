"""The exclusive slot: one worker times something while all others are stopped."""

import time
from collections import deque
from collections.abc import Sequence

from sugata.engines.worker_process import WorkerProcess

LONGEST = 60.0  # seconds; then the others go on, so that a stuck holder does not stop the search


class Slot:
    """Who has the machine alone, and who waits for it.

    Attributes:
        holder: the worker that runs while the others are stopped.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self.holder: WorkerProcess | None = None
        self._waiting: deque[WorkerProcess] = deque()
        self._longest = longest
        self._since = 0.0

    def request(self, worker: WorkerProcess, workers: Sequence[WorkerProcess]) -> None:
        """A worker asks for the slot; it is told when it has it."""
        self._waiting.append(worker)
        self._grant(workers)

    def release(self, worker: WorkerProcess, workers: Sequence[WorkerProcess]) -> None:
        """A worker gives it back; one that has lost it already changes nothing."""
        if worker is self.holder:
            self.holder = None
            self._grant(workers)

    def joined(self, worker: WorkerProcess) -> None:
        """A worker was started: it waits too while the slot is held."""
        if self.holder:
            worker.pause()

    def left(self, worker: WorkerProcess, workers: Sequence[WorkerProcess]) -> None:
        """A worker has ended."""
        self._waiting = deque(other for other in self._waiting if other is not worker)
        self.release(worker, workers)

    def expire(self, workers: Sequence[WorkerProcess]) -> None:
        """Take the slot from a worker that has had it for too long."""
        if self.holder and time.monotonic() - self._since > self._longest:
            self.release(self.holder, workers)

    def _grant(self, workers: Sequence[WorkerProcess]) -> None:
        """Give a free slot to the next in line, or let everybody run."""
        if self.holder:
            return
        if not self._waiting:
            for worker in workers:
                worker.go_on()
            return
        self.holder, self._since = self._waiting.popleft(), time.monotonic()
        for worker in workers:
            if worker is not self.holder:
                worker.pause()
        self.holder.go_on()
        self.holder.send("granted")
