"""Hyper-parameter optimization around a run: settings are proposed, runs score them, all of it can go on."""

import time
from pathlib import Path
from typing import Any

from sugata import recipe as recipes
from sugata.engines import resources
from sugata.errors import DiskFullError, RecipeError, RunFolderError, SugataError
from sugata.recipe import Recipe
from sugata.report.wording import duration, plural, wording
from sugata.run.folder import JOURNAL, RECIPE, environment, locked
from sugata.run.progress import Progress
from sugata.trial import Metric
from sugata.tuning.checks import assembled, check_values, metric_of, prepare, timed
from sugata.tuning.fields import Field, applied, fields_of, own_values, short_names
from sugata.tuning.planned import Grid
from sugata.tuning.report import write
from sugata.tuning.samplers import remark
from sugata.tuning.study import Asked, Study, Tried
from sugata.tuning.summary import STUDY, TRIALS, Summary, settings_text, summary_of
from sugata.tuning.trial_run import TrialRun

_TICK = 0.1  # seconds between looks at the runs
_MOST_COUNTED = 100_000  # combinations of a grid


def tune(recipe: Recipe, folder: Path, *, progress: Progress | None = None) -> Summary:
    """Look for the best settings of a recipe in a folder, from the beginning or from where it was left.

    Raises:
        SugataError: any of its children; what was finished is in the folder.
        KeyboardInterrupt: likewise; the runs that were under way go on when this does.
    """
    progress = progress or Progress(bar=recipe.show.progress_bar)
    with progress:
        progress.now("checking the ranges")
        fields = fields_of(recipe.tune.vary)
        check_values(recipe, fields)
        section, metric = recipe.tune, _ready(recipe, fields, folder, progress)
        own = own_values(recipe, fields)
        with locked(folder, "--to"):
            _write_recipe(recipe, folder)
            study = Study(
                folder / STUDY, fields, metric, sampler=section.sampler, seed=section.seed, first=own
            )
            tuning = _Tuning(recipe, folder, study, fields, progress)
            try:
                tuning.run()
            except KeyboardInterrupt:
                tuning.report()
                progress.say(f"interrupted; go on with: sugata tune --resume {folder}")
                raise
            except DiskFullError as error:
                raise DiskFullError(f"{error}, then go on with: sugata tune --resume {folder}") from error
            return tuning.report()


def resume(
    folder: Path, changes: dict[str, Any] | None = None, *, progress: Progress | None = None
) -> Summary:
    """Go on with a tuning where it was left.

    Args:
        changes: of the number of trials, the seconds, and other limits of the recipe's ``tune``.

    Raises:
        SugataError: as :func:`tune`; or there is no tuning in the folder.
    """
    if not (folder / STUDY).is_file() or not (folder / RECIPE).is_file():
        raise RunFolderError(
            f"{folder}: no tuning is in there; `sugata tune RECIPE --to {folder}` begins one"
        )
    return tune(recipes.load(folder / RECIPE, changes), folder, progress=progress)


def _ready(recipe: Recipe, fields: tuple[Field, ...], folder: Path, progress: Progress) -> Metric:
    """Make sure that runs can begin, and find the metric that ranks them."""
    assembly = assembled(recipe, fields)
    metric = metric_of(assembly, recipe.tune.metric)
    Study.check(fields, recipe.tune.sampler)
    _check_folder(recipe, folder)
    if not (folder / STUDY).exists():
        prepare(assembly, progress)
    return metric


class _Tuning:
    """The loop over a study."""

    def __init__(
        self, recipe: Recipe, folder: Path, study: Study, fields: tuple[Field, ...], progress: Progress
    ) -> None:
        self._recipe = recipe
        self._section = recipe.tune
        self._folder = folder
        self._study = study
        self._fields = fields
        self._progress = progress
        self._names = short_names(fields)
        self._running: dict[int, tuple[Asked, TrialRun]] = {}
        self._waiting = study.unfinished  # from an earlier start
        self._done = study.tried
        self._earlier = len(self._done)
        self._started = time.monotonic()
        self._seconds_before = study.seconds

    def run(self) -> None:
        """Try settings until the trials or the seconds are used up."""
        self._introduce()
        try:
            while not self._over():
                self._fill()
                if not self._running:
                    return
                self._look()
                self._show()
                time.sleep(_TICK)
            if self._running:
                self._progress.say(
                    f"the {duration(self._section.seconds or 0)} are over;"
                    f" {plural(len(self._running), 'trial')} stopped; to go on: --resume and more --seconds"
                )
        finally:
            for _, running in self._running.values():
                running.stop()
            self._study.seconds = self._passed()

    def report(self) -> Summary:
        """Write tables, plots and the best recipe, as far as there are results."""
        machine = environment()
        summary = summary_of(self._study, self._recipe, self._folder, machine)
        if summary.tried:
            self._progress.now("writing the report")
            write(summary, self._recipe, self._folder)
        return summary

    # -- the loop -----------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start runs as long as there is room and something to try."""
        while len(self._running) < self._section.parallel:
            asked = self._next()
            if asked is None:
                return
            try:
                recipe = self._limited(
                    applied(self._recipe, asked.values, f"{self._recipe.name}-{asked.number:04}")
                )
            except RecipeError as error:
                self._study.tell(asked.number, None, str(error))
                self._note(asked.number)
                continue
            folder = self._folder / TRIALS / f"{asked.number:04}"
            self._running[asked.number] = asked, TrialRun(folder, recipe, self._section.timeout)

    def _next(self) -> Asked | None:
        while True:
            if self._waiting:
                return self._waiting.pop(0)
            if self._study.asked >= self._section.trials:
                return None
            asked = self._study.ask()
            if asked is None or self._study.repeat(asked) is None:
                return asked
            self._note(asked.number)

    def _look(self) -> None:
        """Record the runs that have ended."""
        for number, (_, running) in list(self._running.items()):
            ended = running.ended(self._study.metric)
            if ended is not None:
                del self._running[number]
                self._study.tell(number, ended.score, ended.reason, ended.seconds)
                self._study.seconds = self._passed()
                self._note(number)

    def _limited(self, recipe: Recipe) -> Recipe:
        """The recipe with its share of the cores, where runs are beside each other and it does not say."""
        parallel = self._section.parallel
        if parallel == 1 or recipe.engine.workers is not None or recipe.engine.kind != "local":
            return recipe
        workers = max(1, resources.cores() // parallel)
        return recipe.model_copy(update={"engine": recipe.engine.model_copy(update={"workers": workers})})

    def _passed(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def _over(self) -> bool:
        return self._section.seconds is not None and self._passed() >= self._section.seconds

    # -- what is shown ------------------------------------------------------------------------------

    def _introduce(self) -> None:
        section, metric = self._section, self._study.metric
        beside = f", {section.parallel} at a time" if section.parallel > 1 else ""
        self._progress.say(
            f"{self._folder}: {section.sampler} over {plural(len(self._fields), 'field')},"
            f" {plural(section.trials, 'trial')}{beside}; {metric.direction} {metric.name} of each run's"
            " winner on validation data"
        )
        for text in filter(None, (self._remark(), self._earlier_trials(), self._disturbed())):
            self._progress.say(text)

    def _remark(self) -> str:
        section = self._section
        if section.sampler == "nelder_mead" and section.parallel > 1:
            return f"nelder_mead tries one point at a time after the first {len(self._fields) + 1}"
        if section.sampler == "grid":
            count = 0
            for _ in Grid(self._fields).combinations():
                count += 1
                if count > _MOST_COUNTED:
                    break
            more = "more than " if count > _MOST_COUNTED else ""
            rest = f"; the first {section.trials} are tried" if count > section.trials else ""
            return f"the grid has {more}{plural(min(count, _MOST_COUNTED), 'combination')}{rest}"
        return remark(section.sampler, self._fields)

    def _earlier_trials(self) -> str:
        if not self._done and not self._waiting:
            return ""
        going_on = f", {len(self._waiting)} to go on with" if self._waiting else ""
        return f"going on: {plural(len(self._done), 'trial')} finished before{going_on}"

    def _disturbed(self) -> str:
        names = timed(self._recipe) if self._section.parallel > 1 else []
        if not names:
            return ""
        return f"warning: {', '.join(names)} is timed while other runs work; --parallel 1 where it matters"

    def _note(self, number: int) -> None:
        """A line for a finished trial."""
        one = next(tried for tried in self._study.tried if tried.number == number)
        before = self._best()
        self._done.append(one)
        shown = settings_text(one.values, self._names)
        if one.score is None:
            self._progress.say(f"trial {number:>3}  failed: {one.reason}  ({shown})")
            return
        took = f"as trial {one.same_as}" if one.same_as is not None else duration(one.seconds)
        cost = self._study.metric.cost
        best = before is None or cost(one.score) < cost(before.score or 0.0)
        marks = "  the recipe's own" * one.own + "  best" * best
        self._progress.say(f"trial {number:>3}  {self._text(one.score):>9}  {took:>8}  {shown}{marks}")

    def _show(self) -> None:
        best = self._best()
        found = f", best {self._text(best.score or 0.0)} (trial {best.number})" if best else ""
        self._progress.now(
            f"{len(self._done)} of {plural(self._section.trials, 'trial')},"
            f" {len(self._running)} running{found}",
            self._left(),
        )

    def _left(self) -> float | None:
        """Seconds until the end, by the clock or by the trials so far."""
        passed = time.monotonic() - self._started
        ends = [] if self._section.seconds is None else [self._section.seconds - self._passed()]
        here = len(self._done) - self._earlier
        if here:
            ends.append(passed / here * (self._section.trials - len(self._done)))
        return min((max(0.0, end) for end in ends), default=None)

    def _best(self) -> Tried | None:
        scored = [one for one in self._done if one.score is not None]
        return min(scored, key=lambda one: self._study.metric.cost(one.score or 0.0), default=None)

    def _text(self, score: float) -> str:
        return wording(self._study.metric.name, self._study.metric, [score]).text(score)


def _check_folder(recipe: Recipe, folder: Path) -> None:
    """Make sure that the folder is new, or holds the same tuning.

    Raises:
        RunFolderError: it holds something else.
    """
    if (folder / JOURNAL).exists():
        raise RunFolderError(f"--to {folder}: holds a run; give another --to")
    if not (folder / STUDY).exists():
        return
    try:
        same = _same(recipes.load(folder / RECIPE)) == _same(recipe)
    except SugataError:
        same = False  # of a version with other fields
    if not same:
        raise RunFolderError(
            f"--to {folder}: holds another tuning; give another --to, or the same recipe and ranges"
        )


def _same(recipe: Recipe) -> dict[str, Any]:
    """What may not change when a tuning goes on: all that decides a score or a proposal."""
    but: dict[str, Any] = dict.fromkeys(("engine", "hardware", "name", "show"), True)
    but["tune"] = {"trials", "seconds", "timeout", "parallel"}
    data: dict[str, Any] = recipe.model_dump(mode="json", exclude=but)
    return data


def _write_recipe(recipe: Recipe, folder: Path) -> None:
    temporary = folder / f".{RECIPE}"
    temporary.write_text(recipe.to_yaml(), encoding="utf-8")
    temporary.replace(folder / RECIPE)
