"""Does DARTS collapse on NAS-Bench-201, and does its remedy help? Searched cells against the table.

    python benchmarks/darts_collapse.py --data cifar10 --table nasbench201.parquet --seeds 0 1 2 3

Each seed searches on the same reduced network and images by plain DARTS (first order, the rates of Liu et
al. 2019, `none` may win an edge) and by the remedy, selection by perturbation (Wang et al. 2021), with one
setting for all seeds. What each derives is looked up in the table, whose 200-epoch test accuracy is printed
and used for nothing else. Weights learn on the training images, logits (or the comparisons of options) on the
validation images: no image is in both. `--steps` are those of the remedy's mixture, before its decisions;
plain DARTS takes `--plain-steps`, each of which updates weights and logits.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from _common import statement, table, write_json

from sugata.oneshot import Darts, Gdas, NasBench201Supernet, Perturbation, SupernetSettings
from sugata.spaces.cell import NasBench201Space
from sugata.tasks.image import ImageTask

WANTED_MEAN, WANTED_LEAST = 93.0, 92.0
METHODS: dict[str, Callable[[SupernetSettings], Any]] = {
    "plain": Darts,
    "perturbation": lambda settings: Perturbation(settings, tuning=100, held=32),  # the remedy
    "gdas": lambda settings: Gdas(settings, logit_rate=1e-2, zeros=False),
}


class Context:
    """What a method needs to know of its surroundings."""

    folder = None  # nothing is kept
    source = None
    trained = False

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def report(self, step: float, value: float) -> bool:
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


def searched(name: str, seed: int, task: ImageTask, options: argparse.Namespace) -> dict[str, Any]:
    """One search, and what the table knows of the cell."""
    space = NasBench201Space(channels=options.channels, cells=options.cells)
    if name == "perturbation":
        settings = SupernetSettings(
            steps=options.steps, batch_size=options.batch, learning_rate=options.rate, checks=10
        )
    else:  # the published learning rate
        settings = SupernetSettings(steps=options.plain_steps, batch_size=options.batch, checks=10)
    supernet = NasBench201Supernet(space, task.signature({}))
    supernet.initialize(torch.Generator().manual_seed(seed))
    search, started = METHODS[name](settings), time.process_time()
    search.fit(supernet, task, Context(seed))  # type: ignore[arg-type]
    cell = search.derive(1)[0]
    return {
        "method": name,
        "seed": seed,
        "cell": space.to_string(cell),
        "seconds": time.process_time() - started,
        **search.details(),
    }


def main() -> None:
    """Search, look up, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of CIFAR-10's images")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["plain", "perturbation"])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate of the remedy's weights")
    parser.add_argument("--plain-steps", type=int, default=2000, help="of plain DARTS and GDAS")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=1, help="in each of the three stages")
    parser.add_argument("--side", type=int, default=16, help="pixels that images are brought to")
    parser.add_argument("--to", type=Path, default=None, help="write the results to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = ImageTask(options.data, resize=options.side, validation_share=0.45, augment=("flip",))
    known = pd.read_parquet(options.table).set_index("arch")
    found = []
    for seed in options.seeds:
        for name in options.methods:
            one = searched(name, seed, task, options)
            row = known.loc[one["cell"]]
            one["validation_12"] = float(row["c10valid_val_acc_12"])
            one["test_200"] = float(row["c10_test_acc_200"])
            found.append(one)
            print(
                f"seed {seed}, {name}: {one['cell']} {one['test_200']:.2f} ({one['seconds']:.0f} s of the"
                f" processor)" + (f"; {one['warning']}" if one["warning"] else ""),
                flush=True,
            )
    rows = []
    for name in options.methods:
        accuracy = np.array([one["test_200"] for one in found if one["method"] == name])
        skips = np.mean([one["cell"].count("skip_connect") for one in found if one["method"] == name])
        reached = accuracy.mean() >= WANTED_MEAN and accuracy.min() >= WANTED_LEAST
        spread = f"{accuracy.std(ddof=1):.2f}" if len(accuracy) > 1 else "-"
        shown = f"{accuracy.mean():.2f}", spread, f"{accuracy.min():.2f}", f"{skips:.1f}"
        rows.append((name, *shown, "reached" if reached else "missed"))
    wanted = f"mean {WANTED_MEAN:g}, none under {WANTED_LEAST:g}"
    header = ("method", "test accuracy, mean", "deviation", "least", "skips of 6", wanted)
    print(table(header, rows))
    print(statement())
    if options.to:
        write_json(options.to, {**statement(), "searches": found})


if __name__ == "__main__":
    main()
