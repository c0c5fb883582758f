"""File access limited to named folders by Landlock (man 7 landlock), where no namespace can hide the rest."""

from __future__ import annotations

import ctypes
import os
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_EXECUTE, _WRITE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_ALL = (1 << 13) - 1  # of the first version
_REFER, _TRUNCATE, _DEVICE_CONTROL = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract sockets and signals of other processes


def restrict_files(readable: list[str], devices: list[str], writable: str) -> None:
    """Let this process and all that it starts use these files and folders, and no others.

    Args:
        readable: read and executed.
        devices: read and written.
        writable: the folder where everything is allowed.

    Raises:
        OSError: the kernel has no Landlock.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        raise OSError(ctypes.get_errno(), "Landlock")
    handled = _ALL | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled |= _DEVICE_CONTROL if version >= 5 else 0
    rules = struct.pack("QQQ", handled, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    rules = rules[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _checked(libc.syscall(_CREATE, rules, ctypes.c_size_t(len(rules)), 0))
    reading = _EXECUTE | _READ_FILE | _READ_FOLDER
    allowed = [(path, reading) for path in readable] + [(path, _READ_FILE | _WRITE) for path in devices]
    for path, access in [*allowed, (writable, handled)]:
        if not os.path.exists(path):
            continue
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            access &= _OF_FILES
        rule = struct.pack("=Qi", access & handled, beneath)
        _checked(libc.syscall(_ADD, ruleset, 1, rule, 0))
        os.close(beneath)
    pr_set_no_new_privs = 38
    _checked(libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return result
