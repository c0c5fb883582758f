"""The cache folder of prepared data.

Every folder and file is made under a temporary name and renamed, so that processes that prepare the same data
at the same time never see each other's unfinished work.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sugata.errors import DataError, DiskFullError


def default_cache_dir() -> Path:
    """``SUGATA_CACHE``, or ``sugata`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    if own := os.environ.get("SUGATA_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "sugata"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` at the end, unless another process was first."""
    with _clear_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        with _clear_errors(target):
            yield temporary
            temporary.chmod(0o755)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(target: Path, text: str) -> None:
    """Write a file in place of the one before."""
    with _clear_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"no space left for the cache at {path}; free some, or set SUGATA_CACHE"
            ) from None
        raise DataError(
            f"cache: cannot write {path} ({error.strerror}); set SUGATA_CACHE to a folder you may write"
        ) from None
