"""The contract of an engine: it runs evaluations, several at a time, and survives what they do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sugata.evaluators import Evaluation
from sugata.trial import Proposal


@dataclass(frozen=True)
class Job:
    """One evaluation to run.

    Attributes:
        seed: for every draw of the trial.
        folder: the trial's own, made if need be.
        source: folder of the trial whose training goes on, or whose weights are shared.
        trained: the source already has this training at this fidelity.
    """

    proposal: Proposal
    seed: int
    folder: Path
    source: Path | None = None
    trained: bool = False

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.proposal.number


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        seconds: wall clock, without the time it was paused.
    """

    number: int
    evaluation: Evaluation
    seconds: float


class Engine(ABC):
    """Runs jobs; a context manager that leaves no process behind.

    Attributes:
        capacity: how many jobs run at a time; it may change while the engine is waited for.
        progress: called as ``progress(number, step, value)`` when a running trial reports.
    """

    capacity: int = 1
    progress: Callable[[int, float, float], None] | None = None

    @property
    def window(self) -> int:
        """How many proposals are to be pending: so many that nobody waits for the next one."""
        return 2 * self.capacity

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Queue a job."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Outcomes that have arrived; at least one, unless ``timeout`` seconds pass or nothing runs.

        None also when the capacity has grown, so that more can be submitted.
        """

    @property
    @abstractmethod
    def running(self) -> tuple[int, ...]:
        """Numbers of the trials that were submitted and have no outcome yet."""

    @abstractmethod
    def kill(self, number: int) -> None:
        """End a trial at once, or take it out of the queue; it has no outcome."""

    @abstractmethod
    def stop(self, number: int) -> None:
        """Ask a trial to end early: its next report returns False."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the machine alone in this process, to time something: running trials stand still."""
        yield

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
