"""The record of a run, open for writing."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sugata.journal.events import FINISHED, Note, Record
from sugata.journal.file import JournalFile
from sugata.journal.lines import trial_line
from sugata.journal.memory import Memory
from sugata.trial import Proposal, Trial


class Journal:
    """A journal open for writing.

    Events are collected by :meth:`ask`, :meth:`tell` and :meth:`finished`. :meth:`write` lets them survive
    the process, :meth:`sync` also a power failure; a :meth:`note` is durable at once. What survives is
    always a beginning of what was recorded.
    """

    def __init__(self, events: JournalFile | Memory) -> None:
        self._events = events

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> "Journal":
        """Begin a new journal.

        Raises:
            JournalError: there is already a file of that name.
            DiskFullError: no space is left.
        """
        return cls(JournalFile.create(path, header))

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Go on with a journal; a torn last line is cut off for good.

        Raises:
            JournalError: as :func:`sugata.journal.read`.
        """
        return cls(JournalFile.open(path))

    @classmethod
    def in_memory(cls, header: Mapping[str, Any] | None = None) -> "Journal":
        """A journal without a file, for searches that need not survive their process, such as benchmarks."""
        return cls(Memory(header or {}))

    @property
    def path(self) -> Path | None:
        """Its file; None in memory."""
        return self._events.path

    def record(self) -> Record:
        """What it holds: what was written, or, in memory, everything."""
        return self._events.record()

    def ask(self, proposal: Proposal) -> None:
        """Record that the strategy proposed this."""
        self._events.add(proposal)

    def tell(self, trial: Trial) -> None:
        """Record a result that the strategy is about to learn."""
        self._events.add(trial)

    def finished(self, trial: Trial) -> None:
        """Record a result before it is told: it waits for its turn."""
        self._events.add(Note(FINISHED, trial_line(trial)))

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Record anything else, durable at once."""
        self._events.add(Note(kind, data))
        self.sync()

    def write(self) -> None:
        """Let everything recorded so far survive this process.

        Raises:
            DiskFullError: no space is left; what was written before is safe.
            JournalError: the file cannot be written.
        """
        self._events.write()

    def sync(self) -> None:
        """Make everything recorded so far durable.

        Raises:
            DiskFullError, JournalError: as :meth:`write`.
        """
        self._events.sync()

    def close(self) -> None:
        """Sync and close."""
        self._events.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
