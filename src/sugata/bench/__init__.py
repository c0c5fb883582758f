"""Benchmarks of search strategies on tables, through the ordinary loop."""

from sugata.bench.command import bench_strategies, bench_workers
from sugata.bench.contenders import contenders
from sugata.bench.tasks import Contender, Task, tables, tasks_of, titled

__all__ = [
    "Contender",
    "Task",
    "bench_strategies",
    "bench_workers",
    "contenders",
    "tables",
    "tasks_of",
    "titled",
]
