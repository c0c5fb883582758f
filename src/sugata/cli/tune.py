"""`sugata tune`: vary fields of a recipe, run each, say which mattered."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sugata.errors import RecipeError

_SHOWN = 10  # trials in the terminal's table


def tune(
    recipe: Annotated[
        str | None, typer.Argument(metavar="[RECIPE]", help="A .yaml file or a shipped recipe.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=RANGE",
            help="log(1e-4, 0.1), linear(0, 1), int(1, 8), logint(1, 64) or [a, b]; then: when OTHER=VALUE.",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Number of runs.")] = None,
    sampler: Annotated[
        str | None, typer.Option(help="tpe, random, grid, qmc, nelder_mead, cmaes or gp.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Of each run's winner; default: the first objective.")
    ] = None,
    seconds: Annotated[str | None, typer.Option(help="Wall clock of it all, such as 2h.")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="A run that takes longer is killed, and failed.")
    ] = None,
    parallel: Annotated[int | None, typer.Option(help="Runs at the same time.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the sampler.")] = None,
    data: Annotated[
        str | None, typer.Option(help="Corpus or images: folder, file, hf:NAME, stdlib, digits.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The folder; one with the same tuning goes on. Default: tune/NAME.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with what is in a folder.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a recipe field, such as seed=1."),
    ] = None,
) -> None:
    """Look for the best settings of a recipe: vary fields, run each, say which fields mattered."""
    given = {
        "tune.trials": trials,
        "tune.seconds": seconds,
        "tune.timeout": timeout,
        "tune.parallel": parallel,
    }
    fixed = {"tune.sampler": sampler, "tune.metric": metric, "tune.seed": seed, "task.data": data}
    limits = {field: value for field, value in given.items() if value is not None}
    choices = {field: value for field, value in fixed.items() if value is not None}
    if resume is not None:
        if recipe is not None or vary or choices or to is not None or changes:
            raise RecipeError(
                "--resume goes on as the folder says; with it go --trials, --seconds, --timeout, --parallel"
            )
        from sugata.tuning import resume as go_on

        _print(go_on(resume, limits))
        return
    if recipe is None:
        raise RecipeError("no recipe; give a .yaml file or a shipped recipe, or --resume FOLDER")
    _begin(recipe, vary or [], limits | choices, changes or [], to)


def _begin(source: str, vary: list[str], given: dict[str, Any], changes: list[str], to: Path | None) -> None:
    from sugata import recipe as recipes
    from sugata.recipe_tune import written_range

    fields = given | recipes.assignments(changes)
    loaded = recipes.load(source, fields)
    if vary:
        ranges = loaded.model_dump(mode="json", include={"tune"})["tune"]["vary"]
        fields["tune.vary"] = ranges | dict(map(written_range, vary))
        loaded = recipes.load(source, fields)
    from sugata.run import fresh
    from sugata.tuning import tune as begin

    _print(begin(loaded, to or fresh(loaded.name, Path("tune"))))


def _print(summary: Any) -> None:
    """The best, what mattered, and where everything is."""
    from rich.markup import escape
    from rich.table import Table

    from sugata.report.wording import duration
    from sugata.tuning.summary import setting_text

    out = Console(highlight=False, markup=False)
    if summary.best is None:
        reason = f": {summary.failed[0].reason}" if summary.failed else ""
        out.print(f"no run has succeeded{reason}; see {summary.folder}/trials/*/log.txt", soft_wrap=True)
        return
    trials = Table("trial", summary.words.axis, "time", box=None, header_style="bold")
    for field in summary.fields:
        trials.add_column(summary.names[field.path])
    for one in summary.scored[:_SHOWN]:
        values = [setting_text(one.values[f.path]) if f.path in one.values else "" for f in summary.fields]
        cells = [str(one.number), summary.words.bare(one.score), duration(one.seconds), *values]
        trials.add_row(*map(escape, cells))
    out.print()
    out.print(trials)
    out.print()
    if summary.importances:
        out.print(f"what mattered: {summary.verdict} (PED-ANOVA)", soft_wrap=True)
        if summary.caution:
            out.print(summary.caution, soft_wrap=True)
    own = summary.own
    if own is not None and own is not summary.best:
        out.print(f"with the recipe's own values: {summary.score_text(own)}", soft_wrap=True)
    out.print(f"best: {summary.score_text(summary.best)}, trial {summary.best.number}", soft_wrap=True)
    for what, how in (("report", f"{summary.folder}/tune.html"), *summary.next_steps):
        out.print(f"{what}: {how}", soft_wrap=True)
