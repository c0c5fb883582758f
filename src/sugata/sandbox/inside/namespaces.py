"""A process in namespaces of its own, on a file system of its own: what bubblewrap does, without it."""

from __future__ import annotations

import ctypes
import os
import signal
import struct

_USER, _MOUNT, _PROCESS = 0x10000000, 0x00020000, 0x20000000
_NETWORK, _IPC, _NAME = 0x40000000, 0x08000000, 0x04000000
_BIND, _RECURSIVE, _PRIVATE, _DETACH = 0x1000, 0x4000, 0x40000, 2
_NO_SUID, _NO_DEVICES = 2, 4
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_READ_ONLY, _AT_RECURSIVE = 1, 0x8000


def enter(readable: list[str], devices: list[str], folder_bytes: int) -> None:
    """Go on as a child in new namespaces: no network, no other processes, the named files, an empty ``/tmp``.

    The process that called waits for the child, then ends as it did; all processes of the namespace end with
    the child, and the child with the process that called.

    Args:
        readable: files, folders and links that are visible, none of them writable.
        devices: device files that are visible.
        folder_bytes: what ``/tmp`` can hold.

    Raises:
        OSError: the kernel does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _checked(libc.unshare(_USER | _MOUNT | _PROCESS | _NETWORK | _IPC | _NAME), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    child = os.fork()
    if child:
        _end_as(child)
    _die_with_parent(libc)
    _root(libc, readable, devices, folder_bytes)
    # The first process of a namespace is deaf to signals: it only waits, and a second one goes on.
    child = os.fork()
    if child:
        _end_as(child)
    _drop_capabilities(libc)


def _root(libc: ctypes.CDLL, readable: list[str], devices: list[str], folder_bytes: int) -> None:
    """A root of mounts that show what is named; everything else is gone from sight."""

    def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
        texts = [None if text is None else text.encode() for text in (source, target, kind)]
        _checked(libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")

    def read_only(path: str, flags: int) -> None:
        attributes = struct.pack("QQQQ", _READ_ONLY, 0, 0, 0)
        size = ctypes.c_size_t(len(attributes))
        _checked(libc.syscall(_MOUNT_SETATTR, -100, path.encode(), flags, attributes, size), f"mount {path}")

    new = "/tmp"
    mount("none", "/", None, _RECURSIVE | _PRIVATE)
    mount("tmpfs", new, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
    for path in [*readable, *devices]:
        target = new + path
        if os.path.islink(path):
            os.symlink(os.readlink(path), target)
            continue
        if not os.path.exists(path):
            continue
        os.makedirs(target if os.path.isdir(path) else os.path.dirname(target), exist_ok=True)
        if not os.path.isdir(path):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        mount(path, target, None, _BIND | _RECURSIVE)
        if path in readable:
            read_only(target, _AT_RECURSIVE)
    os.mkdir(new + "/tmp")
    mount("tmpfs", new + "/tmp", "tmpfs", _NO_SUID | _NO_DEVICES, f"size={folder_bytes},mode=700")
    read_only(new, 0)
    os.chdir(new)
    _checked(libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _checked(libc.umount2(b".", _DETACH), "umount")
    os.chdir("/tmp")


def _end_as(child: int) -> None:
    """Wait for a child and end in the same way."""
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status))


def _die_with_parent(libc: ctypes.CDLL) -> None:
    pr_set_pdeathsig = 1
    _checked(libc.prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0), "prctl")


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    version = 0x20080522
    _checked(libc.capset(struct.pack("Ii", version, 0), bytes(24)), "capset")
    pr_capbset_drop = 24
    for capability in range(64):
        libc.prctl(pr_capbset_drop, capability, 0, 0, 0)  # refused from the last one on


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
