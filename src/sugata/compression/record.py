"""What was done to a model, as plain JSON that the same steps can be taken from again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sugata.errors import SugataError


@dataclass(frozen=True)
class Step:
    """One step of a compression.

    Attributes:
        kind: which function took it: "prune_magnitude", "prune_structured", "quantize", or one of a caller.
        settings: its keyword arguments, plain JSON.
        seed: of its random draws; 0 where it makes none.
        calibration: fingerprint of the calibration data that it read; None where it read none.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    calibration: str | None = None

    def describe(self) -> str:
        """One line for people, such as "quantize: storage int4, method gptq"."""
        said = ", ".join(f"{name} {value}" for name, value in self.settings.items() if value is not None)
        return f"{self.kind.replace('_', ' ')}: {said}" if said else self.kind.replace("_", " ")


@dataclass(frozen=True)
class Record:
    """The steps so far, the first one first."""

    steps: tuple[Step, ...] = ()

    def then(self, step: Step) -> Record:
        """The record with one more step."""
        return Record((*self.steps, step))

    def to_json(self) -> str:
        """A JSON list of objects with the fields of `Step`."""
        return json.dumps([{**vars(step), "settings": dict(step.settings)} for step in self.steps])

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read what `to_json` wrote.

        Raises:
            SugataError: it is something else.
        """
        try:
            return cls(tuple(Step(**step) for step in json.loads(text)))
        except (TypeError, ValueError) as error:
            raise SugataError(f"compression record: not a list of steps ({error}); export again") from None

    def describe(self) -> str:
        """All steps on one line."""
        return "; then ".join(step.describe() for step in self.steps)


NOTHING = Record()  # has been done
