"""What the loop costs: milliseconds a trial of a search whose evaluations cost nothing, by the thousand.

    python benchmarks/loop_overhead.py [--trials 10000] [--strategies evolution regularized_evolution]

Six choices of five operations, as NAS-Bench-201 has, evaluated in this process by a function that adds six
numbers; the journal is a file on the disk of ``--folder``. Everything else is as in any search: asks, tells,
limits, answers from the cache, syncs of the journal. What the disk takes for one sync is printed beside it.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import statement, table

from sugata.engines import InProcessEngine
from sugata.evaluators import FunctionEvaluator
from sugata.journal import Event, Journal
from sugata.loop import Budget, search
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import strategy_class
from sugata.trial import Metric, Trial

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
SPACE = DictionarySpace(dict.fromkeys(EDGES, OPERATIONS))
WORTH = {operation: worth for worth, operation in enumerate(OPERATIONS)}
ACCURACY = Metric("accuracy", "%", "maximize")
OPTIONS: dict[str, dict[str, Any]] = {
    "evolution": {"generations": 1_000_000}
}  # it would end with 4,010 trials
BLOCK = 1000


def accuracy(architecture: dict[str, Any]) -> float:
    """Something with an optimum: the sum of the operations' worths, each weighted by its edge."""
    return sum((place + 1) * WORTH[architecture[edge]] for place, edge in enumerate(EDGES))


class Clock:
    """When each trial was told: by the clock on the wall, and by the processor's time for this process."""

    def __init__(self) -> None:
        self.wall = [time.perf_counter()]
        self.processor = [time.process_time()]

    def __call__(self, event: Event) -> None:
        """Take the time of a tell."""
        if isinstance(event, Trial):
            self.wall.append(time.perf_counter())
            self.processor.append(time.process_time())


def blocks(times: list[float]) -> list[float]:
    """Milliseconds a trial: the mean, then of each thousand."""
    ends = times[::BLOCK]
    thousands = [(end - begin) * 1000 / BLOCK for begin, end in itertools.pairwise(ends)]
    return [sum(thousands) / len(thousands), *thousands]


def measure(name: str, trials: int, folder: Path, window: int | None) -> Clock:
    """One search."""
    evaluator = FunctionEvaluator(accuracy, [ACCURACY])
    clock = Clock()
    with (
        Journal.create(folder / f"{name}.jsonl", {}) as journal,
        InProcessEngine(evaluator) as engine,
    ):
        told = search(
            strategy_class(name)(SPACE, Objectives((ACCURACY,)), seed=0, **OPTIONS.get(name, {})),
            evaluator,
            engine,
            journal,
            space=SPACE,
            folder=folder / name,
            budget=Budget(trials),
            window=window,
            on_event=clock,
        )
    if len(told) != trials:
        raise SystemExit(f"{name} ended after {len(told)} of {trials} trials")
    return clock


def sync_cost(folder: Path, times: int = 50) -> float:
    """Milliseconds of one append and fsync of a line, median."""
    path, costs = folder / "sync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 400)
            started = time.perf_counter()
            os.fsync(file.fileno())
            costs.append((time.perf_counter() - started) * 1000)
    return statistics.median(costs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--strategies", nargs="+", default=["evolution", "regularized_evolution"])
    parser.add_argument("--folder", type=Path, help="where the journal is written; default: here")
    parser.add_argument("--window", type=int, help="pending proposals; default: the loop's")
    options = parser.parse_args()
    print(statement(["sugata", "numpy"]))
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd(), prefix=".loop-overhead-") as name:
        folder = Path(name)
        print(f"one sync of this disk: {sync_cost(folder):.2f} ms")
        rows = []
        for strategy in options.strategies:
            clock = measure(strategy, options.trials, folder, options.window)
            for name, times in {"wall": clock.wall, "processor": clock.processor}.items():
                rows.append([strategy, name, *(f"{block:.2f}" for block in blocks(times))])
    thousands = [f"{i + 1},000" for i in range(len(rows[0]) - 3)]
    print("milliseconds a trial, on average and in each thousand:")
    print(table(["strategy", "clock", "mean", *thousands], rows))


if __name__ == "__main__":
    main()
