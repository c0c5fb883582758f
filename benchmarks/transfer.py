"""What a warm start and progressive spaces save, on the tables of NAS-Bench-201.

    python benchmarks/transfer.py --data ../shared/data            # 100 seeds
    python benchmarks/transfer.py --data ../shared/data --seeds 5  # a look

For each strategy and seed a search of CIFAR-10 comes first: 100 evaluations by 12-epoch validation. Then
CIFAR-100 and ImageNet16-120 are searched, cold and with the best ten of that search as starts, for two
questions: how many queries until the optimum and until within 0.5 points of it (an oracle's search: it sees
the 200-epoch test accuracy), and what 200-epoch test accuracy has the best of 50 evaluations by 12-epoch
validation. Evaluations of starts count; those of the first search do not: it was run anyway.

Progressive: the same strategy on cells of two operations for 20 trials, then on all. Which operations come
first is a guess; a good one (3x3 convolution, skip) and a bad one (pooling, none) are both shown.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from _common import Interval, bootstrap, statement, table, verdict, write_json

from sugata.bench.replay import Replay, best_value, replay
from sugata.engines import SimulatedEngine
from sugata.evaluators import TableEvaluator, read_table
from sugata.journal import Journal
from sugata.loop import Budget, search
from sugata.objectives import Objectives
from sugata.space import SearchSpace, restricted
from sugata.strategies import Progressive, Start, Strategy, strategy_class
from sugata.trial import Value

SOURCE, TARGETS = "cifar10", ("cifar100", "imagenet16-120")
VALIDATION, TEST = "val_acc_12", "test_acc_200"
EVALUATIONS, TOP = 100, 10  # of the first search
QUERIES, SHORT = 500, 50
FIRST = 20  # trials of the small space
NEAR = 0.5
KINDS: Mapping[str, Mapping[str, Any]] = {"regularized_evolution": {}, "bayesian": {}}
GUESSES = {
    "progressive, 3x3 and skip first": ("nor_conv_3x3", "skip_connect"),
    "progressive, pool and none first": ("avg_pool_3x3", "none"),
}
Starts = Sequence[Mapping[str, Value]]


@dataclass(frozen=True)
class Score:
    """What one search of a target came to."""

    optimum: int  # queries; a failure counts as QUERIES
    near: int
    test: float


def evaluator(file: Path, data_set: str, metric: str) -> TableEvaluator:
    """Answers searches of one data set by one column."""
    return TableEvaluator(read_table(file, data_set=data_set, metrics=(VALIDATION, TEST)), metric)


def make(kind: str, seed: int, starts: Starts, found: TableEvaluator) -> Strategy:
    """A strategy on a table."""
    aims = Objectives((found.primary,))
    return strategy_class(kind)(found.table.space, aims, seed=seed, starts=starts, **KINDS[kind])


def progressive(kind: str, seed: int, operations: Sequence[str], found: TableEvaluator) -> Strategy:
    """The strategy on cells of some operations first."""
    whole, aims = found.table.space, Objectives((found.primary,))

    def inside(space: SearchSpace, starts: Starts) -> Strategy:
        return strategy_class(kind)(space, aims, seed=seed, starts=starts, **KINDS[kind])

    small = restricted(whole, {choice.name: operations for choice in whole.choices})
    return Progressive([small, whole], [FIRST], inside, aims, seed=seed)


def incumbents(kind: str, source: TableEvaluator, seed: int) -> list[Start]:
    """The best of a search of the source."""
    strategy = make(kind, seed, (), source)
    engine = SimulatedEngine(source, workers=1)
    with TemporaryDirectory() as folder:
        told = search(
            strategy,
            source,
            engine,
            Journal.in_memory(),
            space=source.table.space,
            folder=Path(folder),
            budget=Budget(trials=EVALUATIONS),
            window=1,
            seed=seed,
        )
    best = strategy.objectives.order(told)[:TOP]
    return [Start(told[i].architecture, "warm start") for i in best]


def score(
    strategy: Callable[[TableEvaluator], Strategy], oracle: TableEvaluator, short: TableEvaluator
) -> Score:
    """Both questions about a strategy on a target."""
    best = best_value(oracle)
    found = replay(strategy(oracle), oracle, target=best, budget=QUERIES)
    chosen = replay(strategy(short), short, report=TEST, budget=SHORT)
    return Score(found.found or QUERIES, _near(found, best), chosen.final)


def _near(found: Replay, best: float) -> int:
    reached = (queries for queries, value in found.curve if value >= best - NEAR)
    return next(reached, QUERIES)


def beginnings(kind: str, seed: int, starts: Starts) -> dict[str, Callable[[TableEvaluator], Strategy]]:
    """The ways in which a search of a target may begin."""
    guesses = {name: partial(progressive, kind, seed, operations) for name, operations in GUESSES.items()}
    return {"cold": partial(make, kind, seed, ()), "warm start": partial(make, kind, seed, starts), **guesses}


def run(file: Path, seeds: int) -> dict[str, Any]:
    """The scores of every strategy, target, beginning and seed."""
    source = evaluator(file, SOURCE, VALIDATION)
    tested = {name: (evaluator(file, name, TEST), evaluator(file, name, VALIDATION)) for name in TARGETS}
    results: dict[str, Any] = {}
    for kind in KINDS:
        for seed in range(seeds):
            begun = beginnings(kind, seed, incumbents(kind, source, seed))
            for target, (oracle, short) in tested.items():
                for name, strategy in begun.items():
                    scores = results.setdefault(kind, {}).setdefault(target, {}).setdefault(name, [])
                    scores.append(vars(score(strategy, oracle, short)))
            print(f"{kind}: seed {seed}", flush=True)
    return results


def rows(results: Mapping[str, Any]) -> list[list[str]]:
    """The table: means, and paired differences to the cold start with their intervals."""
    found = []
    for kind, targets in results.items():
        for target, ways in targets.items():
            for way, scores in ways.items():
                cells = [kind, target, way]
                for measure, form in (("optimum", ".1f"), ("near", ".1f"), ("test", ".2f")):
                    values = np.array([one[measure] for one in scores], float)
                    text = f"{values.mean():{form}}"
                    if way != "cold":
                        cold = np.array([one[measure] for one in ways["cold"]], float)
                        text += f"; {_against(bootstrap(list(values - cold)), measure)}"
                    cells.append(text)
                found.append(cells)
    return found


def _against(difference: Interval, measure: str) -> str:
    form = "+.2f" if measure == "test" else "+.1f"
    return f"{difference.shown(form)} {verdict(difference, smaller_is_better=measure != 'test')}"


def main() -> None:
    """Run, print, and keep the scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with nasbench201/")
    parser.add_argument("--seeds", type=int, default=100, help="0, 1, 2 and so on")
    parser.add_argument("--to", type=Path, help="a JSON file for all scores")
    given = parser.parse_args()
    started = time.monotonic()
    results = run(given.data / "nasbench201" / "nasbench201.parquet", given.seeds)
    header = [
        "strategy",
        "target",
        "begins",
        "queries to the optimum",
        f"queries to within {NEAR} points",
        f"test accuracy after {SHORT} evaluations",
    ]
    print(table(header, rows(results)))
    about = statement(("numpy",)) | {"seeds": given.seeds, "seconds": round(time.monotonic() - started)}
    for name, value in about.items():
        print(f"- {name}: {value}")
    if given.to:
        write_json(given.to, {"about": about, "results": results})


if __name__ == "__main__":
    main()
