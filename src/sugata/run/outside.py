"""Evaluations that are not the strategy's: winners, baselines, and what ranks are compared on."""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sugata import journal as journals
from sugata.engines import Engine, Job, Outcome
from sugata.loop import trial_seed
from sugata.report.wording import plural
from sugata.run.current import Run
from sugata.trial import TIMED, Proposal, Trial


@dataclass(frozen=True)
class Outside:
    """An evaluation that is not the strategy's.

    Attributes:
        kind: of its journal note.
        name: of the evaluation, among those of its kind.
        folder: its own.
        given: a folder with the checkpoint of a training that is not made again.
    """

    kind: str
    name: str
    proposal: Proposal
    folder: Path
    given: Path | None = None


def evaluate_outside(run: Run, engine: Engine, wanted: list[Outside], what: str = "training in full") -> None:
    """Evaluate what the journal does not have yet; each result is recorded as it comes.

    Args:
        what: is done, as the display says it.
    """
    record = run.result.record
    kinds = {item.kind for item in wanted}
    recorded = {(note.kind, note.data["name"]) for kind in kinds for note in record.notes(kind)}
    missing = {item.proposal.number: item for item in wanted if (item.kind, item.name) not in recorded}
    if missing:
        names = ", ".join(item.name for item in missing.values())
        run.progress.say(f"{what}: {names}")
    for item in missing.values():
        seed = trial_seed(
            run.assembly.recipe.seed, run.assembly.space.training_key(item.proposal.architecture)
        )
        engine.submit(Job(item.proposal, seed, item.folder, item.given, item.given is not None))
    ends = time.monotonic() + _seconds_of_training(list(missing.values()), engine.capacity)
    while missing:
        left = ends - time.monotonic()
        run.progress.now(f"{what}: {plural(len(missing), 'network')}", left if 0 < left < math.inf else None)
        for outcome in engine.wait(1.0):
            item = missing.pop(outcome.number)
            trial = _measured_once(item, finished_trial(item.proposal, outcome), record.trials)
            run.journal.note(item.kind, {"name": item.name, **journals.trial_to_data(trial)})
            run.progress.trial(trial, None, run.assembly.objectives, name=item.name)


def _seconds_of_training(items: list[Outside], workers: int) -> float:
    """About how long it takes, where the budgets say so, else infinity."""
    budgets = [item.proposal.fidelity for item in items]
    if any(budget.unit != "seconds" for budget in budgets):
        return math.inf
    return sum(budget.amount for budget in budgets) / min(workers, max(1, len(items)))


def _measured_once(item: Outside, trial: Trial, searched: list[Trial]) -> Trial:
    """A final with the timings that the search measured of the same network, by which limits were decided.

    Where its weights are the search's, so is the time that they took.
    """
    parent = next((one for one in searched if one.number in trial.proposal.parents), None)
    if parent is None or not trial.ok:
        return trial
    names = TIMED | {"training_seconds"} if item.given is not None else TIMED
    timed = {name: value for name, value in parent.metrics.items() if name in names}
    return replace(trial, metrics={**trial.metrics, **timed})


def finished_trial(proposal: Proposal, outcome: Outcome) -> Trial:
    """The trial that an engine's outcome makes of a proposal."""
    evaluation = outcome.evaluation
    return Trial(
        proposal,
        evaluation.status,
        evaluation.metrics,
        evaluation.reason,
        round(outcome.seconds, 3),
        evaluation.curve,
        details=evaluation.details,
    )
