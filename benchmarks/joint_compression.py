"""Compression as a choice of the search, against architectures first and compression afterwards.

    python benchmarks/joint_compression.py --data CORPUS              # resumable

Both search `tiny` by NSGA-II for three objectives of what ships, bits per byte, stored size and latency, with
the same CPU time, trainings of as many steps, and one seed each. In the joint search bit width, pruning ratio
and pruning method are choices beside all others; where only they differ, one training serves all, which is
compressed and measured anew. (Not where a network is pruned gradually, while it trains: each share is a
training of its own.) The other searches uncompressed networks for a share of the time; with the rest it
compresses the networks of its front in all forms, form by form, beginning with the mildest and ending with
those that have to be trained again, and measures them in the same way.

Compared is the hypervolume of everything that was measured, in units of the reference: for each objective the
worst value that any search of that seed has found. Once of the values and once of their logarithms, since
sizes and latencies span decades. Printed: the paired differences over the seeds with a 95 % bootstrap
interval, and who wins.
"""

import argparse
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _common import bootstrap, statement, table, verdict, write_json
from _elastic import assembled, networks_of

from sugata.engines import InProcessEngine
from sugata.evaluators.training import TrainingEvaluator
from sugata.journal import Journal
from sugata.loop import Budget, search
from sugata.objectives import hypervolume
from sugata.run.assembly import settings
from sugata.space import Architecture, SearchSpace
from sugata.spaces import baselines
from sugata.spaces.language import LanguageSpace
from sugata.strategies import Strategy, strategy_class
from sugata.trial import Fidelity, Proposal, Status, Trial

ARMS = ("joint", "afterwards")
OBJECTIVES = ("bits_per_byte", "size_bytes", "latency_ms")
PACKAGES = ("sugata", "torch", "onnxruntime", "numpy")
UNCOMPRESSED = {"quantization": "fp16", "pruning_ratio": 0.0, "pruning_method": "magnitude"}


class Timed(Strategy):
    """Another strategy, until so many CPU seconds are spent; then each form of its front, until as many more.

    Args:
        inner: Proposes.
        until: CPU seconds of the process at which it ends.
        end: At which everything ends.
        forms: What is done to each network of the front then; none: it ends at once.
    """

    def __init__(
        self,
        space: SearchSpace,
        inner: Strategy,
        *,
        until: float,
        end: float,
        forms: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(space, inner.objectives, seed=inner.seed, fidelity=inner.fidelity)
        self.inner, self.until, self.end, self.forms = inner, until, end, forms
        self.told: list[Trial] = []
        self.left: list[Architecture] | None = None

    def _propose(self, number: int) -> Proposal | None:
        if spent() < self.until:
            return self.inner.ask()
        if self.left is None:
            front = self.objectives.front([trial for trial in self.told if trial.ok])
            self.left = [
                self.space.architecture({**trial.architecture, **form})
                for form, trial in itertools.product(self.forms, front)
            ]
        if spent() >= self.end or not self.left:
            return None
        return Proposal(number, self.left.pop(0), self.fidelity, origin="compressed")

    def tell(self, trial: Trial) -> None:
        """Pass it on."""
        self.told.append(trial)
        if trial.proposal.origin != "compressed":
            self.inner.tell(trial)


def spent() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def forms(space: LanguageSpace) -> list[dict[str, Any]]:
    """All ways of compression, the mildest first, those that need a training of their own last."""
    names = tuple(UNCOMPRESSED)
    found = [dict(zip(names, one, strict=True)) for one in itertools.product(*map(space.options.get, names))]  # type: ignore[arg-type]
    different = [one for one in found if one["pruning_ratio"] or one["pruning_method"] == "magnitude"]
    widths = list(space.options["quantization"])
    different.sort(
        key=lambda one: (
            one["pruning_method"] == "gradual",
            one["pruning_ratio"],
            widths.index(one["quantization"]),
        )
    )
    return [one for one in different if one != UNCOMPRESSED]


def searched(options: argparse.Namespace, seed: int, arm: str) -> dict[str, Any]:
    """One search; what it measured."""
    assembly = assembled(options.data, seed=seed, **{"objectives.metrics": list(OBJECTIVES)})
    networks, _ = networks_of(assembly)
    rung = Fidelity(0, "full", options.steps, "steps")
    evaluator = TrainingEvaluator(networks, settings(assembly.recipe), ladder=(rung,))
    objectives, given = assembly.objectives, assembly.recipe.strategy
    only = {name: (value,) for name, value in UNCOMPRESSED.items()}
    whole = assembly.space
    assert isinstance(whole, LanguageSpace)
    joint = arm == "joint"
    space = whole if joint else LanguageSpace("tiny", options={**whole.options, **only})
    vocabulary = {"vocab_size": whole.options["vocab_size"][0]}
    known = [
        {**item.architecture, **vocabulary, **({} if joint else UNCOMPRESSED)} for item in baselines("tiny")
    ]
    begun = spent()
    inner = strategy_class(given.kind)(
        space, objectives, seed=seed, fidelity=rung, starts=known, **given.options
    )
    end = begun + options.seconds
    until = end if joint else begun + options.share * options.seconds
    strategy = Timed(whole, inner, until=until, end=end, forms=[] if joint else forms(whole))
    with TemporaryDirectory(prefix="joint-compression-") as name:
        path = Path(name) / "journal.jsonl"
        with Journal.create(path, {"space": whole.name}) as journal, InProcessEngine(evaluator) as engine:
            trials = search(
                strategy,
                evaluator,
                engine,
                journal,
                space=whole,
                folder=Path(name) / "trials",
                budget=Budget(),
                window=1,
                seed=seed,
            )
    completed = [trial for trial in trials if trial.status is Status.COMPLETED and not trial.cached]
    trainings = {whole.training_key(trial.architecture) for trial in completed}
    return {
        "cpu_seconds": spent() - begun,
        "trained": len(trainings),
        "measured": len(completed),
        "points": [[trial.metrics[metric] for metric in OBJECTIVES] for trial in completed],
        "front": [dict(trial.architecture) for trial in objectives.front(completed)],
    }


def volumes(steps: Mapping[str, Any], seed: int) -> dict[str, dict[str, float]]:
    """Hypervolume of both searches of a seed, plain and of logarithms, as a share of the whole box."""
    points = {arm: np.array(steps[f"{seed}/{arm}"]["points"]) for arm in ARMS}
    together = np.concatenate(list(points.values()))
    worst, best = together.max(0), together.min(0)
    found: dict[str, dict[str, float]] = {"plain": {}, "logarithms": {}}
    for arm, one in points.items():
        found["plain"][arm] = hypervolume(one / worst, np.ones(3))
        scaled = (np.log(one) - np.log(best)) / (np.log(worst) - np.log(best))
        found["logarithms"][arm] = hypervolume(scaled, np.ones(3))
    return found


def report(steps: Mapping[str, Any], seeds: int) -> str:
    """The table and the verdicts."""
    found = [volumes(steps, seed) for seed in range(seeds)]
    rows = []
    for seed, arm in itertools.product(range(seeds), ARMS):
        one = steps[f"{seed}/{arm}"]
        best = np.array(one["points"]).min(0)
        rows.append(
            (
                seed,
                arm,
                f"{one['cpu_seconds']:.0f}",
                one["trained"],
                one["measured"],
                len(one["front"]),
                f"{best[0]:.3f}",
                f"{best[1] / 1e6:.3f}",
                f"{best[2]:.2f}",
                f"{found[seed]['plain'][arm]:.4f}",
                f"{found[seed]['logarithms'][arm]:.4f}",
            )
        )
    header = (
        "seed",
        "search",
        "CPU s",
        "trained",
        "measured",
        "front",
        "best bits per byte",
        "least MB",
        "least ms",
    )
    lines = [table((*header, "hypervolume", "of logarithms"), rows), ""]
    for kind in ("plain", "logarithms"):
        interval = bootstrap([one[kind]["joint"] - one[kind]["afterwards"] for one in found])
        said = verdict(interval, smaller_is_better=False)
        lines.append(f"joint less afterwards, hypervolume ({kind}): {interval.shown()}: joint {said}")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then print."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", required=True, help="a corpus, as a recipe's task.data")
    parser.add_argument("--seeds", type=int, default=5, help="how many: 0, 1, 2 ...")
    parser.add_argument("--seconds", type=float, default=240, help="CPU seconds of a search")
    parser.add_argument("--share", type=float, default=0.7, help="of them before compression begins")
    parser.add_argument("--steps", type=int, default=60, help="of each training")
    default = Path(__file__).parent / "results" / "joint_compression.json"
    parser.add_argument("--to", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = {name: value for name, value in vars(options).items() if name not in ("to", "seeds", "data")}
    done = json.loads(options.to.read_text()) if options.to.exists() else {}
    steps: dict[str, Any] = done.get("steps", {}) if done.get("settings") == given else {}
    for seed, arm in itertools.product(range(options.seeds), ARMS):
        name = f"{seed}/{arm}"
        if name not in steps:
            steps[name] = searched(options, seed, arm)
            write_json(options.to, {**statement(PACKAGES), "settings": given, "steps": steps})
            told = {key: value for key, value in steps[name].items() if isinstance(value, int | float)}
            print(f"{name}: {told}", flush=True)
    stated = statement(PACKAGES)
    print(
        f"\n{stated['command']}\n{stated['machine']}; {stated['versions']}\n\n{report(steps, options.seeds)}"
    )


if __name__ == "__main__":
    main()
