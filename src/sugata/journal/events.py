"""What a journal holds: asks, tells and notes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sugata.journal.lines import trial_from_line
from sugata.trial import Proposal, Trial

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
        return [trial_from_line(data, pending[data["number"]]) for data in waiting]

    def notes(self, kind: str) -> list[Note]:
        """All notes of a kind."""
        return [event for event in self.events if isinstance(event, Note) and event.kind == kind]
