"""Does a small single-path supernet rank the cells of NAS-Bench-201? Scores of paths against the table.

    python benchmarks/single_path_ranking.py --data cifar10 --table nasbench201.parquet --keep supernets

Each seed trains a supernet of reduced channels, cells and images, one random path a step, and scores a fixed
draw of distinct cells by their paths on held images, batch norms recalibrated for each: as the paths are, and
after a few steps that each is trained alone. The mean over the supernets is scored too. The yardstick is the
table's 200-epoch test accuracy: Spearman, the partial correlation given the logarithm of the parameters
(Pearson's of the residuals of both ranks), and the mean accuracy of the ten cells that score highest, each
with a 95 % interval of the bootstrap over cells. Beside stand what costs nothing (parameters, the table's
synflow) and what costs 12 epochs of training a cell.

Trained supernets are kept in `--keep` and scored again from there.
"""

import argparse
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from _common import statement, table, write_json
from scipy.stats import rankdata, spearmanr

from sugata.oneshot import (
    NasBench201Supernet,
    SinglePath,
    SupernetEvaluator,
    SupernetSettings,
    load_supernet,
    save_supernet,
)
from sugata.spaces.cell import NasBench201Space
from sugata.tasks.image import ImageTask
from sugata.training import TrainingSettings

WANTED = 0.55
RESAMPLES = 1000
BEST = 10


class Context:
    """What a method needs to know of its surroundings."""

    folder = None  # nothing is kept
    source = None
    trained = False

    def __init__(self, seed: int) -> None:
        self.seed, self.started = seed, time.process_time()

    def report(self, step: float, value: float) -> bool:
        seconds = time.process_time() - self.started
        print(f"seed {self.seed}: {step:.0%} of the steps, loss {value:.3f}, {seconds:.0f} s", flush=True)
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


def partial(scores: np.ndarray, accuracy: np.ndarray, given: np.ndarray) -> float:
    """Correlation of both ranks after a linear regression of each on `given`."""
    known = np.column_stack([np.ones(len(given)), given])
    residuals = []
    for ranks in (rankdata(scores), rankdata(accuracy)):
        residuals.append(ranks - known @ np.linalg.lstsq(known, ranks, rcond=None)[0])
    return float(np.corrcoef(residuals)[0, 1])


def best(scores: np.ndarray, accuracy: np.ndarray) -> float:
    """Mean accuracy of the cells that score highest."""
    return float(accuracy[np.argsort(-scores, kind="stable")[:BEST]].mean())


def measured(scores: np.ndarray, accuracy: np.ndarray, parameters: np.ndarray) -> dict[str, list[float]]:
    """Each figure, with the ends of its interval."""

    def figures(chosen: np.ndarray) -> list[float]:
        x, y, z = scores[chosen], accuracy[chosen], np.log(parameters[chosen])
        return [float(spearmanr(x, y).statistic), partial(x, y, z), best(x, y)]

    rng = np.random.default_rng(0)
    draws = [figures(rng.integers(len(scores), size=len(scores))) for _ in range(RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    names = ("spearman", "partial", "best")
    values = zip(figures(np.arange(len(scores))), low.tolist(), high.tolist(), strict=True)
    return dict(zip(names, map(list, values), strict=True))


def supernet(
    seed: int, space: NasBench201Space, task: ImageTask, options: argparse.Namespace
) -> tuple[NasBench201Supernet, float]:
    """The trained supernet of a seed, and the CPU seconds that its training took, once upon a time."""
    network = NasBench201Supernet(space, task.signature({}))
    kept = options.keep / f"single-path-{space.channels}-{space.cells}-{options.side}-{seed}.safetensors"
    spent = kept.with_suffix(".seconds")
    if kept.exists():
        load_supernet(kept, network)
        return network, float(spent.read_text())
    network.initialize(torch.Generator().manual_seed(seed))
    settings = SupernetSettings(
        steps=options.steps, batch_size=options.batch, learning_rate=options.rate, checks=10
    )
    started = time.process_time()
    method = SinglePath(settings, sampling=options.sampling)
    method.fit(network, task, Context(seed))  # type: ignore[arg-type]
    seconds = time.process_time() - started
    options.keep.mkdir(parents=True, exist_ok=True)
    save_supernet(kept, network)
    spent.write_text(f"{seconds}")
    return network, seconds


def scored(
    network: Any, task: ImageTask, cells: list[str], options: argparse.Namespace, steps: int
) -> np.ndarray:
    """Minus the cross-entropy of each cell's path on held images, after so many steps of its own."""
    training = TrainingSettings(
        optimizer="sgd",
        learning_rate=options.fine_rate,
        weight_decay=3e-4,
        batch_size=options.batch,
        warmup=0.0,
        final_share=0.0,
        clip=5.0,
        precision="fp32",
    )
    evaluator = SupernetEvaluator(
        network,
        task,
        calibration=options.calibration,
        limit=options.limit,
        fine_tuning=steps,
        training=training,
    )
    read = network.space.from_string
    return np.array([-evaluator.score(read(one))["cross_entropy"] for one in cells])


def known_scores(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the table has to compare with."""
    return {
        "parameters": rows["c10_params"].to_numpy(float),
        "synflow": np.log1p(rows["c10_zc_synflow"].to_numpy(float)),
        "log-synflow": rows["c10_zc_logsynflow"].to_numpy(float),
        "12 epochs of each, validation": rows["c10valid_val_acc_12"].to_numpy(float),
    }


def printed(name: str, figures: Mapping[str, list[float]], seconds: str) -> tuple[str, ...]:
    """A row of the table."""
    shown = [
        f"{value:{form}} [{low:{form}}, {high:{form}}]"
        for (value, low, high), form in zip(figures.values(), ("+.3f", "+.3f", ".2f"), strict=True)
    ]
    return (name, *shown, seconds)


def main() -> None:
    """Train, score, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of CIFAR-10's images")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True, help="folder of trained supernets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--count", type=int, default=1000, help="cells, of different keys")
    parser.add_argument("--draw", type=int, default=0, help="seed of the draw of cells")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=1, help="in each of the three stages")
    parser.add_argument("--side", type=int, default=16, help="pixels that images are brought to")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--sampling", choices=("uniform", "fair"), default="uniform")
    parser.add_argument("--fine-tuning", type=int, default=15, help="steps of a path alone")
    parser.add_argument("--fine-rate", type=float, default=0.05)
    parser.add_argument("--calibration", type=int, default=6, help="batches for the batch norms of a path")
    parser.add_argument("--limit", type=int, default=1000, help="held images that score a path")
    parser.add_argument("--to", type=Path, default=None, help="write the results to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = ImageTask(options.data, resize=options.side, augment=("crop", "flip"))
    task.prepare()
    space = NasBench201Space(channels=options.channels, cells=options.cells)
    known = pd.read_parquet(options.table)
    rows = known.drop_duplicates("unique_str").sample(options.count, random_state=options.draw)
    accuracy, parameters = (rows[name].to_numpy(float) for name in ("c10_test_acc_200", "c10_params"))
    scores: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    ways = {"": 0, f", {options.fine_tuning} steps of each": options.fine_tuning}
    for seed in options.seeds:
        network, trained = supernet(seed, space, task, options)
        for way, steps in ways.items():
            started, name = time.process_time(), f"supernet, seed {seed}{way}"
            scores[name] = scored(network, task, list(rows["arch"]), options, steps)
            scoring = time.process_time() - started
            print(f"{name}: trained in {trained:.0f} s, scored in {scoring:.0f} s", flush=True)
            seconds[name] = trained + scoring
    if len(options.seeds) > 1:
        for way in ways:
            names = [f"supernet, seed {seed}{way}" for seed in options.seeds]
            scores[f"mean of the supernets{way}"] = np.mean([scores[name] for name in names], axis=0)
            seconds[f"mean of the supernets{way}"] = sum(seconds[name] for name in names)
    figures = {
        name: measured(column, accuracy, parameters) for name, column in (scores | known_scores(rows)).items()
    }
    header = (
        f"{options.count} cells",
        "Spearman",
        "partial, given log parameters",
        f"accuracy of the best {BEST}",
        "s of the processor",
    )
    spent = {name: f"{one:.0f}" for name, one in seconds.items()}
    print(table(header, [printed(name, one, spent.get(name, "")) for name, one in figures.items()]))
    own = list(scores)[-1]  # with steps of each
    reached = "reached" if figures[own]["partial"][0] >= WANTED else "missed"
    print(f"\nwanted: a partial correlation of {WANTED}; {own}: {reached}. The images are lossy JPEGs.")
    print(statement())
    if options.to:
        columns = {name: column.tolist() for name, column in scores.items()}
        facts = {"seconds": seconds, "figures": figures, "arch": list(rows["arch"]), "scores": columns}
        write_json(options.to, {**statement(), **facts})


if __name__ == "__main__":
    main()
