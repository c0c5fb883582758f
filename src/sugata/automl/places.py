"""Where a fit's run is: a folder that is gone on with when data and parameters are the same, or a new one."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sugata.errors import RunFolderError
from sugata.recipe import Recipe
from sugata.run import is_locked
from sugata.run.identity import MAY_CHANGE

DATA = "data"
_MARK = "fit.json"


def fingerprint(data: str, recipe: Recipe, **more: Any) -> str:
    """Of what a fit learns from and how: equal for fits of which one goes on with the other.

    Not of the time or the number of trials: a fit that is given more goes on.
    """
    fixed = recipe.model_dump(mode="json", exclude=MAY_CHANGE)
    fixed["task"] = {name: value for name, value in fixed["task"].items() if name != "data"}
    text = json.dumps([data, fixed, more], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A folder for data whose fingerprint is not known yet, beside where the run will be."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".preparing-", dir=root))
    except OSError as error:
        raise RunFolderError(
            f"directory {root}: {error.strerror}; choose a folder that can be written"
        ) from None
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def settle(
    root: Path,
    name: str,
    mark: str,
    staged: Path,
    *,
    overwrite: bool,
    among: Collection[Path] | None = None,
) -> tuple[Path, bool]:
    """The folder of the fit with this fingerprint, its data in it.

    Args:
        root: where fits are.
        name: of the folder; others of the same name are numbered, ``NAME-2`` and so on.
        mark: the fit's fingerprint.
        staged: its data, which are moved there.
        overwrite: begin anew, in place of the first of that name.
        among: folders that may be gone on with; None: any.

    Returns:
        The folder, and whether the run in it is gone on with.

    Raises:
        RunFolderError: what is to be replaced is no fit.
    """
    first = root / name
    if overwrite and first.exists() and not is_locked(first):
        if not (first / _MARK).is_file() and any(first.iterdir()):
            raise RunFolderError(
                f"{first}: not a folder of a fit; it is not overwritten: choose another name"
            )
        shutil.rmtree(first)
    count = 0
    while True:
        count += 1
        folder = first if count == 1 else root / f"{name}-{count}"
        allowed = not overwrite and (among is None or folder in among)
        if allowed and marked(folder) == mark and not is_locked(folder):
            return folder, True
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir() or any(folder.iterdir()):
                continue
        shutil.move(str(staged), folder / DATA)
        (folder / _MARK).write_text(json.dumps({"fingerprint": mark}) + "\n", encoding="utf-8")
        return folder, False


def marked(folder: Path) -> str | None:
    """The fingerprint of the fit in a folder; None where there is none."""
    try:
        return str(json.loads((folder / _MARK).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError):
        return None
