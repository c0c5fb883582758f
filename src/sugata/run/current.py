"""One run on its folder: what its stages share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sugata.engines import Engine
from sugata.evaluators import Evaluator
from sugata.journal import Journal
from sugata.run.assembly import Assembly
from sugata.run.engine import engine_of
from sugata.run.feasibility import Feasibility
from sugata.run.progress import Progress
from sugata.run.result import Result

_UNLIMITED = 30 * 24 * 3600.0  # seconds


@dataclass
class Run:
    """One run on its folder: what the stages share.

    Attributes:
        ships: whether the winner is compared with others, exported, scored on test data, and reported.
    """

    assembly: Assembly
    folder: Path
    journal: Journal
    progress: Progress
    ships: bool = True

    @property
    def result(self) -> Result:
        """The run as its journal tells it now."""
        return Result(self.folder)

    def done(self, stage: str) -> bool:
        """Whether a stage has its result; after the search, one that belongs to the search as it is now."""
        names = [note.data["name"] for note in self.result.record.notes("stage")]
        latest = names[::-1].index("search") if "search" in names else 0
        before = stage in ("prepare", "supernet")
        return stage in (names if before else names[len(names) - latest :])

    def searched(self) -> bool:
        """Whether the search has ended, and has not been given a larger budget since."""
        left = self.result.stages.get("search")
        if left is None:
            return False
        now = self.assembly.recipe.budget.model_dump()
        then = left.get("budget", now)
        return not any(_more(now[name], then[name]) for name in now)

    def engine(
        self, evaluator: Evaluator | None = None, *, here: bool = False, alone: bool = False
    ) -> Engine:
        """A new engine for the search's evaluator, or another one.

        Args:
            here: in this process, for what is not worth starting workers.
            alone: one worker at most, for a single training, however long that takes.
        """
        section = self.assembly.recipe.engine
        if alone:
            workers = 0 if section.workers == 0 else 1
            section = section.model_copy(update={"workers": workers, "timeout": _UNLIMITED})
        if here:
            section = section.model_copy(update={"kind": "local", "workers": 0})
        return engine_of(section, evaluator or self.assembly.evaluator, self.progress)

    def feasibility(self, engine: Engine) -> Feasibility:
        """The check of limits, which remembers what was timed in the journal."""
        record, note = self.result.record, self.journal.note
        return Feasibility(
            self.assembly.space,
            self.assembly.evaluator,
            self.assembly.objectives.limits,
            exclusive=engine.paused,
            known={one.data["key"]: one.data["metrics"] for one in record.notes("before_training")},
            remember=lambda key, metrics: note("before_training", {"key": key, "metrics": metrics}),
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """A stage that is about to run; what is put into the dictionary is recorded when it ends."""
        started = time.monotonic()
        left: dict[str, Any] = {}
        yield left
        self.journal.note("stage", {"name": name, "seconds": round(time.monotonic() - started, 2), **left})


def _more(now: float | None, then: float | None) -> bool:
    """Whether a budget has grown; None is unlimited."""
    return then is not None and (now is None or now > then)
