"""How well do cheaper versions of an image task rank architectures, and how much faster are they?

    python benchmarks/proxy_tasks.py --data ../shared/data/cifar10_jpg

Architectures of NAS-Bench-201 (8 channels, one cell a stage) are drawn at random, those that train the same
once. Each is trained on the full task, on the full task with another seed (the noise ceiling: no proxy can be
expected to agree more with the full task than it does with itself), and on each proxy. Quality is validation
accuracy; speed-up is the ratio of the CPU seconds of training, one thread. The result file keeps every single
training; a run that was interrupted goes on where it was.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import statement, table, write_json
from scipy.stats import kendalltau, spearmanr

from sugata.evaluators.image import ImageNetworks
from sugata.loop import trial_seed
from sugata.space import Architecture
from sugata.spaces import space as space_named
from sugata.tasks import ImageTask
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity, Status

SPACE = "nasbench201"
NETWORK = {"channels": 8, "cells": 1}
SETTINGS = TrainingSettings(
    optimizer="sgd", learning_rate=0.2, batch_size=32, length=None, weight_decay=5e-4, warmup=0.1,
    final_share=0.0, clip=0.0,
)  # fmt: skip
PROXIES: dict[str, dict[str, float]] = {
    "1/4 of the epochs": {"epochs": 0.25},
    "1/4 of the data": {"samples": 0.25},
    "1/2 of the channels": {"channels": 0.5},
    "1/2 of the resolution": {"resolution": 0.5},
    "1/2 of channels and resolution": {"channels": 0.5, "resolution": 0.5},
}
FULL, AGAIN = "full task", "full task, other seed"
RESAMPLES = 2000


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits", help="as task.data of an image recipe")
    parser.add_argument("--samples", type=int, default=8000, help="training images of the full task")
    parser.add_argument("--epochs", type=float, default=3, help="of the full task")
    parser.add_argument("--validation", type=int, default=2500, help="validation images of every score")
    parser.add_argument("--architectures", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of architectures, weights and data")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "results" / "proxy_tasks.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = ImageNetworks(
        space_named(SPACE, **NETWORK),
        ImageTask(options.data, augment=("crop", "flip"), max_samples=options.samples),
    )
    networks.task.prepare(say=print)
    settings = {name: getattr(options, name) for name in ("samples", "epochs", "validation", "seed")}
    done = _read(options.to, {**settings, "data": Path(options.data).name})
    _trained(
        networks, networks.space.sample(np.random.default_rng(0)), {"epochs": 0.1}, options, 0
    )  # warm-up
    for number, architecture in enumerate(_draw(networks, options.architectures, options.seed)):
        _complete(networks, architecture, number, options, done)
        write_json(options.to, {**statement(), **done})
    print(report(done))


def _read(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Results of an earlier run with these settings."""
    if path.is_file():
        found = json.loads(path.read_text())
        if found["settings"] == settings:
            return {"settings": settings, "rows": found["rows"]}
    return {"settings": settings, "rows": []}


def _draw(networks: ImageNetworks, count: int, seed: int) -> list[Architecture]:
    rng = np.random.default_rng(seed)
    found: dict[str, Architecture] = {}
    while len(found) < count:
        drawn = networks.space.sample(rng)
        found.setdefault(networks.space.training_key(drawn), drawn)
    return list(found.values())


def _complete(
    networks: ImageNetworks,
    architecture: Architecture,
    number: int,
    options: argparse.Namespace,
    done: dict[str, Any],
) -> None:
    """Train an architecture in every way in which it has not been trained yet."""
    rows: list[dict[str, Any]] = done["rows"]
    if number == len(rows):
        network = networks.build(architecture, Fidelity())
        parameters = sum(parameter.numel() for parameter in network.parameters())
        rows.append({"architecture": networks.space.to_string(architecture), "parameters": parameters})
    row = rows[number]
    for name, proxy in {FULL: {}, AGAIN: {}, **PROXIES}.items():
        if name in row:
            continue
        seed = trial_seed(options.seed + (name == AGAIN), networks.space.training_key(architecture))
        accuracy, seconds = _trained(networks, architecture, proxy, options, seed)
        row[name] = {"accuracy": accuracy, "seconds": seconds}
        print(f"{number + 1:>3}  {name:<32} {accuracy:.4f}  {seconds:.1f} s", flush=True)


def _trained(
    networks: ImageNetworks,
    architecture: Architecture,
    proxy: dict[str, float],
    options: argparse.Namespace,
    seed: int,
) -> tuple[float, float]:
    """Validation accuracy and CPU seconds of training."""
    reduced = {name: value for name, value in proxy.items() if name != "epochs"}
    fidelity = Fidelity(0, "proxy", options.epochs * proxy.get("epochs", 1), "epochs", **reduced)  # type: ignore[arg-type]
    model = networks.build(architecture, fidelity, seed)
    result = train(model, networks.task, architecture, SETTINGS, budget=fidelity, seed=seed)
    if result.status is not Status.COMPLETED:
        return 0.0, result.seconds
    found = networks.task.evaluate(model, architecture, limit=options.validation, fidelity=fidelity)
    return found["accuracy"], round(result.seconds, 2)


def report(done: dict[str, Any]) -> str:
    """The table, a row a proxy, with the parameter count and the full task's own repetition beside them."""
    rows = [row for row in done["rows"] if all(name in row for name in (FULL, AGAIN, *PROXIES))]
    truth = np.array([row[FULL]["accuracy"] for row in rows])
    whole = sum(row[FULL]["seconds"] for row in rows)
    lines = []
    for name in (AGAIN, *PROXIES):
        scores = np.array([row[name]["accuracy"] for row in rows])
        faster = whole / sum(row[name]["seconds"] for row in rows)
        lines.append([name, f"{faster:.1f} x", *_agreement(scores, truth), f"{scores.mean():.3f}"])
    parameters = np.array([row["parameters"] for row in rows], dtype=np.float64)
    lines.append(["parameter count", "", *_agreement(parameters, truth), ""])
    header = ("against the full task", "faster", "Spearman", "Kendall", "mean accuracy")
    mean = f"full task: accuracy {truth.mean():.3f} ({truth.min():.3f} to {truth.max():.3f})"
    return f"{len(rows)} architectures, {mean}, {whole / len(rows):.1f} s each\n\n{table(header, lines)}"


def _agreement(scores: np.ndarray, truth: np.ndarray) -> list[str]:
    """Both rank correlations, each with the 95 % interval of a bootstrap over architectures."""
    return [_with_interval(measure, scores, truth) for measure in (spearmanr, kendalltau)]


def _with_interval(measure: Callable[..., Any], scores: np.ndarray, truth: np.ndarray) -> str:
    draws = np.random.default_rng(0).integers(len(truth), size=(RESAMPLES, len(truth)))
    found = [measure(scores[draw], truth[draw]).statistic for draw in draws]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return f"{measure(scores, truth).statistic:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
