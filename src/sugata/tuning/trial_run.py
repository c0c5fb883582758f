"""One trial: a run of the recipe in a process and a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sugata.engines.worker_process import THREADS, import_path
from sugata.errors import DiskFullError, SugataError
from sugata.recipe import Recipe
from sugata.report.wording import duration
from sugata.run import Result, is_locked
from sugata.run.folder import RECIPE
from sugata.trial import Metric
from sugata.tuning._trial import FULL

LOG = "log.txt"
_PATIENCE = 10.0  # seconds for a process that is to end, or for one of before that still holds the folder


@dataclass(frozen=True)
class Ended:
    """How a run ended: with its winner's score, or with the reason why there is none."""

    score: float | None
    reason: str
    seconds: float


class TrialRun:
    """A run in its process. What it prints goes to ``log.txt`` in its folder."""

    def __init__(self, folder: Path, recipe: Recipe, timeout: float | None) -> None:
        """Start the run, or go on with the one that is in the folder."""
        self.folder = folder
        self._timeout = timeout
        folder.mkdir(parents=True, exist_ok=True)
        _wait_for(folder)
        (folder / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
        self._started = time.monotonic()
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "sugata.tuning._trial"),
                    *("--parent", str(os.getpid()), "--folder", str(folder)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**dict.fromkeys(THREADS, "1"), **os.environ, **import_path()},
                process_group=0,  # the keyboard's Ctrl-C is for the one who looks after all runs
            )

    def ended(self, metric: Metric) -> Ended | None:
        """How it ended; None while it runs. One that takes too long is killed here.

        Raises:
            DiskFullError: it has no space left, which is not the fault of its settings.
        """
        code = self._process.poll()
        seconds = time.monotonic() - self._started
        if code is None:
            if self._timeout is None or seconds < self._timeout:
                return None
            self.stop()
            return Ended(None, f"took longer than {duration(self._timeout)}, and was killed", seconds)
        if code == FULL:
            raise DiskFullError(f"{self.folder}: no space left on the disk; what finished is safe, free some")
        if code:
            return Ended(None, self._last_words(code), seconds)
        return self._score(metric, seconds)

    def stop(self) -> None:
        """End the process; its run can go on later."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _score(self, metric: Metric, seconds: float) -> Ended:
        """The winner's metric on validation data; a run that shipped nothing knows no other."""
        try:
            result = Result(self.folder)
        except SugataError as error:
            return Ended(None, str(error), seconds)
        best = result.best
        if best is None:
            reasons = [trial.reason for trial in result.record.trials if trial.reason]
            return Ended(None, reasons[0] if reasons else "nothing found within the limits", seconds)
        if metric.name not in best.metrics:
            return Ended(None, f"the run's winner has no {metric.name}", seconds)
        return Ended(best.metrics[metric.name], "", seconds)

    def _last_words(self, code: int) -> str:
        """Why a process failed: the last line that it wrote, or the signal that killed it."""
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"killed by {name}{', perhaps for lack of memory' if name == 'SIGKILL' else ''}"
        with suppress(OSError):
            lines = (self.folder / LOG).read_text(errors="replace").split("\n")
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return said[-1].removeprefix("error: ")
        return f"exit code {code}"


def _wait_for(folder: Path) -> None:
    """The run of before may still be ending when its keeper was killed."""
    until = time.monotonic() + _PATIENCE
    while is_locked(folder) and time.monotonic() < until:
        time.sleep(0.05)
