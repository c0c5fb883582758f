"""A run is a folder: its files, its lock, and the machine it ran on."""

import fcntl
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

import sugata
from sugata.errors import RunFolderError
from sugata.machine import processor

JOURNAL = "journal.jsonl"
RECIPE = "recipe.yaml"
ENVIRONMENT = "environment.json"
REPORT = "report.html"
BEST = "best"
FINAL = "final"
REFIT = "refit"
SHARED_WEIGHTS = "supernet"
LAST = "last"  # in what a stage leaves: the run ends with it, though others could follow
# Trials that are not the strategy's are numbered from here, beyond all that are.
FIRST_BASELINE = 1_000_000
FIRST_FINAL = 2_000_000
FIRST_AS_SEARCHED = 2_500_000  # winners that keep the weights of the search
FIRST_RANKED = 3_000_000  # scored by a supernet
FIRST_ALONE = 4_000_000  # the same, trained alone
SUPERNET = 5_000_000
FIRST_REFIT = 6_000_000  # winners trained on all rows
_PACKAGES = (
    "torch",
    "numpy",
    "onnxruntime",
    "onnx",
    "tokenizers",
    "safetensors",
    "transformers",
    "optuna",
)


def journal_path(folder: Path) -> Path:
    """Where a run's journal is.

    Raises:
        RunFolderError: there is no such run.
    """
    if not folder.is_dir():
        raise RunFolderError(f"{folder}: no such run folder; `sugata search` makes one under runs/")
    if not (folder / JOURNAL).is_file():
        raise RunFolderError(f"{folder}: not a run folder, it has no {JOURNAL}; give the folder of a run")
    return folder / JOURNAL


@contextmanager
def locked(folder: Path, option: str = "--run-dir") -> Iterator[None]:
    """Hold the folder for this process; the lock goes with the process, however it ends.

    Args:
        option: by which a command is given another folder.

    Raises:
        RunFolderError: another process uses it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunFolderError(
                f"{folder}: in use by process {holder}; wait for it, or give another {option}"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process is running this run now."""
    try:
        with (folder / ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # nobody has ever held it


def fresh(name: str, root: Path = Path("runs")) -> Path:
    """A folder for a new run: ``runs/NAME``, or ``runs/NAME-2`` and so on if that is taken."""
    folder, count = root / name, 1
    while folder.exists():
        count += 1
        folder = root / f"{name}-{count}"
    return folder


def environment() -> dict[str, Any]:
    """Versions and machine, for the report and the cache of measurements."""
    return {
        "sugata": sugata.__version__,
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "git_commit": _git_commit(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """The commit of the user's working folder, if it is in a repository."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
