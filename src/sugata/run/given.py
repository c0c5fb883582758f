"""Results that a recipe gives in place of stages: looked at before a run begins, not when they are needed."""

from pathlib import Path

from sugata.errors import RunFolderError
from sugata.recipe import Recipe
from sugata.recipe_stages import SEARCHED
from sugata.run.assembly import Assembly
from sugata.space import Architecture
from sugata.spaces import find
from sugata.trial import SHARED


def check_given(assembly: Assembly) -> None:
    """Make sure that what is given is there, and that the space has the given architecture.

    Raises:
        SugataError: names the field, what it says and the remedy.
    """
    recipe = assembly.recipe
    weights = recipe.stages.skip_retrain
    files = {
        "stages.skip_train": recipe.stages.skip_train,
        "stages.skip_retrain": None if weights in (SHARED, SEARCHED) else weights,
        "supernet.start": None if recipe.supernet is None else recipe.supernet.start,
    }
    for field, path in files.items():
        if path is not None and not Path(path).is_file():
            raise RunFolderError(
                f"field {field!r}: {path}: there is no such file; give a checkpoint, or leave it out"
            )
    given_architecture(assembly)


def given_architecture(assembly: Assembly) -> Architecture | None:
    """The architecture that takes the place of a search; None where there is a search.

    Raises:
        SugataError: it cannot be read, or is of another space.
    """
    named = assembly.recipe.stages.skip_search
    return None if named is None else assembly.space.architecture(find(named)[1])


def needs_supernet(recipe: Recipe) -> bool:
    """Whether a supernet is asked for anything: not where an architecture is given, and trained alone."""
    if recipe.supernet is None:
        return False
    stages = recipe.stages
    return stages.skip_search is None or stages.skip_train is not None or stages.skip_retrain == SHARED
