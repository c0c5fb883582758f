"""What this machine can do."""

import json
import os
import shutil
import time
from dataclasses import asdict
from importlib import metadata
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sugata.run.folder import environment
from sugata.sandbox import Level, levels

_OPTIONAL = ("transformers", "datasets", "optuna", "ray", "torchao", "scikit-learn", "tensorboard")


def findings() -> dict[str, Any]:
    """Cores, memory, disk, measured matrix-multiply speeds, training's precision, accelerators, packages."""
    import torch

    from sugata.training import automatic_precisions

    small, large = automatic_precisions(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    return {
        **environment(),
        "memory_free_bytes": psutil.virtual_memory().available,
        "disk_free_bytes": shutil.disk_usage(os.getcwd()).free,
        "matmul_gflops_fp32": _matmul_speed(torch.float32),
        "matmul_gflops_bf16": _matmul_speed(torch.bfloat16),
        "training_precision": {"small_matrices": small, "large_matrices": large},
        "cuda_devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "sandbox": _sandbox(),
        "optional": {name: _version(name) for name in _OPTIONAL},
    }


def print_findings(out: Console, *, as_json: bool) -> None:
    """Print the findings."""
    found = findings()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    fp32, bf16 = found["matmul_gflops_fp32"], found["matmul_gflops_bf16"]
    out.print(f"sugata {found['sugata']}, Python {found['python']}, {found['system']}")
    out.print(f"{found['cpu']}, {found['cores']} cores: {found['cores']} workers of one thread each")
    out.print(f"memory {found['memory_bytes'] / 1e9:.1f} GB, free {found['memory_free_bytes'] / 1e9:.1f} GB")
    out.print(f"disk free here {found['disk_free_bytes'] / 1e9:.1f} GB")
    out.print(f"matrix multiply, one thread, measured: fp32 {fp32:.0f} GFLOP/s, bf16 {bf16:.0f} GFLOP/s")
    out.print(f"training with precision auto: {_precision_text(**found['training_precision'])}")
    out.print("GPUs: " + (", ".join(found["cuda_devices"]) or "none, everything runs on the CPU"))
    sandbox = found["sandbox"]
    out.print(f"generated programs run at level {sandbox['level']}: {sandbox['meaning']}", soft_wrap=True)
    for level, problem in sandbox["problems"].items():
        out.print(f"  not here: {level} ({problem})", markup=False, soft_wrap=True)
    for name, version in {**found["packages"], **found["optional"]}.items():
        out.print(f"  {name:<14} {version or 'not installed'}")
    out.print("which method to take: sugata doctor --task image --data PATH --budget 2h", soft_wrap=True)


def print_advice(task: str, data: str | None, budget: str, out: Console, *, as_json: bool) -> None:
    """Print which space, strategy and evaluator suit a task and a budget, why, and what to type."""
    from sugata.advice import advise
    from sugata.recipe import seconds
    from sugata.run import Progress

    with Progress() as progress:
        progress.now("timing trainings of known networks on your data")
        advice = advise(task, data, seconds(budget))
    if as_json:
        print(json.dumps(asdict(advice), indent=2))
        return
    rows = [
        *advice.figures,
        ("space", advice.space),
        ("strategy", advice.strategy),
        ("evaluator", advice.evaluator),
        *zip(["because"] + [""] * len(advice.reasons), advice.reasons, strict=False),
    ]
    table = Table.grid(padding=(0, 2))
    for word, text in rows:
        table.add_row(Text(word, style="bold"), Text(text, overflow="fold"))
    out.print(table)
    out.print()
    out.print(Text(advice.command), soft_wrap=True)
    if advice.others:
        out.print("\n[bold]or, for[/bold]")
    for whom, what in advice.others:
        out.print(f"  {whom}: {what}", soft_wrap=True, markup=False)


def _sandbox() -> dict[str, Any]:
    """The level at which programs are isolated here, and why stronger ones are not."""
    problems: dict[str, str] = {}
    for level, problem in levels():
        if not problem:
            return {"level": str(level), "meaning": level.meaning, "problems": problems}
        problems[str(level)] = problem
    return {"level": str(Level.NONE), "meaning": "refused without --unsafe", "problems": problems}


def _precision_text(small_matrices: str, large_matrices: str) -> str:
    from sugata.training import BF16_PAYS_FROM

    if small_matrices == large_matrices:
        return small_matrices
    large = (
        f"{large_matrices} for networks whose matrices have {BF16_PAYS_FROM:,} elements or more on average"
    )
    return f"{large}, else {small_matrices}"


def _matmul_speed(dtype: Any, size: int = 768, seconds: float = 0.3) -> float:
    """GFLOP/s of one thread on square matrices, the best of the repeats."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        a = torch.ones(size, size, dtype=dtype)
        a @ a
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - started)
    finally:
        torch.set_num_threads(before)
    return 2 * size**3 / best / 1e9


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
