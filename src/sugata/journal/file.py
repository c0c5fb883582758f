"""A journal in a file: one JSON object a line, at a known offset, synced on demand."""

import errno
import os
import time
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from sugata.errors import DiskFullError, JournalError
from sugata.journal.events import Event, Note, Record
from sugata.journal.lines import dumps, loads, proposal_from_line, proposal_line, trial_from_line, trial_line
from sugata.trial import Proposal

VERSION = 1
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class JournalFile:
    """Writes events at a known offset, so that a write that was cut short is completed by the next one."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = size
        self._lines: list[bytes] = []
        self._unsynced = False

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> "JournalFile":
        """Begin a new file.

        Raises:
            JournalError: there is already a file of that name.
            DiskFullError: no space is left.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise JournalError(f"{path} exists already; resume that run or choose another folder") from None
        except OSError as error:
            raise _write_error(path, error) from error
        file = cls(path, descriptor, 0)
        try:
            file._add("header", {"version": VERSION, "sugata": installed_version("sugata"), **header})
            file.sync()
            _sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return file

    @classmethod
    def open(cls, path: Path) -> "JournalFile":
        """Go on with a file; a torn last line is cut off for good.

        Raises:
            JournalError: as :func:`read`.
        """
        content = _content(path)
        _parse(path, content)
        whole = content.rfind(b"\n") + 1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            if whole < len(content):
                os.ftruncate(descriptor, whole)
        except OSError as error:
            raise _write_error(path, error) from error
        return cls(path, descriptor, whole)

    def add(self, event: Event) -> None:
        """Take an event, to be written by the next :meth:`write` or :meth:`sync`."""
        if isinstance(event, Proposal):
            self._add("ask", proposal_line(event))
        elif isinstance(event, Note):
            self._add("note", {"kind": event.kind, "data": event.data})
        else:
            self._add("tell", trial_line(event))

    def write(self) -> None:
        """Hand all events to the operating system: they survive this process, but no power failure.

        Raises:
            DiskFullError: no space is left; what was written before is safe.
            JournalError: the file cannot be written.
        """
        if not self._lines:
            return
        content = memoryview(b"".join(self._lines))
        self._unsynced = True
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._descriptor, content[written:], self._size + written)
        except OSError as error:
            raise _write_error(self.path, error) from error
        self._lines, self._size = [], self._size + len(content)

    def sync(self) -> None:
        """Make all events durable.

        Raises:
            DiskFullError, JournalError: as :meth:`write`.
        """
        self.write()
        if not self._unsynced:
            return
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _write_error(self.path, error) from error
        self._unsynced = False

    def record(self) -> Record:
        """What the file holds."""
        return read(self.path)

    def close(self) -> None:
        """Sync and close."""
        if self._descriptor < 0:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, event: str, data: Mapping[str, Any]) -> None:
        line = dumps({"event": event, "time": round(time.time(), 3), **data})
        self._lines.append(line.encode() + b"\n")


def read(path: Path) -> Record:
    """Read a journal, also while it is being written; a torn last line is ignored.

    Raises:
        JournalError: missing, not a journal, written by a newer version, or a broken line (with its number).
    """
    return _parse(path, _content(path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise JournalError(f"{path} does not exist; is this the folder of a run?") from None
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error


def _parse(path: Path, content: bytes) -> Record:
    lines = content.split(b"\n")[:-1]
    header = _header(path, lines)
    events: list[Event] = []
    times: list[float] = []
    pending: dict[int, Proposal] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            data = loads(line)
            events.append(_event(data, pending))
            times.append(float(data["time"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise JournalError(
                f"{path}, line {number} is broken ({what}); put back a copy of the file, or delete this line"
                " and all after it, then resume"
            ) from error
    return Record(header, tuple(events), tuple(times))


def _header(path: Path, lines: list[bytes]) -> dict[str, Any]:
    try:
        header = loads(lines[0])
        if header.pop("event") != "header":
            raise ValueError
        version = int(header["version"])
    except (IndexError, ValueError, KeyError, TypeError, AttributeError):
        raise JournalError(
            f"{path} is not a journal: its first line is no header; start a new run in another folder"
        ) from None
    if version > VERSION:
        raise JournalError(
            f"{path} was written by sugata {header.get('sugata')} (journal version {version}, this one reads"
            f" {VERSION}); update sugata"
        )
    return dict(header)


def _event(data: Any, pending: dict[int, Proposal]) -> Event:
    """Decode one line; ``pending`` has what was asked for and not told before it, and is kept up."""
    kind = data["event"]
    if kind == "note":
        return Note(data["kind"], data["data"])
    if kind == "ask":
        proposal = proposal_from_line(data)
        if proposal.number in pending:
            raise ValueError(f"trial {proposal.number} is asked for twice")
        pending[proposal.number] = proposal
        return proposal
    if kind == "tell":
        number = data["number"]
        if number not in pending:
            raise ValueError(f"trial {number} is told, but was not asked for or is told twice")
        return trial_from_line(data, pending.pop(number))
    raise ValueError(f"unknown event {kind!r}")


def _write_error(path: Path, error: OSError) -> JournalError | DiskFullError:
    if error.errno in NO_SPACE:
        return DiskFullError(
            f"no space left to write {path}; free some space, then: sugata resume {path.parent}"
        )
    return JournalError(f"{path} cannot be written: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; some systems cannot sync a folder, and need not."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
