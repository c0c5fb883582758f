"""Does stopping hopeless trainings early save time, and does it lose winners? On real learning curves.

    python benchmarks/learning_curves.py collect tiny --to benchmarks/results/curves_language.json
    python benchmarks/learning_curves.py replay benchmarks/results/curves_*.json

`collect` trains random architectures of a recipe's space in full and records their validations. `replay`
sends them, in many random orders, through the rule that a search uses (`sugata.evaluators.EarlyStop`): what
would have been stopped, how much training that saves, and how often the best of all is lost. Orders are drawn
with seeds 0, 1, 2, ...; the rule never sees what comes after the point at which it decides.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import statement, table, write_json

from sugata import recipe as recipes
from sugata.evaluators.zero_cost import initialize
from sugata.loop import trial_seed
from sugata.run.assembly import assemble, settings
from sugata.training import train
from sugata.trial import Fidelity


def collect(options: argparse.Namespace) -> None:
    """Train architectures in full and write their validation curves."""
    changes = {"training.evaluations": options.points, **recipes.assignments(options.changes)}
    recipe = recipes.load(options.recipe, changes)
    assembly = assemble(recipe)
    space, task = assembly.space, assembly.task
    assert task is not None
    task.prepare({choice.name: choice.options for choice in space.choices}, say=print)
    rng = np.random.default_rng(options.seed)
    budget = Fidelity(0, "full", options.amount, options.unit)
    curves: list[dict[str, Any]] = []
    while len(curves) < options.count:
        architecture = space.sample(rng)
        seed = trial_seed(options.seed, space.training_key(architecture))
        model = space.build(architecture, task.signature(architecture))
        initialize(model, seed)
        points: list[tuple[float, float]] = []
        started = time.process_time()

        def report(step: float, value: float, points: list[tuple[float, float]] = points) -> bool:
            points.append((step, value))
            return True

        result = train(model, task, architecture, settings(recipe), budget=budget, seed=seed, report=report)
        seconds = time.process_time() - started
        print(
            f"{len(curves) + 1}/{options.count}: {result.status}, {points[-1:]}, {seconds:.0f} s", flush=True
        )
        if len(points) == options.points:
            curves.append({"architecture": dict(architecture), "points": points, "seconds": seconds})
            primary = {"name": task.primary.name, "direction": task.primary.direction}
            facts = {"recipe": options.recipe, "changes": options.changes, "seed": options.seed}
            budgets = {"amount": options.amount, "unit": options.unit}
            write_json(options.to, {**statement(), **facts, **budgets, "metric": primary, "curves": curves})


def replay(options: argparse.Namespace) -> None:
    """Print what the rule saves and loses on recorded curves."""
    from sugata.evaluators import EarlyStop
    from sugata.trial import Metric

    rows = []
    for path in options.files:
        data = json.loads(path.read_text())
        metric = Metric(**data["metric"])
        curves = [[(float(step), metric.cost(value)) for step, value in c["points"]] for c in data["curves"]]
        print(f"{path.name}: {len(curves)} curves of {metric.name}; {data['command']}; {data['machine']}")
        for confidence in options.confidence:
            found = [_once(curves, EarlyStop(confidence), order) for order in range(options.orders)]
            saved, lost, regret, stopped = (np.array(values) for values in zip(*found, strict=True))
            rows.append(
                (
                    path.stem.removeprefix("curves_"),
                    f"{confidence:g}",
                    f"{100 * saved.mean():.0f} % ({100 * saved.min():.0f}-{100 * saved.max():.0f})",
                    f"{100 * stopped.mean():.0f} %",
                    f"{int(lost.sum())} of {len(lost)}",
                    f"{regret.mean():.4f} (worst {regret.max():.4f})",
                )
            )
    header = ("curves", "confidence", "training saved", "stopped", "winners lost", "regret")
    print(f"\n{options.orders} random orders each\n")
    print(table(header, rows))


def _once(curves: list[list[tuple[float, float]]], rule: Any, order: int) -> tuple[float, bool, float, float]:
    """One order: training saved, whether the best was lost, by how much, share of trainings stopped."""
    positions = np.random.default_rng(order).permutation(len(curves))
    total = sum(curve[-1][0] for curve in curves)
    spent, stopped, best = 0.0, 0, np.inf
    for position in positions:
        curve = curves[position]
        for i in range(1, len(curve) + 1):
            if i < len(curve) and rule.hopeless(curve[:i], curve[-1][0]):
                spent, stopped = spent + curve[i - 1][0], stopped + 1
                break
        else:
            spent, best = spent + curve[-1][0], min(best, curve[-1][1])
            rule.finished(curve)
    winner = min(curve[-1][1] for curve in curves)
    return 1 - spent / total, bool(best > winner), float(best - winner), stopped / len(curves)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    train_them = commands.add_parser("collect")
    train_them.add_argument("recipe")
    train_them.add_argument("--to", type=Path, required=True)
    train_them.add_argument("--count", type=int, default=24)
    train_them.add_argument("--points", type=int, default=20)
    train_them.add_argument("--amount", type=float, default=25)
    train_them.add_argument("--unit", default="seconds")
    train_them.add_argument("--seed", type=int, default=0)
    train_them.add_argument("--set", dest="changes", action="append", default=[])
    train_them.set_defaults(run=collect)
    again = commands.add_parser("replay")
    again.add_argument("files", type=Path, nargs="+")
    again.add_argument("--orders", type=int, default=200)
    again.add_argument("--confidence", type=float, nargs="+", default=[0.9, 0.95, 0.99])
    again.set_defaults(run=replay)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


if __name__ == "__main__":
    main()
