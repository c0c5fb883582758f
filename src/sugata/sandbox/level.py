"""How programs are isolated: the levels, and which of them this machine offers."""

import functools
import os
import secrets
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from sugata.errors import SandboxError

_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
LINKER_CACHE = "/etc/ld.so.cache"


class Level(StrEnum):
    """How a program is kept apart, strongest first; resource limits hold at every level."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"
    NONE = "none"

    @property
    def meaning(self) -> str:
        """What it does, in a line."""
        return {
            Level.BUBBLEWRAP: "bubblewrap (own namespaces and file system) and seccomp",
            Level.NAMESPACES: "own namespaces and file system, and seccomp",
            Level.LANDLOCK: "Landlock and seccomp: names of files can be guessed, nothing read or written",
            Level.NONE: "resource limits alone: network, home and other processes are open to the program",
        }[self]


ISOLATED = (Level.BUBBLEWRAP, Level.NAMESPACES, Level.LANDLOCK)


@functools.cache
def python() -> str:
    """A Python that any user may run: ours, or the system's where ours lies in a closed folder.

    Raises:
        SandboxError: there is none.
    """
    own = os.path.realpath(sys.executable)
    if os.getuid() != 0 or _open_to_all(Path(own)):
        return own
    for other in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if not _open_to_all(Path(os.path.realpath(other))):
            continue
        new = "import sys; sys.exit(sys.version_info < (3, 10))"
        if subprocess.run([other, "-I", "-S", "-c", new], check=False).returncode == 0:
            return os.path.realpath(other)
    raise SandboxError(
        f"sandbox: {own} cannot be run by an ordinary user, and programs do not run as root; install the "
        "system's Python 3.10 or newer (apt install python3), or run as an ordinary user"
    )


def _open_to_all(path: Path) -> bool:
    try:
        return path.is_file() and all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))
    except OSError:
        return False


def readable() -> list[str]:
    """Files and folders that programs see: the system's and Python's."""
    found = [path for path in _SYSTEM if os.path.lexists(path)] + [LINKER_CACHE]
    prefix = os.path.dirname(os.path.dirname(python()))
    return found if prefix.startswith("/usr") else [*found, prefix]


def another_user() -> int | None:
    """A user id that nobody else has, for root to run a program as; None for an ordinary user."""
    return 0x60000000 + secrets.randbits(28) if os.getuid() == 0 else None


def command(level: Level, folder_bytes: int) -> list[str]:
    """What starts Python at a level; it goes on to confine itself (`inside.start`)."""
    alone = [python(), "-I", "-S", "-B", "-X", "utf8"]
    if level is not Level.BUBBLEWRAP:
        return alone
    shown: list[str] = []
    for path in readable():
        if os.path.islink(path):
            shown += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            shown += ["--ro-bind", path, path]
    devices = [part for path in DEVICES for part in ("--dev-bind-try", path, path)]
    return [
        _bubblewrap(),
        *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *shown,
        *devices,
        *("--perms", "0700", "--size", str(folder_bytes), "--tmpfs", "/tmp", "--remount-ro", "/"),
        *("--chdir", "/tmp", "--"),
        *alone,
    ]


def _bubblewrap() -> str:
    return shutil.which("bwrap") or "bwrap"
