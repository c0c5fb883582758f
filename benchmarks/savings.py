"""What weight sharing, a proxy task and early stopping save, alone and together, and what they cost in rank.

    python benchmarks/savings.py --data cifar10 --table nasbench201.parquet --seeds 0

One recipe with three independent switches, all eight combinations: the same 100 random cells of
NAS-Bench-201, the top 5 of them trained in full, the best of these wins.

* weight sharing: a single-path supernet scores the 100, each after a few steps of its own; the best fifth are
  then trained alone;
* proxy: those trainings take a quarter of the steps on a fifth of the images;
* early stop: trainings whose curves promise no place among the five best end.

Time is that of the processor, over all processes of a run, supernet and final trainings included. The rank is
the winner's among the 100 by the table's 200-epoch test accuracy, which no run has seen.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from _common import statement, table, write_json

from sugata.run import Result
from sugata.spaces.cell import NasBench201Space

SWITCHES = ("weight sharing", "proxy", "early stop")


def recipe(options: argparse.Namespace, seed: int, sharing: bool, proxy: bool, stop: bool) -> dict[str, Any]:
    """The recipe, with its switches."""
    count, kept = options.candidates, max(options.top, options.candidates // 5)
    rung: dict[str, Any] = {"name": "candidate", "amount": options.steps, "unit": "steps"}
    rung["capacity"] = kept if sharing else count
    if proxy:
        rung |= {"amount": options.steps // 4, "samples": 0.2}
    shared = {"name": "shared", "unit": "supernet", "capacity": count, "keep": kept / count}
    made: dict[str, Any] = {
        "name": "savings",
        "seed": seed,
        "space": "nasbench201",
        "network": {"channels": options.channels, "cells": 1},
        "task": {
            "kind": "image",
            "data": str(options.data),
            "resize": options.side,
            "max_samples": options.images,
            "augment": ["flip"],
            "evaluation_images": 1000,
        },
        "baselines": False,
        "strategy": {"kind": "random"},
        "funnel": [shared, rung] if sharing else [rung],
        "promote_by": "accuracy",
        "objectives": {"metrics": ["accuracy"]},
        "training": {"optimizer": "sgd", "batch_size": 64, "learning_rate": 0.1, "evaluations": 10},
        "final": {"amount": 2 * options.steps, "unit": "steps", "top": options.top},
        "engine": {"workers": 1},
    }
    if sharing:
        steps = options.supernet_steps // 4 if proxy else options.supernet_steps
        made["supernet"] = {"method": "single_path", "amount": steps, "ranked": 0, "learning_rate": 0.1}
        made["supernet"] |= {"fine_tuning": options.fine_tuning, "fine_tuning_rate": 0.05}
    if stop:
        made["early_stop"] = {"confidence": 0.95, "rank": options.top}
    return made


def searched(folder: Path, options: argparse.Namespace, seed: int, on: tuple[bool, ...]) -> dict[str, Any]:
    """One run in processes of its own, and what it took of the processor."""
    name = f"{seed}-" + "".join("01"[one] for one in on)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(recipe(options, seed, *on)))
    command = [sys.executable, "-m", "sugata", "search", str(file), "--run-dir", str(folder / name)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)  # of the process and of all its workers
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-2000:]}")
    result = Result(folder / name)
    first = [trial for trial in result.record.trials if trial.proposal.continues is None]
    space = NasBench201Space()
    best = result.finals[0]
    return {
        "seed": seed,
        **dict(zip(SWITCHES, map(bool, on), strict=True)),
        "seconds": usage.ru_utime + usage.ru_stime,
        "candidates": [space.to_string(space.architecture(trial.architecture)) for trial in first],
        "stopped": sum(str(trial.status) == "stopped" for trial in result.record.trials),
        "winner": space.to_string(space.architecture(best.architecture)),
        "accuracy": best.metrics["accuracy"],
    }


def ranked(one: dict[str, Any], known: pd.Series) -> dict[str, Any]:
    """With what the table says of the winner."""
    accuracy = known[one["candidates"]].to_numpy()
    won = float(known[one["winner"]])
    return {**one, "table": won, "rank": 1 + int((accuracy > won).sum()), "best": float(accuracy.max())}


def show(found: list[dict[str, Any]]) -> str:
    """The table over all seeds."""
    whole = {one["seed"]: one["seconds"] for one in found if not any(one[name] for name in SWITCHES)}
    rows = []
    for on in itertools.product((False, True), repeat=len(SWITCHES)):
        these = [one for one in found if all(one[n] == o for n, o in zip(SWITCHES, on, strict=True))]
        if not these:
            continue
        names = " + ".join(name for name, used in zip(SWITCHES, on, strict=True) if used) or "none"
        shares = [one["seconds"] / whole[one["seed"]] for one in these if one["seed"] in whole]
        ranks = ", ".join(str(one["rank"]) for one in these)
        accuracy = np.mean([one["table"] for one in these])
        alone = np.mean([one["accuracy"] for one in these])
        time = f"{np.mean([one['seconds'] for one in these]):.0f}"
        share = f"{np.mean(shares):.0%}" if shares else "–"
        rows.append((names, time, share, ranks, f"{accuracy:.2f}", f"{100 * alone:.1f}"))
    head = ("saving", "CPU s", "of none", "rank of the winner", "its table accuracy", "here, validation")
    return table(head, rows)


def main() -> None:
    """Run all combinations that the results file does not have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of CIFAR-10's images")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--steps", type=int, default=600, help="of a candidate, batches of 64")
    parser.add_argument("--supernet-steps", type=int, default=5000)
    parser.add_argument("--fine-tuning", type=int, default=30, help="steps of a path before it is scored")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--side", type=int, default=16, help="pixels that images are brought to")
    parser.add_argument("--runs", type=Path, default=Path("runs/savings"))
    parser.add_argument("--to", type=Path, default=Path("benchmarks/results/savings.json"))
    options = parser.parse_args()
    options.data = options.data.absolute()
    options.runs.mkdir(parents=True, exist_ok=True)
    known = pd.read_parquet(options.table).set_index("arch")["c10_test_acc_200"]
    found = json.loads(options.to.read_text())["found"] if options.to.exists() else []
    done = {(one["seed"], *(one[name] for name in SWITCHES)) for one in found}
    for seed in options.seeds:
        for on in itertools.product((True, False), repeat=len(SWITCHES)):  # the cheapest first
            if (seed, *on) in done:
                continue
            found.append(ranked(searched(options.runs, options, seed, on), known))
            settings = {name: value for name, value in vars(options).items() if not isinstance(value, Path)}
            write_json(options.to, {**statement(), **settings, "found": found})
            print(show(found), flush=True)
    print(show(found))
    print(statement())


if __name__ == "__main__":
    main()
