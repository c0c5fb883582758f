"""A journal that is gone with its process: for searches that take seconds and are never resumed."""

import time
from collections.abc import Mapping
from typing import Any

from sugata.journal.events import Event, Record


class Memory:
    """Keeps events as they are; nothing is encoded, written or waited for."""

    path = None

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._header = dict(header)
        self._events: list[Event] = []
        self._times: list[float] = []

    def add(self, event: Event) -> None:
        """Keep an event."""
        self._events.append(event)
        self._times.append(time.time())

    def write(self) -> None:
        """There is nowhere to write to."""

    def sync(self) -> None:
        """There is nothing to sync."""

    def record(self) -> Record:
        """What was kept so far."""
        return Record(self._header, tuple(self._events), tuple(self._times))

    def close(self) -> None:
        """The events stay readable."""
