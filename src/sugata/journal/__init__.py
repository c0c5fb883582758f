"""The record of a run: one JSON object a line, written and synced before anything is done because of it.

The first line is a header; then come, in the order in which the strategy saw them, ``ask`` (a proposal)
and ``tell`` (its result) lines, and between them ``note`` lines: whatever else a run must not forget.
Nothing is pickled, so ``jq`` and pandas read it. JSON has no NaN or infinity: they are written as
``{"$float": "nan"}``, ``{"$float": "inf"}`` and ``{"$float": "-inf"}``.
"""

from sugata.journal.events import FINISHED, Event, Note, Record
from sugata.journal.file import NO_SPACE, VERSION, read
from sugata.journal.journal import Journal
from sugata.journal.lines import dumps, loads, trial_from_data, trial_to_data

__all__ = [
    "FINISHED",
    "NO_SPACE",
    "VERSION",
    "Event",
    "Journal",
    "Note",
    "Record",
    "dumps",
    "loads",
    "read",
    "trial_from_data",
    "trial_to_data",
]
