"""Which machine this is."""

import os
import platform
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cores() -> int:
    """How many it has, as the system counts them."""
    return os.cpu_count() or 1


def free_memory() -> int:
    """Bytes that are free for new processes: on the machine, and within the limit of its container."""
    available = psutil.virtual_memory().available
    limit, used = _read(_CGROUP / "memory.max"), _read(_CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        available = min(available, max(0, int(limit) - int(used)))
    return available


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
