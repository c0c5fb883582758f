"""What a person sees while a run works: lines as things happen, and one live line on a terminal."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sugata.objectives import Objectives
from sugata.trial import Metric, Status, Trial


class Progress:
    """Prints to standard error, so that what a command prints as its result can be piped.

    Use it as a context manager around long work; outside, it prints plain lines.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live: Live | None = None
        self._started = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._console.is_terminal and sys.stderr.isatty():
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.print(Text(f"{self._clock()}  {text}"), soft_wrap=True)

    def now(self, text: str) -> None:
        """What is going on right now: replaces the live line; nothing where there is no terminal."""
        if self._live is not None:
            self._live.update(Text(f"{self._clock()}  {text}", style="dim"))

    def trial(self, trial: Trial, best: Trial | None, objectives: Objectives, *, name: str = "") -> None:
        """A finished trial, and whether it is the best so far."""
        if trial.status is Status.REFUSED:
            return
        proposal = trial.proposal
        outcome = str(trial.status) if not trial.ok else ""
        measured = [metric for metric in objectives.metrics if trial.ok and metric.name in trial.metrics]
        shown = "  ".join(shown_metric(metric, trial.metrics[metric.name]) for metric in measured)
        mark = "  <- best" if best is trial else ""
        reason = f"  ({trial.reason})" if trial.reason else ""
        self.say(
            f"{name or f'trial {trial.number:>4}'}  {proposal.fidelity.name:<7} {proposal.origin:<10} "
            f"{shown}{outcome}{reason}{mark}"
        )

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._started)
        return f"{seconds // 60:>3}:{seconds % 60:02}"


def shown_metric(metric: Metric, value: float) -> str:
    """A metric's value as a person reads it, with its name and unit."""
    if metric.unit == "bytes":
        return f"{metric.name.removesuffix('_bytes')} {value / 1e6:.2f} MB"
    if metric.unit == "ms":
        return f"{metric.name.removesuffix('_ms')} {value:.2f} ms"
    return f"{metric.name} {value:.4g}{' ' + metric.unit if metric.unit else ''}"
