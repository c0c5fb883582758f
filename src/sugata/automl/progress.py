"""What a person sees of a fit: the best so far and the time left, in a terminal, a notebook or a file."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from sugata.errors import TaskError
from sugata.objectives import Objectives
from sugata.run import Progress
from sugata.trial import Status, Trial

Callback = Callable[[Trial], Any]
_SECONDS_BETWEEN = 0.25  # of changes of a notebook's live line
_WIDTH = 110


class FitProgress(Progress):
    """Prints as a run does, but of trials only those that are the best so far, unless asked for all.

    Args:
        verbose: 0 shows nothing; 1 what is new and a live line; 2 every trial.
        callbacks: are called with every finished trial; one that raises KeyboardInterrupt ends the search, as
            Ctrl-C does.
    """

    def __init__(self, verbose: int = 1, callbacks: Sequence[Callback] | None = None) -> None:
        super().__init__(quiet=verbose == 0)
        self._verbose = verbose
        self._callbacks = list(callbacks or ())
        for callback in self._callbacks:
            if not callable(callback):
                raise TaskError(
                    f"callbacks: {type(callback).__name__} cannot be called; give functions that take a trial"
                )
        self._notebook = verbose > 0 and _in_notebook()
        self._drawn = 0.0
        self._shown = False

    def say(self, text: str) -> None:
        """One line that stays, below which a notebook's live line goes on."""
        self._clear()
        super().say(text)

    def now(self, text: str, left: float | None = None) -> None:
        """What is going on; in a notebook, in one line that is written over."""
        super().now(text, left)
        if self._notebook and time.monotonic() - self._drawn >= _SECONDS_BETWEEN:
            self._drawn, self._shown = time.monotonic(), True
            sys.stderr.write("\r" + str(self._now())[:_WIDTH].ljust(_WIDTH))
            sys.stderr.flush()

    def columns(self, objectives: Objectives) -> None:
        """Titles, where every trial has a line."""
        if self._verbose > 1:
            super().columns(objectives)

    def trial(self, trial: Trial, best: Trial | None, objectives: Objectives, *, name: str = "") -> None:
        """A finished trial."""
        if self._verbose > 1:
            super().trial(trial, best, objectives, name=name)
        elif trial is best:
            self.say(f"best so far: {self._described(trial, objectives)}")
        if trial.status is not Status.REFUSED and not name:
            for callback in self._callbacks:
                callback(trial)

    def interrupted(self, text: str) -> None:
        """Nothing: the fit says what it keeps."""

    def _described(self, trial: Trial, objectives: Objectives) -> str:
        from sugata.run.progress import shown_metric

        found = ", ".join(
            shown_metric(metric, trial.metrics[metric.name])
            for metric in objectives.metrics
            if metric.name in trial.metrics
        )
        return f"{found} (trial {trial.number})"

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * _WIDTH + "\r")
            self._shown = False


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
