"""What this machine, or the part of it that we were given, has for workers."""

import os
import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_GPU_DEVICES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


def cores() -> int:
    """CPU cores that this process may use: its affinity, and the quota of its container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read(_CGROUP / "cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        count = min(count, max(1, int(quota[0]) // int(quota[1])))
    return count


def gpus() -> list[str]:
    """Names for CUDA_VISIBLE_DEVICES, one a GPU; torch is only imported where one is likely."""
    if "torch" not in sys.modules and not any(os.path.exists(device) for device in _GPU_DEVICES):
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return names or [str(index) for index in range(torch.cuda.device_count())]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
