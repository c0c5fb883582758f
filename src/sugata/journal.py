"""The record of a run: one JSON object a line, written and synced before anything is done because of it.

The first line is a header; then come, in the order in which the strategy saw them, ``ask`` (a proposal)
and ``tell`` (its result) lines, and between them ``note`` lines: whatever else a run must not forget.
Nothing is pickled, so ``jq`` and pandas read it. JSON has no NaN or infinity: they are written as
``{"$float": "nan"}``, ``{"$float": "inf"}`` and ``{"$float": "-inf"}``.
"""

import errno
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from types import TracebackType
from typing import Any

from sugata.errors import DiskFullError, JournalError
from sugata.trial import Fidelity, Proposal, Status, Trial

VERSION = 1
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FINISHED = "finished"  # the kind of a note that holds a result before it is told


@dataclass(frozen=True)
class Note:
    """Something else worth remembering: a finished stage, a warning.

    Attributes:
        kind: what it is about, such as ``search``.
        data: JSON values.
    """

    kind: str
    data: Mapping[str, Any]


Event = Proposal | Trial | Note


@dataclass(frozen=True)
class Record:
    """What a journal holds.

    Attributes:
        header: the first line: ``version``, ``sugata``, ``time`` and what the run added.
        events: everything after it, in order.
        times: when each event was recorded, seconds since 1970.
    """

    header: Mapping[str, Any]
    events: tuple[Event, ...]
    times: tuple[float, ...]

    @property
    def trials(self) -> list[Trial]:
        """Every told trial, in the order of telling."""
        return [event for event in self.events if isinstance(event, Trial)]

    @property
    def pending(self) -> list[Proposal]:
        """What was asked for and not yet told."""
        told = {trial.number for trial in self.trials}
        asked = [event for event in self.events if isinstance(event, Proposal)]
        return [proposal for proposal in asked if proposal.number not in told]

    @property
    def finished(self) -> list[Trial]:
        """Pending proposals whose result is known: it waits for its turn to be told."""
        pending = {proposal.number: proposal for proposal in self.pending}
        waiting = [note.data for note in self.notes(FINISHED) if note.data["number"] in pending]
        return [_trial(data, pending[data["number"]]) for data in waiting]

    def notes(self, kind: str) -> list[Note]:
        """All notes of a kind."""
        return [event for event in self.events if isinstance(event, Note) and event.kind == kind]


class Journal:
    """A journal open for writing.

    Events are collected by :meth:`ask`, :meth:`tell` and :meth:`finished` and become durable together at
    the next :meth:`sync`; a :meth:`note` is durable at once. They are written at a known offset, so that
    a write that was cut short is completed or overwritten by the next one, never appended to.
    """

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = size
        self._lines: list[bytes] = []

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> "Journal":
        """Begin a new journal.

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
        journal = cls(path, descriptor, 0)
        try:
            journal._add("header", {"version": VERSION, "sugata": installed_version("sugata"), **header})
            journal.sync()
            _sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return journal

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Go on with a journal; a torn last line is cut off for good.

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

    def ask(self, proposal: Proposal) -> None:
        """Record that the strategy proposed this."""
        self._add("ask", _proposal_data(proposal))

    def tell(self, trial: Trial) -> None:
        """Record a result that the strategy is about to learn."""
        self._add("tell", _trial_data(trial))

    def finished(self, trial: Trial) -> None:
        """Record a result before it is told: it waits for its turn."""
        self._add("note", {"kind": FINISHED, "data": _trial_data(trial)})

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Record anything else, durable at once."""
        self._add("note", {"kind": kind, "data": data})
        self.sync()

    def sync(self) -> None:
        """Make everything recorded so far durable.

        Raises:
            DiskFullError: no space is left; what was synced before is safe.
            JournalError: the file cannot be written.
        """
        if not self._lines:
            return
        content = memoryview(b"".join(self._lines))
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._descriptor, content[written:], self._size + written)
            os.fsync(self._descriptor)
        except OSError as error:
            raise _write_error(self.path, error) from error
        self._lines, self._size = [], self._size + len(content)

    def close(self) -> None:
        """Sync and close."""
        if self._descriptor < 0:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, event: str, data: Mapping[str, Any]) -> None:
        line = dumps({"event": event, "time": round(time.time(), 3), **data})
        self._lines.append(line.encode() + b"\n")


def read(path: Path) -> Record:
    """Read a journal, also while it is being written; a torn last line is ignored.

    Raises:
        JournalError: missing, not a journal, written by a newer version, or a broken line (with its number).
    """
    return _parse(path, _content(path))


def dumps(value: Any) -> str:
    """One line of JSON; numpy and torch values become lists and numbers.

    Raises:
        TypeError: something JSON cannot hold.
    """
    return json.dumps(_plain(value), allow_nan=False)


def loads(text: str | bytes) -> Any:
    """Read what :func:`dumps` wrote.

    Raises:
        ValueError: not JSON.
    """
    return json.loads(text, object_hook=_special_float)


def trial_to_data(trial: Trial) -> dict[str, Any]:
    """A trial with its proposal as JSON values, for a note about a trial that is not the strategy's."""
    return {"proposal": _proposal_data(trial.proposal), "trial": _trial_data(trial)}


def trial_from_data(data: Mapping[str, Any]) -> Trial:
    """Read what :func:`trial_to_data` made.

    Raises:
        KeyError: something is missing.
    """
    return _trial(data["trial"], _proposal(data["proposal"]))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def _special_float(data: dict[str, Any]) -> Any:
    return float(data["$float"]) if data.keys() == {"$float"} else data


def _proposal_data(proposal: Proposal) -> dict[str, Any]:
    data: dict[str, Any] = {
        "number": proposal.number,
        "architecture": dict(proposal.architecture),
        "fidelity": asdict(proposal.fidelity),
        "origin": proposal.origin,
    }
    if proposal.continues is not None:
        data["continues"] = proposal.continues
    if proposal.parents:
        data["parents"] = proposal.parents
    return data


def _proposal(data: Mapping[str, Any]) -> Proposal:
    return Proposal(
        number=int(data["number"]),
        architecture=dict(data["architecture"]),
        fidelity=Fidelity(**data["fidelity"]),
        continues=data.get("continues"),
        origin=data["origin"],
        parents=tuple(data.get("parents", ())),
    )


def _trial_data(trial: Trial) -> dict[str, Any]:
    data: dict[str, Any] = {
        "number": trial.number,
        "status": trial.status.value,
        "metrics": dict(trial.metrics),
        "seconds": trial.seconds,
    }
    optional = {
        "reason": trial.reason,
        "curve": trial.curve,
        "cached": trial.cached,
        "details": trial.details,
    }
    return data | {name: value for name, value in optional.items() if value}


def _trial(data: Mapping[str, Any], proposal: Proposal) -> Trial:
    return Trial(
        proposal=proposal,
        status=Status(data["status"]),
        metrics=dict(data["metrics"]),
        reason=data.get("reason", ""),
        seconds=data["seconds"],
        curve=tuple((step, value) for step, value in data.get("curve", ())),
        cached=data.get("cached", False),
        details=dict(data.get("details", {})),
    )


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
        proposal = _proposal(data)
        if proposal.number in pending:
            raise ValueError(f"trial {proposal.number} is asked for twice")
        pending[proposal.number] = proposal
        return proposal
    if kind == "tell":
        number = data["number"]
        if number not in pending:
            raise ValueError(f"trial {number} is told, but was not asked for or is told twice")
        return _trial(data, pending.pop(number))
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
