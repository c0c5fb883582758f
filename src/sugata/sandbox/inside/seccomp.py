"""System calls that no program of a benchmark needs, refused by a seccomp filter (man 2 seccomp)."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

# Numbers on x86-64 and on AArch64; None where the machine has no such call.
_NEVER: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "perf_event_open": (298, 241), "bpf": (321, 280),
    "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsmount": (432, 432), "open_tree": (428, 428), "mount_setattr": (442, 442), "pivot_root": (155, 41),
    "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268), "socket": (41, 198),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "open_by_handle_at": (304, 265),
    # Memory that no process holds: it would escape the look at them.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190),
}  # fmt: skip
# What reaches other processes of the same user, or files that Landlock does not guard; also what would take a
# child out of the process group that is killed at the end.
_WITHOUT_NAMESPACES: dict[str, tuple[int, int | None]] = {
    "setsid": (112, 157), "setpgid": (109, 154), "setpriority": (141, 140), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "move_pages": (279, 239), "migrate_pages": (256, 238), "shmat": (30, 196),
    "mq_open": (240, 180),
    "truncate": (76, 45), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None), "fchown": (93, 55),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip
_SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
_PRLIMIT, _CLONE, _CLONE3, _FCNTL, _IOCTL = (302, 261), (56, 220), (435, 435), (72, 25), (16, 29)
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWTIME
_OWNERS_OF_SIGNALS: dict[str, tuple[int, int]] = {
    "fcntl": (8, 15),
    "ioctl": (0x8901, 0x8902),
}  # F_SETOWN(_EX); FIOSETOWN, SIOCSPGRP

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _REFUSE, _MISSING = 0x80000000, 0x7FFF0000, 0x00050001, 0x00050026  # EPERM, ENOSYS


def refuse_system_calls(own_processes: bool) -> None:
    """Install the filter for this process and all that it starts.

    Args:
        own_processes: it is in a process namespace of its own, where every process may be signalled.

    Raises:
        OSError: the kernel has no seccomp, or the machine is neither x86-64 nor AArch64.
    """
    steps = _filter(own_processes)
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(steps), ctypes.addressof(buffer))
    pr_set_no_new_privs, pr_set_seccomp, filtering = 38, 22, 2
    if libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0) or libc.prctl(
        pr_set_seccomp, filtering, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "seccomp")


def _filter(own_processes: bool) -> list[tuple[int, int, int, int]]:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise OSError(38, f"no list of system calls for {machine}")
    column, audit = _ARCHITECTURES[machine]
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the calls of x32 have other numbers
        steps += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    refused: list[tuple[int, int | None]] = [*_NEVER.values()]
    if not own_processes:
        refused += _WITHOUT_NAMESPACES.values()
    for numbers in refused:
        number = numbers[column]
        if number is not None:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    # clone3 keeps its flags in memory, where a filter cannot look; the C library goes back to clone.
    steps += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _MISSING)]
    steps += [(_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _NEW_NAMESPACES)]
    steps += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    if not own_processes:
        own = os.getpid()
        for numbers in _SIGNALS.values():
            steps += _only(numbers[column], 0, (own,))
        steps += _only(_PRLIMIT[column], 0, (0, own))
        steps += _never(_FCNTL[column], 1, _OWNERS_OF_SIGNALS["fcntl"])
        steps += _never(_IOCTL[column], 1, _OWNERS_OF_SIGNALS["ioctl"])
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _only(number: int, argument: int, allowed: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Refuse the call unless an argument has one of these values."""
    count = len(allowed)
    tests = [(_EQUAL, count - i, 0, value) for i, value in enumerate(allowed)]
    return [
        (_EQUAL, 0, count + 3, number),
        (_LOAD, 0, 0, 16 + 8 * argument),
        *tests,
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _never(number: int, argument: int, refused: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Refuse the call if an argument has one of these values."""
    count = len(refused)
    tests = [(_EQUAL, count - i, 0, value) for i, value in enumerate(refused)]
    return [
        (_EQUAL, 0, count + 3, number),
        (_LOAD, 0, 0, 16 + 8 * argument),
        *tests,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
