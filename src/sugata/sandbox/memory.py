"""What all processes of a program hold in memory, seen from outside.

A control group would bound it without looking, but seldom may a container or an ordinary user make one.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_PROCESSES = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(leaders: Sequence[int]) -> list[int]:
    """Bytes that programs hold, each with all its processes; what these share counts for each of them.

    A program's processes are the group of the one that was started, and all that descend from it. In a
    process namespace orphans go to its first process, which descends from it too.
    """
    children, groups = defaultdict(list), defaultdict(list)
    for name in os.listdir(_PROCESSES):
        if name.isdigit():
            fields = _read(name, "stat").rpartition(")")[2].split()  # after a name that may hold anything
            if len(fields) > 2:
                children[int(fields[1])].append(int(name))
                groups[int(fields[2])].append(int(name))
    found = []
    for leader in leaders:
        members: set[int] = set()
        waiting = [leader, *groups[leader]]
        while waiting:
            process = waiting.pop()
            if process not in members:
                members.add(process)
                waiting += children[process]
        found.append(sum(_resident(process) for process in members))
    return found


def _resident(process: int) -> int:
    fields = _read(str(process), "statm").split()
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def _read(process: str, what: str) -> str:
    """A file of a process; nothing where it has ended."""
    try:
        return (_PROCESSES / process / what).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
