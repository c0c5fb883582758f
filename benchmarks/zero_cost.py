"""How well do zero-cost proxies rank? NAS-Bench-201 against its table, language models against training.

    python benchmarks/zero_cost.py cells --table nasbench201.parquet --images cifar10/train.parquet
    python benchmarks/zero_cost.py language --curves benchmarks/results/curves_language.json

`cells` builds the published network (16 channels, 5 cells a stage) of random distinct cells, scores it on one
batch of real images, and prints Spearman's and Kendall's rank correlation with the table's 200-epoch test
accuracy; for synflow and naswot also with the table's own columns. `language` scores the architectures whose
learning curves were recorded by `learning_curves.py collect`, against their bits per byte after training.
Parameters and FLOPs stand in every table, since a proxy has to beat them.
"""

import argparse
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _common import statement, table, write_json
from PIL import Image
from scipy.stats import kendalltau, spearmanr

from sugata import recipe as recipes
from sugata.evaluators.zero_cost import ZeroCostEvaluator, initialize
from sugata.measure import PROXIES, Probe
from sugata.run.assembly import assemble
from sugata.space import image_signature
from sugata.spaces import space as space_named
from sugata.trial import Metric

Scores = list[dict[str, float]]


def cells(options: argparse.Namespace) -> None:
    """Proxies on NAS-Bench-201."""
    space = space_named("nasbench201", channels=options.channels, cells=options.cells)
    rows = pd.read_parquet(options.table).drop_duplicates("unique_str")
    rows = rows.sample(options.count, random_state=options.seed)
    images, labels = _batch(options.images, options.batch)
    signature = image_signature(*images.shape[1:], 10)
    scores: Scores = []
    seconds = dict.fromkeys(PROXIES, 0.0)
    for text in rows["arch"]:
        model = space.build(space.from_string(text), signature)  # type: ignore[attr-defined]
        initialize(model, options.seed)
        probe, found = Probe(model, images, labels), {}
        for name, proxy in PROXIES.items():
            started = time.process_time()
            found[name] = proxy(probe)
            seconds[name] += time.process_time() - started
        scores.append(found)
        print(f"{len(scores)}/{options.count} {text}", flush=True)
    accuracy = rows["c10_test_acc_200"].to_numpy()
    known = {
        "parameters": rows["c10_params"].to_numpy(float),
        "flops": 2 * rows["c10_macs"].to_numpy(float),
        "synflow (table's)": rows["c10_zc_synflow"].to_numpy(),
        "log-synflow (table's)": rows["c10_zc_logsynflow"].to_numpy(),
        "naswot (table's)": rows["c10_zc_naswot"].to_numpy(),
        "12-epoch validation (table's)": rows["c10valid_val_acc_12"].to_numpy(float),
    }
    values = {name: np.array([one[name] for one in scores]) for name in PROXIES}
    own = {"synflow": known["synflow (table's)"], "naswot": known["naswot (table's)"]}
    _print(values | known, accuracy, seconds, own, len(scores))
    data = {name: list(map(float, np.nan_to_num(column))) for name, column in (values | known).items()}
    facts = {"arch": list(rows["arch"]), "accuracy": accuracy.tolist(), "scores": data}
    write_json(options.to, {**statement(), **vars_of(options), **facts})


def language(options: argparse.Namespace) -> None:
    """Proxies on trained language models."""
    data = json.loads(options.curves.read_text())
    recipe = recipes.load(data["recipe"], recipes.assignments(data["changes"]))
    assembly = assemble(recipe)
    assert assembly.task is not None
    assembly.task.prepare({c.name: c.options for c in assembly.space.choices}, say=print)
    evaluator = ZeroCostEvaluator(assembly.space, assembly.task, batch_size=options.batch, length=64)
    scores = [evaluator.scores(one["architecture"], options.seed) for one in data["curves"]]
    metric = Metric(**data["metric"])
    quality = np.array([-metric.cost(one["points"][-1][1]) for one in data["curves"]])
    names = [*PROXIES, "parameters", "flops", "decoder_parameters"]
    values = {name: np.array([one[name] for one in scores]) for name in names}
    _print(values, quality, {}, {}, len(scores))


def _print(
    values: Mapping[str, np.ndarray],
    quality: np.ndarray,
    seconds: Mapping[str, float],
    own: Mapping[str, np.ndarray],
    count: int,
) -> None:
    rows = []
    for name, column in values.items():
        scores = np.nan_to_num(column, neginf=-1e300)
        own_column = np.nan_to_num(own[name], neginf=-1e300) if name in own else None
        rows.append(
            (
                name,
                f"{spearmanr(scores, quality).statistic:+.2f}",
                f"{kendalltau(scores, quality).statistic:+.2f}",
                "" if own_column is None else f"{spearmanr(scores, own_column).statistic:+.2f}",
                f"{seconds[name] / count:.2f}" if name in seconds else "",
            )
        )
    print(f"\n{count} networks; {statement()['machine']}; {statement()['versions']}\n")
    header = ("proxy", "Spearman", "Kendall", "Spearman with the table's column", "CPU seconds a network")
    print(table(header, rows))


def _batch(path: Path, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, normalized by their own mean and deviation, and labels."""
    frame = pd.read_parquet(path).iloc[:size]
    column = next(name for name in ("image", "img") if name in frame)
    contents = (one["bytes"] if isinstance(one, dict) else one for one in frame[column])
    pictures = [np.array(Image.open(io.BytesIO(content)).convert("RGB")) for content in contents]
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    floats = images.float()
    floats = (floats - floats.mean((0, 2, 3), keepdim=True)) / floats.std((0, 2, 3), keepdim=True)
    return floats, torch.tensor(frame["label"].to_numpy(np.int64))


def vars_of(options: argparse.Namespace) -> dict[str, object]:
    """The options as JSON values."""
    return {name: value for name, value in vars(options).items() if isinstance(value, int | float)}


def main() -> None:
    """Parse the command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    commands = parser.add_subparsers(required=True)
    tables = commands.add_parser("cells")
    tables.add_argument("--table", type=Path, required=True)
    tables.add_argument("--images", type=Path, required=True)
    tables.add_argument("--to", type=Path, default=Path("benchmarks/results/zero_cost.json"))
    tables.add_argument("--count", type=int, default=100)
    tables.add_argument("--batch", type=int, default=32)
    tables.add_argument("--channels", type=int, default=16)
    tables.add_argument("--cells", type=int, default=5)
    tables.add_argument("--seed", type=int, default=0)
    tables.set_defaults(run=cells)
    models = commands.add_parser("language")
    models.add_argument("--curves", type=Path, required=True)
    models.add_argument("--batch", type=int, default=16)
    models.add_argument("--seed", type=int, default=0)
    models.set_defaults(run=language)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


if __name__ == "__main__":
    main()
