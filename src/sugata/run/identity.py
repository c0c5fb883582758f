"""Whether a folder holds the same run: what a run writes down of itself, and what may not change."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sugata import journal as journals
from sugata import recipe as recipes
from sugata.errors import RecipeError, RunFolderError
from sugata.journal import Journal
from sugata.recipe import Recipe
from sugata.run.assembly import Assembly
from sugata.run.folder import ENVIRONMENT, JOURNAL, RECIPE, environment

#: Sections that decide how long, where and with what display a run works, not what comes out of its search.
MAY_CHANGE = {"budget", "engine", "final", "name", "stages", "hardware", "show", "tune"}


def open_journal(assembly: Assembly, folder: Path) -> Journal:
    """The journal of a new run in the folder, or of the same run that is there.

    Raises:
        RunFolderError: another run is there.
        JournalError: its journal cannot be read.
    """
    path, recipe = folder / JOURNAL, assembly.recipe
    if path.exists():
        journal = Journal.open(path)
        header = journals.read(path).header
        if header["space"] != assembly.space.name or _with_defaults(header["same"], recipe) != _must_stay(
            recipe
        ):
            raise RunFolderError(f"{folder} holds another run; give another --run-dir, or the same recipe")
        _write_recipe(recipe, folder)
        return journal
    machine = environment()
    _write_recipe(recipe, folder)
    (folder / ENVIRONMENT).write_text(json.dumps(machine, indent=2) + "\n")
    return Journal.create(
        path,
        {
            "name": recipe.name,
            "seed": recipe.seed,
            "space": assembly.space.name,
            "choices": {choice.name: list(choice.options) for choice in assembly.space.choices},
            "metrics": [asdict(metric) for metric in assembly.evaluator.metrics],
            "environment": machine,
            "same": _must_stay(recipe),
        },
    )


def _write_recipe(recipe: Recipe, folder: Path) -> None:
    """Replace the recipe at once: a run that goes on may have another budget."""
    temporary = folder / f".{RECIPE}"
    temporary.write_text(recipe.to_yaml())
    temporary.replace(folder / RECIPE)


def _with_defaults(same: dict[str, Any], recipe: Recipe) -> dict[str, Any] | None:
    """What a journal recorded of :func:`_must_stay`, with the defaults of fields that are newer than it.

    Sections that may change are taken from the recipe of now: fields of others may need them.
    """
    engine = {name: same[name] for name in ("deterministic", "window") if name in same}
    fields = {name: value for name, value in same.items() if name not in engine}
    try:
        now = recipe.model_dump(mode="json", include=MAY_CHANGE - {"engine"})
        return _must_stay(recipes.parse({**now, **fields, "engine": engine}))
    except RecipeError:
        return None  # of a version with other fields


def _must_stay(recipe: Recipe) -> dict[str, Any]:
    """What may not change when a run goes on: all that decides a result, but not how long or how wide."""
    data: dict[str, Any] = recipe.model_dump(mode="json", exclude=MAY_CHANGE)
    deterministic = recipe.engine.deterministic
    return data | {"deterministic": deterministic, "window": recipe.engine.window if deterministic else None}
