"""The first thing in a sandboxed process: confine itself, then do what it was started for."""

from __future__ import annotations

import os
import resource
import sys
from typing import Any


def confine(spec: dict[str, Any]) -> None:
    """Apply the level and the limits that the process was started with; none can be taken back.

    Args:
        spec: ``level``; ``readable`` and ``devices``, the visible files; ``folder``, the writable one;
            ``processes``, the value of ``RLIMIT_NPROC``; and the fields of ``Limits``.
    """
    sys.stdin.close()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    level = spec["level"]
    if level == "namespaces":
        from sugata.sandbox.inside.namespaces import enter

        enter(spec["readable"], spec["devices"], spec["folder_bytes"])
    os.umask(0o077)
    os.chdir(spec["folder"])
    _limit(spec)
    if level == "landlock":
        from sugata.sandbox.inside.landlock import restrict_files

        restrict_files(spec["readable"], spec["devices"], spec["folder"])
    if level != "none":
        from sugata.sandbox.inside.seccomp import refuse_system_calls

        refuse_system_calls(own_processes=level in ("bubblewrap", "namespaces"))


def _limit(spec: dict[str, Any]) -> None:
    seconds = spec["cpu_seconds"]
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),  # a second to ignore the first signal in
        (resource.RLIMIT_AS, spec["memory_bytes"], spec["memory_bytes"]),
        (resource.RLIMIT_FSIZE, spec["file_bytes"], spec["file_bytes"]),
        (resource.RLIMIT_NPROC, spec["processes"], spec["processes"]),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 128, 128),
    ):
        most = resource.getrlimit(what)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(what, (soft, hard))
