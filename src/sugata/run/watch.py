"""The search as a person sees it: what was found, and how long it goes on."""

import time

from sugata.journal import Event, Note, Record
from sugata.loop import seconds_searched
from sugata.objectives import Objectives
from sugata.recipe import Recipe
from sugata.report.wording import duration, plural
from sugata.run.progress import Progress, shown_metric
from sugata.trial import Status, Trial


class Watch:
    """Shows the search as it goes."""

    def __init__(self, recipe: Recipe, objectives: Objectives, record: Record, progress: Progress) -> None:
        self._progress = progress
        self._objectives = objectives
        self._best = objectives.best(record.trials)
        self._done = sum(map(_counts, record.trials))
        self._earlier = self._done
        self._searched = seconds_searched(record)
        self._budget = recipe.budget.seconds
        self._total = _most_trials(recipe)
        self._started = time.monotonic()
        self._show()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Trial):
            self._done += _counts(event)
            self._best = self._objectives.best([*filter(None, [self._best]), event])  # of all told so far
            self._progress.trial(event, self._best, self._objectives)
            self._show()
        elif isinstance(event, Note) and "end" in event.data:
            self._progress.say(f"the search ends: {event.data['end']}")
        elif isinstance(event, Note) and "warning" in event.data:
            self._progress.say(f"warning: {event.data['warning']}")

    def _show(self) -> None:
        done, best = self._done, self._best
        found = ""
        if best is not None:
            primary = self._objectives.on(best.proposal.fidelity.rung).primary
            found = f", best {shown_metric(primary, best.metrics[primary.name])} (trial {best.number})"
        known = f"{done} of at most {self._total} trials" if self._total else plural(done, "trial")
        self._progress.now(f"{known}{found}", self._left(done))

    def _left(self, done: int) -> float | None:
        """Seconds that the search goes on, as far as they can be known: by the clock, by trials so far."""
        passed = time.monotonic() - self._started
        ends = [] if self._budget is None else [max(0.0, self._budget - self._searched - passed)]
        here = done - self._earlier
        if self._total is not None and here:
            ends.append(passed / here * max(0, self._total - done))
        return min(ends, default=None)


def _counts(trial: Trial) -> bool:
    """Whether it was evaluated, and not just answered."""
    return not trial.cached and trial.status is not Status.REFUSED


def _most_trials(recipe: Recipe) -> int | None:
    """How many evaluations a search has at most; None where only time ends it."""
    capacities = [rung.capacity for rung in recipe.funnel]
    in_funnel = sum(c for c in capacities if c) if capacities and None not in capacities else None
    return min((n for n in (recipe.budget.trials, in_funnel) if n is not None), default=None)


def budget_text(recipe: Recipe) -> str:
    """The search's budget in words."""
    parts = []
    if recipe.budget.seconds:
        parts.append(duration(recipe.budget.seconds))
    if recipe.budget.trials:
        parts.append(plural(recipe.budget.trials, "trial"))
    return "at most " + " or ".join(parts) if parts else "until the strategy is done"
