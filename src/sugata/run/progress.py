"""What a person sees while a run works: lines as things happen, and one live line on a terminal."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sugata.objectives import Objectives
from sugata.report.wording import duration, wording
from sugata.trial import Metric, Status, Trial

_NARROWEST = 9  # characters of a metric's column
_SECONDS_BETWEEN_LINES = 60.0  # of what would be live, where there is no terminal


class Progress:
    """Prints to standard error, so that what a command prints as its result can be piped.

    Use it as a context manager around long work; outside, it prints plain lines.
    """

    def __init__(self, *, quiet: bool = False, bar: bool = True) -> None:
        """Begin the clock.

        Args:
            quiet: show nothing.
            bar: on a terminal, show what goes on in a live line.
        """
        self._bar = bar
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live: Live | None = None
        self._started = time.monotonic()
        self._spoken = self._started
        self._text = ""
        self._end: float | None = None

    def __enter__(self) -> Self:
        if self._bar and self._console.is_terminal and sys.stderr.isatty():
            self._live = Live(
                console=self._console,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,
                get_renderable=self._now,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._text = ""
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """One line that stays."""
        self._spoken = time.monotonic()
        self._console.print(Text(f"{self._clock()}  {text}"), soft_wrap=True)

    def show(self, table: Table) -> None:
        """A table that stays."""
        self._spoken = time.monotonic()
        self._console.print(table)

    def now(self, text: str, left: float | None = None) -> None:
        """What is going on: replaces the live line; where there is no terminal, a line now and then.

        Args:
            left: seconds that it is expected to take from now on.
        """
        now = time.monotonic()
        self._set(text, left)
        if self._live is None and now - self._spoken >= _SECONDS_BETWEEN_LINES:
            self.say(str(self._now())[len(self._clock()) + 2 :])

    def interrupted(self, text: str) -> None:
        """The run was interrupted; the text says how to go on."""
        self.say(f"interrupted; {text}")

    def columns(self, objectives: Objectives) -> None:
        """The titles of what :meth:`trial` prints."""
        titles = (wording(metric.name, metric).label for metric in objectives.metrics)
        self.say(
            f"trial  {'rung':<8}" + "".join(f"{title:>{_NARROWEST}}  " for title in titles) + "came from"
        )

    def trial(self, trial: Trial, best: Trial | None, objectives: Objectives, *, name: str = "") -> None:
        """A finished trial, and whether it is the best so far; refused ones are not shown."""
        if trial.status is Status.REFUSED:
            return
        proposal = trial.proposal
        start = f"{'' if name else proposal.number:>5}  {proposal.fidelity.name:<8}"
        if not trial.ok:
            self.say(f"{start}{str(trial.status).replace('_', ' ')}: {trial.reason}  {name}".rstrip())
            return
        values = "".join(_column(metric, trial.metrics.get(metric.name)) for metric in objectives.metrics)
        mark = "  best" if best is trial else "" if objectives.allows(trial) else "  over a limit"
        self.say(f"{start}{values}{name or proposal.origin}{mark}")

    def _set(self, text: str, left: float | None) -> None:
        """What :meth:`_now` shows from now on."""
        self._text, self._end = text, None if left is None else time.monotonic() + left

    def _now(self) -> Text:
        seconds = 0.0 if self._end is None else self._end - time.monotonic()
        left = f", about {duration(round(seconds))} left" if seconds >= 1 else ""
        text = f"{self._clock()}  {self._text}{left}" if self._text else ""
        return Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._started)
        return f"{seconds // 60:>3}:{seconds % 60:02}"


def _column(metric: Metric, value: float | None) -> str:
    words = wording(metric.name, metric, [] if value is None else [value])
    return f"{words.text(value):>{max(_NARROWEST, len(words.label))}}  "


def shown_metric(metric: Metric, value: float) -> str:
    """A metric's value as a person reads it, with its name and unit."""
    words = wording(metric.name, metric, [value])
    return f"{words.label} {words.text(value)}"
