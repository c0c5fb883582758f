"""Does an elastic supernet rank language models as their own trainings do, and for how much less?

    python benchmarks/elastic_ranking.py --data ../shared/data/pycorpus --seconds 480

The standalone side are the recorded trainings of `learning_curves.py collect`: architectures of a language
space, each trained alone, with bits per byte on validation text at the end. One supernet of the same space is
trained for so many seconds of one core, and scores all of them. Printed: Kendall's tau of its scores with the
standalone results, with an interval over architectures; beside it that of the number of parameters, of FLOPs,
and of the same trainings broken off early; and what ranking 200 architectures would cost either way, in CPU
seconds. There is no noise ceiling: the recording has one seed.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import RESAMPLES, statement, table, write_json
from scipy.stats import kendalltau

from sugata import recipe as recipes
from sugata.evaluators.language import LanguageNetworks
from sugata.oneshot import Elastic, LanguageSupernet, save_supernet
from sugata.run.assembly import assemble, settings
from sugata.trial import Fidelity, Metric

RANKED = 200  # architectures, of the costs that are compared


class Context:
    """What a method sees of a run: a seed, and where progress goes."""

    folder = None  # nothing is kept

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def report(self, step: float, value: float) -> bool:
        """Print the largest networks' loss."""
        print(f"{step:.0%} of the training: largest networks' loss {value:.3f} nats", flush=True)
        return True


def train_supernet(options: argparse.Namespace, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Train the supernet, score the recorded architectures, count and time everything."""
    changes = recipes.assignments([*recorded["changes"], f"task.data={options.data}"])
    recipe = recipes.load(recorded["recipe"], changes)
    assembly = assemble(recipe)
    space, task = assembly.space, assembly.task
    assert isinstance(assembly.networks, LanguageNetworks)
    task.prepare({choice.name: choice.options for choice in space.choices}, say=print)
    architectures = [space.architecture(one["architecture"]) for one in recorded["curves"]]
    supernet = LanguageSupernet(assembly.networks.space, task.signature(architectures[0]))
    method = Elastic(
        settings(recipe),
        Fidelity(amount=options.seconds, unit="seconds"),
        random=options.random,
        distillation=options.distillation,
    )
    method.fit(supernet, task, Context(options.seed))  # type: ignore[arg-type]
    if options.save:
        save_supernet(options.save, supernet)
    started, scores = time.process_time(), []
    for architecture in architectures:
        supernet.activate(architecture)
        found = task.evaluate(supernet, architecture, limit=options.bytes)
        scores.append(Metric(**recorded["metric"]).cost(found[recorded["metric"]["name"]]))
    costs = [assembly.networks.costs(one, ("parameters", "flops"), None) for one in architectures]  # type: ignore[arg-type]
    return {
        "scores": scores,
        "parameters": [one["parameters"] for one in costs],
        "flops": [one["flops"] for one in costs],
        "score_seconds": (time.process_time() - started) / len(scores),
        "steps": method.losses[-1][0] if method.losses else 0,
        "losses": method.losses,
        "networks": method.seen,
        "shared_parameters": sum(parameter.numel() for parameter in supernet.parameters()),
    }


def compare(recorded: Mapping[str, Any], found: Mapping[str, Any], seconds: float) -> list[tuple[str, ...]]:
    """Kendall's tau of every predictor with the standalone results, and its cost as a share of theirs."""
    metric = Metric(**recorded["metric"])
    curves = [[metric.cost(value) for _, value in one["points"]] for one in recorded["curves"]]
    truth = np.array([curve[-1] for curve in curves])
    alone = float(np.mean([one["seconds"] for one in recorded["curves"]])) * RANKED
    supernet = seconds + RANKED * found["score_seconds"]
    predictors = {
        "elastic supernet": (np.array(found["scores"]), supernet / alone),
        "more parameters": (-np.array(found["parameters"]), 0.0),
        "more FLOPs": (-np.array(found["flops"]), 0.0),
    }
    for share in (0.05, 0.1, 0.25, 0.5):
        place = max(1, round(share * len(curves[0]))) - 1
        values = np.array([curve[place] for curve in curves])
        predictors[f"trained alone, first {share:.0%}"] = values, (place + 1) / len(curves[0])
    rows = []
    for name, (values, cost) in predictors.items():
        low, high = _interval(values, truth)
        tau = kendalltau(values, truth).statistic
        rows.append((name, f"{tau:+.2f}", f"[{low:+.2f}, {high:+.2f}]", f"{cost:.1%}"))
    return rows


def _interval(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """95 % percentile bootstrap over architectures."""
    draws = np.random.default_rng(0).integers(len(truth), size=(RESAMPLES // 5, len(truth)))
    taus = [kendalltau(values[draw], truth[draw]).statistic for draw in draws]
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Parse the command line, train, compare."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", default="../shared/data/pycorpus")
    parser.add_argument("--curves", type=Path, default=Path("benchmarks/results/curves_language.json"))
    parser.add_argument("--to", type=Path, default=Path("benchmarks/results/elastic_ranking.json"))
    parser.add_argument("--save", type=Path, help="where the trained supernet is written")
    parser.add_argument("--seconds", type=float, default=480, help="CPU seconds of training")
    parser.add_argument("--random", type=int, default=2, help="random networks of a step")
    # From a teacher whose token mixer is drawn anew, students learn what it can do and not what they can.
    parser.add_argument("--distillation", type=float, default=0.0, help="share of the students' loss")
    parser.add_argument("--bytes", type=int, default=65_536, help="validation text that scores one")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recorded = json.loads(options.curves.read_text())
    found = train_supernet(options, recorded)
    rows = compare(recorded, found, options.seconds)
    given = {name: value for name, value in vars(options).items() if not isinstance(value, Path)}
    write_json(options.to, {**statement(), **given, **found, "table": rows})
    count = len(recorded["curves"])
    print(f"\n{count} architectures of {recorded['recipe']}, {found['steps']} steps of the supernet")
    print(f"{statement()['machine']}; {statement()['versions']}\n")
    header = ("ranked by", "Kendall's tau", "95 %", f"cost of {RANKED}, of training each")
    print(table(header, rows))


if __name__ == "__main__":
    main()
