"""Does an elastic supernet rank language models as their own trainings do, for a tenth of the cost?

    python benchmarks/elastic_ranking.py collect --data CORPUS     # resumable
    python benchmarks/elastic_ranking.py rank --data CORPUS
    python benchmarks/elastic_ranking.py budget --data CORPUS --size 0.5 --latency 5

`collect` trains random architectures of the space `tiny` (one vocabulary, everything else as drawn: token
mixers, sizes, norms, positions, compression) alone, each twice with different seeds. Budgets are in steps, so
that results depend neither on the machine nor on its load; costs are CPU seconds of the training steps.

`rank` trains one supernet for so many CPU seconds of one core and scores 200 architectures with it, those
that were trained alone among them. Printed: Kendall's tau with the standalone results (the mean of two seeds)
and a 95 % bootstrap interval over architectures; beside it that of counts, of the same trainings broken off
early, and of one seed with the other, which is what the truth itself is worth. Architectures are scored as
they ship, pruned and quantized; a second table has the networks as trained.

`budget` asks the supernet that `rank` saved for the best network within limits and measures what is exported.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _common import RESAMPLES, statement, table, write_json
from _elastic import Context, assembled, drawn, networks_of, shipped, supernet_of
from scipy.stats import kendalltau

from sugata.compression import compress
from sugata.evaluators.language import compression_of
from sugata.export import export_onnx
from sugata.loop import trial_seed
from sugata.measure import decoder_parameters, onnx_latency
from sugata.nn import LanguageModel
from sugata.oneshot import Elastic, LanguageSupernet, load_supernet, save_supernet
from sugata.run.assembly import Assembly, settings
from sugata.training import train
from sugata.trial import Fidelity

RANKED = 200  # architectures that the supernet scores
ARCHITECTURES = 2025  # seed of the architectures
EARLY = (0.1, 0.5)  # shares of a training after which it is scored too
SEEDS = (0, 1)
PACKAGES = ("torch", "numpy", "scipy")


# ---- trained alone


def collect(options: argparse.Namespace) -> None:
    """Train what is missing, one line of the file a training."""
    assembly = assembled(options.data)
    done = {(one["number"], one["seed"]) for one in read(options.alone)}
    architectures = list(islice(drawn(assembly.space, ARCHITECTURES), options.count))
    options.alone.parent.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        for number, architecture in enumerate(architectures):
            if (number, seed) in done:
                continue
            result = {"number": number, "seed": seed, "architecture": dict(architecture)}
            result |= trained_alone(assembly, architecture, seed, options)
            result |= {name: statement(PACKAGES)[name] for name in ("machine", "versions")}
            with options.alone.open("a") as file:
                file.write(json.dumps(result) + "\n")
            line = f"{result['shipped']:.3f} bits per byte, {result['seconds']:.0f} s"
            print(f"seed {seed}, {number + 1}/{len(architectures)}: {line}", flush=True)


def trained_alone(assembly: Assembly, architecture: Any, seed: int, options: argparse.Namespace) -> Any:
    """One training: bits per byte as trained and as shipped, early ones, and CPU seconds of its steps."""
    networks, task = networks_of(assembly)
    budget = Fidelity(0, "full", options.steps, "steps")
    seed = trial_seed(seed, assembly.space.training_key(architecture))
    model = networks.build(architecture, budget, seed)
    early: dict[str, float] = {}

    def report(step: float, value: float) -> bool:
        share = round(step / options.steps, 2)
        if share in EARLY:
            early[f"{share:g}"] = shipped(task, model, architecture, options.bytes // 3)
        return True

    # The loop's own validations are there for the call of `report` alone.
    given = replace(settings(assembly.recipe), evaluations=10, evaluation_limit=1024)
    result = train(model, task, architecture, given, budget=budget, seed=seed, report=report)
    raw = task.evaluate(model, architecture, split="validation", limit=options.bytes)
    return {
        "status": str(result.status),
        "steps": result.steps,
        "bytes": options.bytes,
        "seconds": result.seconds,
        "early": early,
        "raw": raw["bits_per_byte"],
        "shipped": shipped(task, model, architecture, options.bytes),
    }


def read(path: Path) -> list[dict[str, Any]]:
    """The trainings of a file, none if there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ---- the supernet's ranking


def rank(options: argparse.Namespace) -> None:
    """Train the supernet, score, print how well and for how much."""
    alone = paired(read(options.alone))
    assembly = assembled(options.data)
    space, (networks, task) = assembly.space, networks_of(assembly)
    architectures = [space.architecture(one[0]["architecture"]) for one in alone]
    others = (one for one in drawn(space, ARCHITECTURES + 1) if one not in architectures)
    ranked = [*architectures, *islice(others, RANKED - len(architectures))]
    started = time.process_time()
    supernet, method = trained_supernet(assembly, options)
    training, started = time.process_time() - started, time.process_time()
    evaluator = supernet.evaluator(task, options.score_bytes)
    scores = [evaluator.score(one)["bits_per_byte"] for one in ranked]
    scoring = time.process_time() - started
    found: dict[str, Any] = {
        "steps": method.losses[-1][0],
        "losses": method.losses,
        "networks": method.seen,
        "shared_parameters": sum(parameter.numel() for parameter in supernet.parameters()),
        "training_seconds": training,
        "scoring_seconds": scoring,
        "architectures": [dict(one) for one in ranked],
        "scores": scores,
        "raw": [raw_score(supernet, task, one, options.score_bytes) for one in architectures],
    }
    for name in ("parameters", "size_bytes", "flops"):
        found[name] = [networks.costs(one, (name,), None)[name] for one in architectures]  # type: ignore[arg-type]
    found["decoder_parameters"] = [
        decoder_parameters(LanguageModel(networks.space.config(one), device="meta")) for one in architectures
    ]
    found["tables"] = {kind: compare(alone, found, kind) for kind in ("shipped", "raw")}
    given = {name: value for name, value in vars(options).items() if isinstance(value, int | float | str)}
    write_json(options.to, {**statement(PACKAGES), "settings": given, **found})
    print_ranking(alone, found)


def trained_supernet(assembly: Assembly, options: argparse.Namespace) -> tuple[LanguageSupernet, Elastic]:
    """The supernet after so many CPU seconds."""
    _, task = networks_of(assembly)
    supernet = supernet_of(assembly)
    method = Elastic(
        settings(assembly.recipe),
        Fidelity(amount=options.seconds, unit="seconds"),
        sandwich=options.sandwich,
        random=options.random,
        distillation=0.0,
    )
    method.fit(supernet, task, Context(options.seed))  # type: ignore[arg-type]
    if options.save:
        save_supernet(options.save, supernet)
    return supernet, method


def raw_score(supernet: LanguageSupernet, task: Any, architecture: Any, size: int) -> float:
    """Bits per byte of the active path, neither pruned nor quantized."""
    supernet.activate(architecture)
    value: float = task.evaluate(supernet, architecture, limit=size)["bits_per_byte"]
    return value


def paired(trainings: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The trainings of every architecture that has one for each seed, in the order of the seeds."""
    found: dict[int, dict[int, Mapping[str, Any]]] = {}
    for one in trainings:
        found.setdefault(one["number"], {})[one["seed"]] = one
    return [[each[seed] for seed in SEEDS] for each in found.values() if set(SEEDS) <= set(each)]


def compare(
    alone: Sequence[Sequence[Mapping[str, Any]]], found: Mapping[str, Any], kind: str
) -> list[tuple[str, ...]]:
    """Kendall's tau of every predictor with the standalone results, and its cost as a share of theirs."""
    seeds = np.array([[one[kind] for one in each] for each in alone]).T
    mean = seeds.mean(axis=0)
    cost = (found["training_seconds"] + found["scoring_seconds"]) / cost_alone(alone)
    scores = np.array(found["scores" if kind == "shipped" else "raw"][: len(alone)])
    predictors = {"elastic supernet": (scores, f"{cost:.1%}")}
    for name, shown in (
        ("parameters", "more parameters"),
        ("decoder_parameters", "more parameters without embedding and head"),
        ("flops", "more FLOPs"),
        ("size_bytes", "more stored bytes"),
    ):
        predictors[shown] = -np.array(found[name]), "0 %"
    if kind == "shipped":
        for share in EARLY:
            early = np.array([each[0]["early"][f"{share:g}"] for each in alone])
            predictors[f"training of the first seed, broken off at {share:.0%}"] = early, f"{share:.1%}"
    rows = []
    for name, (values, shown) in predictors.items():
        taus = [f"{kendall(values, one):+.2f}" for one in seeds]
        rows.append((name, f"{kendall(values, mean):+.2f}", interval(values, mean), *taus, shown))
    ceiling = f"{kendall(*seeds):+.2f}"
    rows.append(("noise ceiling: the other seed", ceiling, interval(*seeds), "", "", "100 %"))
    return rows


def cost_alone(alone: Sequence[Sequence[Mapping[str, Any]]]) -> float:
    """CPU seconds of training as many architectures alone as the supernet ranks."""
    return RANKED * float(np.mean([one["seconds"] for each in alone for one in each]))


def kendall(one: np.ndarray, other: np.ndarray) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(one, other).statistic)


def interval(values: np.ndarray, truth: np.ndarray) -> str:
    """95 % percentile bootstrap over architectures, as text."""
    draws = np.random.default_rng(0).integers(len(truth), size=(RESAMPLES // 5, len(truth)))
    low, high = np.nanpercentile([kendall(values[draw], truth[draw]) for draw in draws], [2.5, 97.5])
    return f"[{low:+.2f}, {high:+.2f}]"


def print_ranking(alone: Sequence[Any], found: Mapping[str, Any]) -> None:
    """The two tables, and what everything cost."""
    stated = statement(PACKAGES)
    spent = f"{found['training_seconds']:.0f} s of training, {found['scoring_seconds']:.0f} s of scoring"
    print(f"\n{stated['command']}\n{stated['machine']}; {stated['versions']}")
    print(f"{len(alone)} architectures alone, two seeds each: {cost_alone(alone) / RANKED:.1f} s a training;")
    print(f"supernet, {found['steps']} steps, {RANKED} architectures: {spent} (CPU seconds)")
    header = ("ranked by", "Kendall's tau", "95 %", "first seed", "second seed", f"cost of {RANKED}")
    for kind, rows in found["tables"].items():
        print(f"\nBits per byte as {'shipped' if kind == 'shipped' else 'trained'}\n")
        print(table(header, rows))


# ---- the best network within limits


def budget(options: argparse.Namespace) -> None:
    """Search a saved supernet within limits, export the network and measure it."""
    assembly = assembled(options.data)
    _, task = networks_of(assembly)
    supernet = supernet_of(assembly)
    load_supernet(options.save, supernet)
    started = time.process_time()
    found = supernet.best_under(
        size=options.size * 1e6,
        latency=options.latency,
        task=task,
        trials=options.trials,
        limit=options.score_bytes,
        seed=options.seed,
    )
    seconds = time.process_time() - started
    assert isinstance(found.network, LanguageModel)
    compressed = compress(found.network, **vars(compression_of(found.architecture)))
    tokens = np.zeros((1, 128), np.int64)
    with TemporaryDirectory(prefix="elastic-ranking-") as name:
        compressed.save(Path(name) / "model.safetensors")
        export_onnx(compressed, Path(name) / "model.onnx")
        size = (Path(name) / "model.safetensors").stat().st_size
        timed = onnx_latency(Path(name) / "model.onnx", {"tokens": tokens})
    measured = {"size_bytes": size, "latency_ms": timed.median, "latency_ms_p90": timed.p90}
    result = {"architecture": dict(found.architecture), "metrics": dict(found.metrics), "exported": measured}
    given = {name: value for name, value in vars(options).items() if isinstance(value, int | float | str)}
    write_json(
        options.to,
        {**statement(PACKAGES), "settings": given, **result, "scored": found.scored, "seconds": seconds},
    )
    print(f"best of {found.scored} within {options.size} MB and {options.latency} ms, {seconds:.0f} CPU s:")
    print(json.dumps(result, indent=1))


def main() -> None:
    """The command line."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    commands = parser.add_subparsers(required=True)
    results = Path(__file__).parent / "results"
    parts = {run.__name__: commands.add_parser(run.__name__) for run in (collect, rank, budget)}
    for run, part in zip((collect, rank, budget), parts.values(), strict=True):
        part.set_defaults(run=run)
        part.add_argument("--data", required=True, help="a corpus, as a recipe's task.data")
    for part in (parts["collect"], parts["rank"]):
        part.add_argument("--alone", type=Path, default=results / "elastic_alone.jsonl")
    for part in (parts["rank"], parts["budget"]):
        part.add_argument("--score-bytes", type=int, default=6_144, help="validation text that scores one")
        part.add_argument("--seed", type=int, default=0)
        part.add_argument("--save", type=Path, default=Path("runs/elastic_ranking.safetensors"))
    collects, ranks, asks = parts["collect"], parts["rank"], parts["budget"]
    collects.add_argument("--count", type=int, default=30)
    collects.add_argument("--steps", type=int, default=120)
    collects.add_argument("--bytes", type=int, default=24_576, help="validation text of a result")
    ranks.add_argument("--seconds", type=float, default=170, help="CPU seconds of the supernet's training")
    ranks.add_argument("--sandwich", action="store_true", help="the largest and the smallest in every step")
    ranks.add_argument("--random", type=int, default=1, help="random networks of a step")
    ranks.add_argument("--to", type=Path, default=results / "elastic_ranking.json")
    asks.add_argument("--size", type=float, default=0.5, help="most megabytes of the stored file")
    asks.add_argument("--latency", type=float, default=5.0, help="most milliseconds of a prefill")
    asks.add_argument("--trials", type=int, default=100, help="architectures that are scored")
    asks.add_argument("--to", type=Path, default=results / "elastic_budget.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


if __name__ == "__main__":
    main()
