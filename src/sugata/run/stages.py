"""The stages of a run, in order; each is skipped when the journal already has its result."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sugata import recipe as recipes
from sugata.engines import Engine
from sugata.errors import DiskFullError, RunFolderError
from sugata.evaluators import EarlyStop, Evaluator
from sugata.journal import NO_SPACE, Event
from sugata.loop import Budget, search
from sugata.recipe import Recipe
from sugata.report.wording import count, plural
from sugata.run.assembly import Assembly, assemble
from sugata.run.current import Run
from sugata.run.early_stop import CurveWatch
from sugata.run.engine import check_engine
from sugata.run.feasibility import Feasibility
from sugata.run.folder import JOURNAL, REPORT, locked
from sugata.run.given import check_given
from sugata.run.identity import open_journal
from sugata.run.lookup import report_winner
from sugata.run.progress import Progress
from sugata.run.reporting import report
from sugata.run.result import Result
from sugata.run.warm_start import begin, read_warm_starts
from sugata.run.watch import Watch, budget_text
from sugata.space import SearchSpace


def start(
    recipe: Recipe,
    folder: Path,
    *,
    evaluate: Callable[..., Any] | Evaluator | None = None,
    space: SearchSpace | None = None,
    progress: Progress | None = None,
    ships: bool = True,
) -> Result:
    """Run a recipe in a folder, from the beginning or from where it was left.

    Args:
        ships: also train what the winner is compared with, export it, score it on test data, and write
            the report; a run without has a validated winner, and can go on to all that later.

    Raises:
        SugataError: any of its children; what was finished is in the journal.
        KeyboardInterrupt: likewise.
    """
    progress = progress or Progress(bar=recipe.show.progress_bar)
    with progress:
        try:
            assembly = assemble(recipe, evaluate=evaluate, space=space)
            assembly.strategy()  # what cannot be done is said before there is a run
            check_engine(recipe.engine)
            if not (folder / JOURNAL).exists():
                check_given(assembly)
                read_warm_starts(assembly)
            seconds = _prepare(assembly, progress)
            if not (folder / JOURNAL).exists():  # likewise
                _check_shared(assembly)
                _check_teachers(assembly)
                progress.now("checking the limits")
                Feasibility(assembly.space, assembly.evaluator, assembly.objectives.limits).check_possible()
            with locked(folder), _full_disk(recipe, folder):
                progress.say(f"{recipe.name} in {folder}")
                with open_journal(assembly, folder) as journal:
                    _stages(Run(assembly, folder, journal, progress, ships), seconds)
                if ships:
                    _write_report(folder, progress)
        except KeyboardInterrupt:
            kept = (folder / JOURNAL).exists()
            progress.interrupted(_how_to_go_on(recipe, folder) if kept else "nothing was started yet")
            raise
    return Result(folder)


def _check_shared(assembly: Assembly) -> None:
    if assembly.recipe.supernet is not None:
        from sugata.run.supernet import check_shared  # needs torch

        check_shared(assembly)


def _check_teachers(assembly: Assembly) -> None:
    """Look at teachers before any student is trained: they must suit every vocabulary of the space."""
    recipe = assembly.recipe
    sections = {recipe.training.distill, recipe.final_training.distill} - {None}
    if sections:
        from sugata.tasks import CodeLanguageModelling  # needs torch
        from sugata.training import DistillationSettings
        from sugata.training.distillation import check_teacher

        sizes = next(c.options for c in assembly.space.choices if c.name == "vocab_size")
        assert isinstance(assembly.task, CodeLanguageModelling)
        for section in sections:
            assert section is not None
            check_teacher(
                DistillationSettings(**section.model_dump()), assembly.task, [int(s) for s in sizes]
            )


def _write_report(folder: Path, progress: Progress) -> None:
    page = folder / REPORT
    if not page.exists() or page.stat().st_mtime < (folder / JOURNAL).stat().st_mtime:
        progress.now("writing the report")
        report(folder)
    progress.say(f"report: {page}")


def _stages(run: Run, seconds: float) -> None:
    if run.assembly.task is None:
        _search(run)
        if run.ships:
            report_winner(run.assembly, run.result, run.journal)
        return
    # These need torch, which a run of a table or of a user's function need not wait for.
    from sugata.run.finish import finish
    from sugata.run.ranking import rank_alone
    from sugata.run.supernet import share_weights

    if not run.done("prepare"):
        run.journal.note("stage", {"name": "prepare", "seconds": seconds})
    share_weights(run)
    _search(run)
    if run.ships:
        rank_alone(run)
    finish(run)


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
        ships: as for :func:`start`.
        budget: a new wall-clock budget of the whole search stage, such as ``20m``.
        engine: another kind of engine than before.
        address: another cluster than before.

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
    if assembly.networks is not None and assembly.recipe.task is not None:
        progress.now(f"preparing {assembly.recipe.task.data}")
        options = {choice.name: choice.options for choice in assembly.space.choices}
        assembly.networks.prepare(options, say=progress.say)
        if assembly.final is not None and assembly.recipe.final.data is not None:
            progress.now(f"preparing {assembly.recipe.final.data}")
            assembly.final.networks.prepare(options, say=progress.say)
    return round(time.monotonic() - started, 2)


def _search(run: Run) -> None:
    if run.searched():
        return
    if run.assembly.recipe.stages.skip_search is not None:
        with run.stage("search") as left:
            left["given"] = run.assembly.recipe.stages.skip_search
        return
    recipe, assembly = run.assembly.recipe, run.assembly
    with run.engine() as engine, run.stage("search") as left:
        feasible = run.feasibility(engine)
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


def _watches(run: Run, engine: Engine) -> Callable[[Event], None]:
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
