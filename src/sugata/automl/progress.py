"""What a person sees of a fit: the best so far and the time left, in a terminal, a notebook or a file."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from sugata.automl.notebook import Cell, in_notebook
from sugata.errors import TaskError
from sugata.objectives import Objectives
from sugata.run import Progress
from sugata.trial import Status, Trial

Callback = Callable[[Trial], Any]


class FitProgress(Progress):
    """Prints as a run does, but of trials only those that are the best so far, unless asked for all.

    Args:
        verbose: 0 shows nothing; 1 what is new and a live line; 2 every trial.
        callbacks: one or several; are called with every finished trial; one that raises KeyboardInterrupt
            ends the search, as Ctrl-C does.
    """

    def __init__(self, verbose: int = 1, callbacks: Callback | Sequence[Callback] | None = None) -> None:
        super().__init__(quiet=verbose == 0)
        self._verbose = verbose
        self._callbacks = [callbacks] if callable(callbacks) else list(callbacks or ())
        for callback in self._callbacks:
            if not callable(callback):
                raise TaskError(
                    f"callbacks: {type(callback).__name__} cannot be called; give functions that take a trial"
                )
        self._cell = Cell(lambda: str(self._now())) if verbose > 0 and in_notebook() else None

    def __enter__(self) -> Self:
        super().__enter__()
        if self._cell is not None:
            self._cell.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cell is not None:
            self._cell.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """One line that stays."""
        if self._cell is None:
            super().say(text)
        else:
            self._cell.add(f"{self._clock()}  {text}")

    def now(self, text: str, left: float | None = None) -> None:
        """What is going on, in a live line where there can be one."""
        if self._cell is None:
            super().now(text, left)
        else:
            self._set(text, left)

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
