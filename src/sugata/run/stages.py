"""The stages of a run, in order; each is skipped when the journal already has its result."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sugata import journal as journals
from sugata import recipe as recipes
from sugata.engines import Engine, Job, Outcome
from sugata.errors import DiskFullError, RunFolderError, SugataError
from sugata.evaluators import EarlyStop
from sugata.journal import NO_SPACE, Event, Journal
from sugata.loop import Budget, search, trial_seed
from sugata.recipe import Recipe
from sugata.report.wording import count, plural
from sugata.reuse import trial_folder
from sugata.run.assembly import Assembly, assemble, fidelity, final_fidelity
from sugata.run.early_stop import CurveWatch
from sugata.run.engine import check_engine, engine_of
from sugata.run.feasibility import Feasibility
from sugata.run.folder import (
    BEST,
    FINAL,
    FIRST_BASELINE,
    FIRST_FINAL,
    JOURNAL,
    REPORT,
    locked,
)
from sugata.run.identity import open_journal
from sugata.run.lookup import report_winner
from sugata.run.progress import Progress
from sugata.run.reporting import report
from sugata.run.result import Result
from sugata.run.warm_start import begin, read_warm_starts
from sugata.run.watch import Watch, budget_text
from sugata.space import SearchSpace
from sugata.trial import TIMED, Fidelity, Metric, Proposal, Trial


@dataclass
class _Run:
    """One run on its folder: what the stages share.

    Attributes:
        ships: whether the winner is exported, and scored on test data.
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
        return stage in (names if stage == "prepare" else names[len(names) - latest :])

    def searched(self) -> bool:
        """Whether the search has ended, and has not been given a larger budget since."""
        left = self.result.stages.get("search")
        if left is None:
            return False
        now = self.assembly.recipe.budget.model_dump()
        then = left.get("budget", now)
        return not any(_more(now[name], then[name]) for name in now)

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


def start(
    recipe: Recipe,
    folder: Path,
    *,
    evaluate: Callable[..., Any] | None = None,
    space: SearchSpace | None = None,
    progress: Progress | None = None,
    ships: bool = True,
) -> Result:
    """Run a recipe in a folder, from the beginning or from where it was left.

    Args:
        ships: also export the winner and score it on test data; a run without can go on to that later.

    Raises:
        SugataError: any of its children; what was finished is in the journal.
        KeyboardInterrupt: likewise.
    """
    progress = progress or Progress()
    with progress:
        try:
            assembly = assemble(recipe, evaluate=evaluate, space=space)
            assembly.strategy()  # what cannot be done is said before there is a run
            check_engine(recipe.engine)
            if not (folder / JOURNAL).exists():
                read_warm_starts(assembly)
            seconds = _prepare(assembly, progress)
            if not (folder / JOURNAL).exists():  # likewise
                progress.now("checking the limits")
                Feasibility(assembly.space, assembly.evaluator, assembly.objectives.limits).check_possible()
            with locked(folder), _full_disk(recipe, folder):
                progress.say(f"{recipe.name} in {folder}")
                with open_journal(assembly, folder) as journal:
                    _stages(_Run(assembly, folder, journal, progress, ships), seconds)
                _write_report(folder, progress)
        except KeyboardInterrupt:
            kept = (folder / JOURNAL).exists()
            progress.say(
                f"interrupted; {_how_to_go_on(recipe, folder) if kept else 'nothing was started yet'}"
            )
            raise
    return Result(folder)


def _write_report(folder: Path, progress: Progress) -> None:
    page = folder / REPORT
    if not page.exists() or page.stat().st_mtime < (folder / JOURNAL).stat().st_mtime:
        progress.now("writing the report")
        report(folder)
    progress.say(f"report: {page}")


def _stages(run: _Run, seconds: float) -> None:
    if run.assembly.task is None:
        _search(run)
        if run.ships:
            report_winner(run.assembly, run.result, run.journal)
        return
    if not run.done("prepare"):
        run.journal.note("stage", {"name": "prepare", "seconds": seconds})
    _search(run)
    _finish(run)


@contextmanager
def _full_disk(recipe: Recipe, folder: Path) -> Iterator[None]:
    """Say how to go on when there is space again, wherever it was missing."""
    try:
        yield
    except (OSError, DiskFullError) as error:
        if isinstance(error, OSError) and error.errno not in NO_SPACE:
            raise
        raise DiskFullError(
            f"{folder}: no space left on the disk; what finished is safe, free some, then "
            + _how_to_go_on(recipe, folder)
        ) from error


def _how_to_go_on(recipe: Recipe, folder: Path) -> str:
    if recipe.needs_script:
        return f"run the same script again with run_dir={str(folder)!r}"
    return f"go on with: sugata resume {folder}"


def resume(
    folder: Path,
    *,
    budget: str | None = None,
    engine: str | None = None,
    address: str | None = None,
    progress: Progress | None = None,
    ships: bool = True,
) -> Result:
    """Go on with a run where it was left, however it ended.

    Args:
        budget: a new wall-clock budget of the whole search stage, such as ``20m``.
        engine: another kind of engine than before.
        address: another cluster than before.
        ships: as for :func:`start`.

    Raises:
        SugataError: as :func:`start`; a run of a function that is not importable needs the script again.
    """
    result = Result(folder)
    recipe = result.recipe
    given = {"budget.seconds": budget, "engine.kind": engine, "engine.address": address}
    changes = {field: value for field, value in given.items() if value is not None}
    if changes:
        recipe = recipes.parse(recipe.model_dump(mode="json"), str(folder), changes)
    if recipe.needs_script:
        raise RunFolderError(
            f"{folder}: function {recipe.evaluate!r} cannot be imported here; "
            + _how_to_go_on(recipe, folder)
        )
    return start(recipe, folder, progress=progress, ships=ships)


def _prepare(assembly: Assembly, progress: Progress) -> float:
    """Corpus, tokenizers, packed tokens: made once, and cached; the seconds that it took."""
    started = time.monotonic()
    if assembly.task is not None and assembly.recipe.task is not None:
        progress.now(f"preparing {assembly.recipe.task.data}")
        options = {choice.name: choice.options for choice in assembly.space.choices}
        assembly.task.prepare(options, say=progress.say)
    return round(time.monotonic() - started, 2)


def _engine(run: _Run) -> Engine:
    return engine_of(run.assembly.recipe.engine, run.assembly.evaluator, run.progress)


def _feasibility(run: _Run, engine: Engine) -> Feasibility:
    known = {note.data["key"]: note.data["metrics"] for note in run.result.record.notes("before_training")}
    return Feasibility(
        run.assembly.space,
        run.assembly.evaluator,
        run.assembly.objectives.limits,
        exclusive=engine.paused,
        known=known,
        remember=lambda key, metrics: run.journal.note("before_training", {"key": key, "metrics": metrics}),
    )


def _search(run: _Run) -> None:
    if run.searched():
        return
    recipe, assembly = run.assembly.recipe, run.assembly
    with _engine(run) as engine, run.stage("search") as left:
        feasible = _feasibility(run, engine)
        run.progress.say(
            f"{assembly.space.name}: {count(assembly.space.size())} configurations, "
            f"{plural(engine.capacity, 'worker')}, {budget_text(recipe)}"
        )
        begun = begin(assembly, run.result, run.journal, feasible, run.progress.say)
        run.progress.columns(assembly.objectives)
        trials = search(
            assembly.strategy(begun),
            assembly.evaluator,
            engine,
            run.journal,
            space=assembly.space,
            folder=run.folder / "trials",
            feasible=feasible,
            budget=Budget(recipe.budget.trials, recipe.budget.seconds),
            deterministic=recipe.engine.deterministic,
            window=recipe.engine.window,
            seed=recipe.seed,
            on_event=_watches(run, engine),
        )
        left |= {"trials": len(trials), "budget": recipe.budget.model_dump()}


def _watches(run: _Run, engine: Engine) -> Callable[[Event], None]:
    """What follows the search: the display, and the rule that ends hopeless trainings."""
    recipe, objectives = run.assembly.recipe, run.assembly.objectives
    shown = Watch(recipe, objectives, run.result.record, run.progress)
    section = recipe.early_stop
    if section.confidence is None:
        return shown
    rule = partial(EarlyStop, section.confidence, section.after, section.rank)
    curves = CurveWatch(engine, objectives.primary, rule, run.result.record.trials, run.progress.say)

    def both(event: Event) -> None:
        curves(event)
        shown(event)

    return both


def _finish(run: _Run) -> None:
    """Train the winners in full beside the baselines, export, score once on test data."""
    from sugata.run.winners import export_finals

    if not run.done("train"):
        with _engine(run) as engine, run.stage("train"):
            _note_trained_baselines(run)
            _evaluate_outside(run, engine, [*_finals(run), *_baselines(run)])
            _train_substitutes(run, engine)
    _drop_checkpoints(run)
    if not run.ships:
        return
    if not run.done("export"):
        with run.stage("export") as left:
            run.progress.say("exporting the winner to " + str(run.folder / BEST))
            left["folders"] = export_finals(run.assembly, run.result)
    if not run.done("test"):
        with run.stage("test") as left:
            run.progress.say("scoring the winner once on test data, before and after export")
            winner = run.result.finals[0].proposal.architecture
            assert run.assembly.networks is not None
            left |= run.assembly.networks.score(run.folder / BEST, winner)


@dataclass(frozen=True)
class _Outside:
    """An evaluation that is not the strategy's, and how its journal note is named."""

    kind: str
    name: str
    proposal: Proposal
    folder: Path


def _finals(run: _Run) -> list[_Outside]:
    result, recipe = run.result, run.assembly.recipe
    front = result.front
    if not front:
        reasons = {trial.reason for trial in result.record.trials if trial.reason}
        why = f": {sorted(reasons)[0]}" if reasons else ""
        raise SugataError(
            f"{run.folder}: the search completed no trial on any rung{why}; see its trials/*/log.txt"
        )
    best = result.best
    chosen = [best, *(trial for trial in front if trial is not best)] if best else front
    chosen = chosen[: recipe.final.top or None]
    return [_final(run, trial) for trial in chosen]


def _final(run: _Run, trial: Trial) -> _Outside:
    """The full training of a trial's architecture, from scratch."""
    proposal = Proposal(
        FIRST_FINAL + trial.number,
        trial.proposal.architecture,
        final_fidelity(run.assembly.recipe),
        origin="final",
        parents=(trial.number,),
    )
    return _Outside(
        "final", f"trial {trial.number}", proposal, trial_folder(run.folder / FINAL, trial.number)
    )


def _train_substitutes(run: _Run, engine: Engine) -> None:
    """Where no full training succeeded, or it left the model worse, train the next best trials too.

    More training can leave a worse model behind: weights that grew are rounded to the same few bits.

    Raises:
        SugataError: none succeeded.
    """
    result = run.result
    candidates = result.objectives.candidates(result.record.trials)
    tried = {note.data["name"] for note in result.record.notes("final")}
    for i in result.objectives.order(candidates):
        if any(_gained(final, candidates, result.objectives.primary) for final in run.result.finals):
            return
        item = _final(run, candidates[i])
        if item.name not in tried:
            run.progress.say("the full training has not paid; trying the next best")
            _evaluate_outside(run, engine, [item])
    if not run.result.finals:
        trials = [journals.trial_from_data(note.data) for note in run.result.record.notes("final")]
        reasons = "; ".join(sorted({trial.reason or str(trial.status) for trial in trials}))
        raise SugataError(f"{run.folder}: no full training succeeded: {reasons}; see its final/*/log.txt")


def _gained(final: Trial, searched: list[Trial], primary: Metric) -> bool:
    """Whether a full training is at least as good as the shorter one of the search."""
    before = next((one for one in searched if one.number in final.proposal.parents), None)
    if before is None:
        return True
    return primary.cost(final.metrics[primary.name]) <= primary.cost(before.metrics[primary.name])


def _note_trained_baselines(run: _Run) -> None:
    """Take the results of known good networks that the search itself brought to the top rung."""
    result, space = run.result, run.assembly.space
    top = result.objectives.candidates(result.record.trials)
    trained = {space.deployment_key(trial.proposal.architecture): trial for trial in top}
    noted = {note.data["name"] for note in result.record.notes("baseline")}
    for name, values in run.assembly.known_good.items():
        trial = trained.get(space.deployment_key(space.architecture(values)))
        if trial is not None and name not in noted and trial.proposal.fidelity == _top(run):
            run.journal.note("baseline", {"name": name, **journals.trial_to_data(trial)})


def _top(run: _Run) -> Fidelity:
    rungs = run.assembly.recipe.funnel
    return fidelity(len(rungs) - 1, rungs[-1])


def _baselines(run: _Run) -> list[_Outside]:
    """Known good networks at the top rung's budget."""
    space = run.assembly.space
    return [
        _Outside(
            "baseline",
            name,
            Proposal(FIRST_BASELINE + i, space.architecture(values), _top(run), origin="baseline"),
            run.folder / "baselines" / name,
        )
        for i, (name, values) in enumerate(run.assembly.known_good.items())
    ]


def _evaluate_outside(run: _Run, engine: Engine, wanted: list[_Outside]) -> None:
    """Evaluate what the journal does not have yet; each result is recorded as it comes."""
    record = run.result.record
    recorded = {
        (note.kind, note.data["name"]) for kind in ("final", "baseline") for note in record.notes(kind)
    }
    missing = {item.proposal.number: item for item in wanted if (item.kind, item.name) not in recorded}
    if missing:
        names = ", ".join(item.name for item in missing.values())
        run.progress.say(f"training in full: {names}")
    for item in missing.values():
        seed = trial_seed(
            run.assembly.recipe.seed, run.assembly.space.training_key(item.proposal.architecture)
        )
        engine.submit(Job(item.proposal, seed, item.folder, None, False))
    ends = time.monotonic() + _seconds_of_training(list(missing.values()), engine.capacity)
    while missing:
        left = ends - time.monotonic()
        run.progress.now(f"training {plural(len(missing), 'network')}", left if 0 < left < math.inf else None)
        for outcome in engine.wait(1.0):
            item = missing.pop(outcome.number)
            trial = _measured_once(finished_trial(item.proposal, outcome), record.trials)
            run.journal.note(item.kind, {"name": item.name, **journals.trial_to_data(trial)})
            run.progress.trial(trial, None, run.assembly.objectives, name=item.name)


def _seconds_of_training(items: list[_Outside], workers: int) -> float:
    """About how long it takes, where the budgets say so, else infinity."""
    budgets = [item.proposal.fidelity for item in items]
    if any(budget.unit != "seconds" for budget in budgets):
        return math.inf
    return sum(budget.amount for budget in budgets) / min(workers, max(1, len(items)))


def _measured_once(trial: Trial, searched: list[Trial]) -> Trial:
    """A final with the timings that the search measured of the same network, by which limits were decided."""
    parent = next((one for one in searched if one.number in trial.proposal.parents), None)
    if parent is None or not trial.ok:
        return trial
    timed = {name: value for name, value in parent.metrics.items() if name in TIMED}
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


def _drop_checkpoints(run: _Run) -> None:
    """Keep the weights of the highest rung only; the others can be trained again."""
    result = run.result
    kept = {trial.number for trial in result.objectives.candidates(result.record.trials)}
    for path in (run.folder / "trials").glob("*/checkpoint.safetensors"):
        if int(path.parent.name) not in kept:
            path.unlink()
