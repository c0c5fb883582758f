"""What the benchmarks share: stating where they ran, paired comparisons, tables, result files."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).parents[1]
RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean with a 95 % interval; the ends are None where there is too little to say."""

    mean: float
    low: float | None
    high: float | None
    count: int

    def shown(self, form: str = "+.4f") -> str:
        """The interval as text, such as ``-0.1200 [-0.1500, -0.0900]``."""
        if self.low is None or self.high is None:
            return f"{self.mean:{form}} [no interval from {self.count}]"
        return f"{self.mean:{form}} [{self.low:{form}}, {self.high:{form}}]"


def bootstrap(differences: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of paired differences with the percentile bootstrap's 95 % interval (Efron 1979).

    Pairs are resampled with replacement by a generator of their own, so the same differences give the same
    interval. With few pairs the percentile interval is known to be somewhat too narrow.

    Raises:
        ValueError: there is no difference, or one is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"paired differences {list(differences)}: give finite numbers, at least one")
    if len(values) == 1:
        return Interval(float(values[0]), None, None, 1)
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high), len(values))


def verdict(interval: Interval, *, smaller_is_better: bool) -> str:
    """``wins`` or ``loses`` where the whole interval is on one side of zero, else ``undecided``."""
    if interval.low is None or interval.high is None or interval.low <= 0 <= interval.high:
        return "undecided"
    return "wins" if (interval.high < 0) == smaller_is_better else "loses"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def statement(packages: Sequence[str] = ("torch", "numpy")) -> dict[str, Any]:
    """Command, machine, versions and commit, to stand beside every number."""
    return {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in packages},
        "commit": commit(),
    }


def processor() -> str:
    """Name of the processor, as the system gives it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The repository's commit, and whether its sources differ from it."""
    short = _git("rev-parse", "--short", "HEAD")
    if not short:
        return "unknown"
    return short + (" with uncommitted changes" if _git("status", "--porcelain", "--", "src") else "")


def write_json(path: Path, data: Any) -> None:
    """Write a result file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    draft.replace(path)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
