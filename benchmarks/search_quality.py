"""How good what the search finds is: beside hand-made networks, and beside random search.

    python benchmarks/search_quality.py --data CORPUS                   # prints its expected time first

1. The found model against the hand-made `tiny` baselines, at equal training time and no greater stored size.
   First all baselines are trained for `--final` seconds, at every seed. Best is the one with the lowest mean
   validation bits per byte over the seeds. Then each seed searches with the shipped recipe `tiny` under a
   hard size limit: the stored size of the best baseline or, if that is smaller, of this seed's best. The
   winner of the highest rung is trained from scratch side by side with that best baseline, which is trained
   again (same seed, same seconds of CPU time, same data, two trainings at a time, so that a change of the
   machine's speed meets both), and both are scored on the same validation text.
2. The search against random search with the same limit, funnel, seconds and workers: hypervolume of the
   highest rung's front in bits per byte, log10 of stored bytes and log10 of milliseconds of latency, below
   one fixed reference point. Random search is the plain one, without known good networks to start from, which
   the shipped search has; `--arms evolution random random_with_baselines` adds random search with the same
   start. The winners of all are trained and scored together with the above.

The recipe's rungs are scaled with `--budget`, so that a shorter search trains each network less and does not
train fewer: at 150 seconds it is the shipped recipe. The searches of a seed run one after the other and take
turns in going first. Winners are chosen by validation text too, a part of what scores them at the end; the
test text is not touched.

Every step is written to `--out` as it ends; started again with the same options, the benchmark goes on with
the first step that is missing (a step that was interrupted begins anew).
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np
from _common import Interval, bootstrap, commit, statement, table, verdict, write_json
from _search_steps import ARMS, SHIPPED, Options, Step, recipe_for, run_search, train

from sugata.objectives import hypervolume
from sugata.run import assemble
from sugata.spaces import baselines

OBJECTIVES = ("bits_per_byte", "size_bytes", "latency_ms")
#: Bits per byte, bytes, milliseconds: worse than whatever is worth shipping from the space.
REFERENCE = (4.0, 10e6, 100.0)
GOAL = -5.0  # per cent of the best baseline's bits per byte
#: Seconds on an idle machine, for the first estimate only: start of workers; compression, export and
#: measurement of one network; what a search's last trials take after its time.
STARTING, MEASURING, ENDING = 8.0, 9.0, 10.0


# ---- the steps, in order, each written as it ends


class Benchmark:
    """All steps and their results."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.stated = statement(("sugata", "torch", "numpy", "onnxruntime", "tokenizers"))
        self.steps: dict[str, Step] = {}
        if options.out.exists():
            self.steps = json.loads(options.out.read_text()).get("steps", {})
        self.spent: dict[str, list[float]] = {}  # seconds of finished steps, by kind
        self.names = [f"{seed}/baselines" for seed in range(options.seeds)]
        for seed in range(options.seeds):
            turn = seed % len(options.arms)
            self.names += [f"{seed}/{arm}" for arm in (*options.arms[turn:], *options.arms[:turn])]
            self.names.append(f"{seed}/winners")

    def run(self) -> None:
        """Run what is missing."""
        self.prepare()
        print(
            f"{len(self.names)} steps, about {self.left(0) / 60:.0f} minutes on an idle machine", flush=True
        )
        known = {item.name: dict(item.architecture) for item in baselines("tiny")}
        for i, name in enumerate(self.names):
            head, kind = name.split("/")
            seed = int(head)
            if kind == "baselines":
                self.step(i, {}, lambda seed=seed: train(self.options, seed, known))
            elif kind == "winners":
                winners = self.compared(seed, known)
                self.step(
                    i,
                    {"winners": winners},
                    lambda seed=seed, winners=winners: train(self.options, seed, winners),
                )
            else:
                limit = self.limit(seed)
                self.step(
                    i,
                    {"budget": self.options.budget, "limit": limit},
                    lambda seed=seed, kind=kind, limit=limit: run_search(self.options, seed, kind, limit),
                )

    def prepare(self) -> None:
        """Corpus and tokenizers, before anything is timed."""
        assembly = assemble(recipe_for(self.options, 0, "evolution", None, self.options.evaluation_bytes))
        assert assembly.task is not None
        assembly.task.prepare({choice.name: choice.options for choice in assembly.space.choices}, say=print)

    def step(self, place: int, given: dict[str, Any], run: Any) -> None:
        """Run a step unless its result for the same settings is there."""
        name, options = self.names[place], self.options
        settings = {"data": options.data, "max_bytes": options.max_bytes, "workers": options.workers} | given
        if "limit" not in given:  # a training
            settings |= {"final": options.final, "evaluation_bytes": options.evaluation_bytes}
        done = self.steps.get(name)
        if done is None or done["settings"] != settings:
            started = time.monotonic()
            result = run()
            seconds = round(time.monotonic() - started, 1)
            done = {"settings": settings, "commit": commit(), "seconds": seconds, **result}
            self.steps[name] = done
            self.write()
        self.spent.setdefault(kind_of(name), []).append(done["seconds"])
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        seed, what = name.split("/")
        print(
            f"[{place + 1}/{len(self.names)}] seed {seed}, {what}: {done['seconds']:.0f} s; "
            f"about {self.left(place + 1) / 60:.1f} minutes left",
            flush=True,
        )

    def left(self, place: int) -> float:
        """Seconds that the steps from here on are expected to take."""
        return sum(self.expected(kind_of(name)) for name in self.names[place:])

    def expected(self, kind: str) -> float:
        """Seconds of a step: the mean of those of its kind that are done, else the plan."""
        if kind in self.spent:
            return statistics.fmean(self.spent[kind])
        if kind == "search":
            return STARTING + self.options.budget + ENDING
        networks = len(baselines("tiny")) if kind == "baselines" else len(self.options.arms) + 1
        return STARTING + math.ceil(networks / self.options.workers) * (self.options.final + MEASURING)

    def write(self, summary: dict[str, Any] | None = None) -> None:
        """The file with everything raw."""
        settings = {
            name: value if isinstance(value, int | float | tuple) else str(value)
            for name, value in vars(self.options).items()
        }
        data = {
            **self.stated,
            "settings": settings,
            "reference": dict(zip(OBJECTIVES, REFERENCE, strict=True)),
        }
        write_json(self.options.out, data | {"summary": summary, "steps": self.steps})

    # -- what the results say

    def baseline(self, seed: int, name: str) -> dict[str, float]:
        """A baseline's metrics after the final training."""
        metrics: dict[str, float] = self.steps[f"{seed}/baselines"]["trials"][name]["metrics"]
        return metrics

    def ranking(self, seed: int | None = None) -> list[str]:
        """Baselines, the best of a seed first, or of all seeds on average."""
        seeds = range(self.options.seeds) if seed is None else [seed]
        names = self.steps["0/baselines"]["trials"]
        return sorted(names, key=lambda name: sum(self.baseline(s, name)["bits_per_byte"] for s in seeds))

    def best(self, seed: int | None = None) -> str:
        """The best baseline of a seed, or of all on average."""
        return self.ranking(seed)[0]

    def compared(self, seed: int, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """What is trained side by side: the found model first, then the best baselines, then other winners.

        Filled up with further baselines, so that none is trained while a worker has nothing to do.
        """
        networks = {"evolution": self.winner(seed, "evolution")["architecture"]}
        networks |= {name: known[name] for name in (self.best(), self.best(seed))}
        networks |= {arm: self.winner(seed, arm)["architecture"] for arm in self.options.arms}
        for name in self.ranking():
            if len(networks) % self.options.workers:
                networks.setdefault(name, known[name])
        return networks

    def limit(self, seed: int) -> float:
        """The hard size limit of a seed's searches, in bytes: no more than either best baseline has."""
        return min(self.baseline(seed, name)["size_bytes"] for name in (self.best(), self.best(seed)))

    def winner(self, seed: int, arm: str) -> dict[str, Any]:
        """The winner of a search, as its trial."""
        step = self.steps[f"{seed}/{arm}"]
        return next(trial for trial in step["trials"] if trial["number"] == step["winner"])

    def final(self, seed: int, name: str) -> dict[str, float]:
        """Metrics of an arm's winner, or of a best baseline, after the training side by side."""
        metrics: dict[str, float] = self.steps[f"{seed}/winners"]["trials"][name]["metrics"]
        return metrics

    def tokens(self, seed: int, name: str) -> int:
        """How much text that training has seen, in tokens."""
        return int(self.steps[f"{seed}/winners"]["trials"][name]["details"]["tokens"])

    def volume(self, seed: int, arm: str) -> float:
        """Hypervolume of a search's highest rung."""
        return front_volume(self.steps[f"{seed}/{arm}"]["trials"], SHIPPED.funnel[-1].name)


def kind_of(name: str) -> str:
    """baselines, winners, or search."""
    what = name.split("/")[1]
    return "search" if what in ARMS else what


def front_volume(trials: Sequence[Mapping[str, Any]], rung: str) -> float:
    """Hypervolume of the completed trials of a rung; 0 where none is below the reference point."""
    rows = [
        [trial["metrics"][name] for name in OBJECTIVES]
        for trial in trials
        if trial["status"] == "completed" and trial["rung"] == rung and {*OBJECTIVES} <= {*trial["metrics"]}
    ]
    return hypervolume(
        _logarithmic(np.asarray(rows).reshape(len(rows), 3)), _logarithmic(np.asarray(REFERENCE))
    )


def _logarithmic(values: Any) -> Any:
    return np.concatenate([values[..., :1], np.log10(values[..., 1:])], axis=-1)


def first_origin(trials: Sequence[Mapping[str, Any]], number: int) -> str:
    """Where the architecture of a trial came from before its promotions."""
    by_number = {trial["number"]: trial for trial in trials}
    trial = by_number[number]
    while trial["origin"] == "promotion":
        trial = by_number[trial["parents"][0]]
    return str(trial["origin"])


# ---- what is printed


def summarize(benchmark: Benchmark) -> dict[str, Any]:
    """Print the tables; return the comparisons."""
    print_statement(benchmark)
    print("\n## The found model beside the hand-made baselines\n")
    print(found_table(benchmark))
    print("\n## The searches\n")
    print(search_table(benchmark))
    print("\n## Paired differences\n")
    rows, summary = [], {}
    for name, values, smaller, form in comparisons(benchmark):
        interval = bootstrap(values)
        word = verdict(interval, smaller_is_better=smaller)
        rows.append([name, interval.shown(form), word])
        summary[name] = {"differences": values, **vars(interval), "verdict": word}
    print(table(["comparison (ours less theirs)", "mean [95 % interval]", "ours"], rows))
    wanted = bootstrap(percentages(benchmark, benchmark.best()))
    print(f"\nThe goal of {-GOAL:g} % fewer bits per byte than the best baseline: {reached(wanted)}.")
    return summary


def print_statement(benchmark: Benchmark) -> None:
    """Everything that the numbers depend on."""
    stated, options = benchmark.stated, benchmark.options
    commits = sorted({benchmark.steps[name]["commit"] for name in benchmark.names})
    seconds = sum(benchmark.steps[name]["seconds"] for name in benchmark.names)
    scaled = recipe_for(options, 0, "evolution", None, options.evaluation_bytes).funnel
    rungs = ", ".join(f"{rung.amount:g}" for rung in scaled)
    print(f"\nCommand: {stated['command']}")
    print(f"Machine: {stated['machine']}; {options.workers} workers of one thread")
    print("Versions: " + ", ".join(f"{name} {version}" for name, version in stated["versions"].items()))
    print(f"Commit: {'; '.join(commits)}. Wall time: {seconds / 60:.1f} minutes")
    print(
        f"Seeds 0 to {options.seeds - 1}; searches of {options.budget:g} s with rungs of {rungs} s; final "
        f"training {options.final:g} s; {options.evaluation_bytes} of validation text; differences are "
        "paired by seed, with the percentile bootstrap's 95 % interval of 10,000 resamples (seed 0)"
    )
    print("Reference point of the hypervolume: {:g} bits per byte, {:g} bytes, {:g} ms".format(*REFERENCE))


def found_table(benchmark: Benchmark) -> str:
    """One row a seed: bits per byte of all, and what was found."""
    names = list(benchmark.steps["0/baselines"]["trials"])
    header = ["seed", *names, "best again", "found", "against this seed's best", "limit MB", "found MB"]
    header += ["latency ms (best)", "tokens trained (best)", "what was found", "it came from"]
    rows = []
    for seed in range(benchmark.options.seeds):
        found, best = benchmark.final(seed, "evolution"), benchmark.final(seed, benchmark.best(seed))
        winner = benchmark.winner(seed, "evolution")
        origin = first_origin(benchmark.steps[f"{seed}/evolution"]["trials"], winner["number"])
        rows.append(
            [
                seed,
                *(f"{benchmark.baseline(seed, name)['bits_per_byte']:.4f}" for name in names),
                f"{best['bits_per_byte']:.4f}",
                f"{found['bits_per_byte']:.4f}",
                f"{100 * (found['bits_per_byte'] / best['bits_per_byte'] - 1):+.1f} %",
                f"{benchmark.limit(seed) / 1e6:.3f}",
                f"{found['size_bytes'] / 1e6:.3f}",
                f"{found['latency_ms']:.2f} ({best['latency_ms']:.2f})",
                f"{benchmark.tokens(seed, 'evolution'):,} ({benchmark.tokens(seed, benchmark.best(seed)):,})",
                described(winner["architecture"]),
                f"{origin}, rung {winner['rung']}",
            ]
        )
    return table(header, rows)


def described(architecture: Mapping[str, Any]) -> str:
    """The choices that say most, in a few words."""
    a = architecture
    mixer = a["architecture"]
    if mixer == "hybrid":
        mixer = f"{a['first_mixer']}+{a['second_mixer']}"
    return (
        f"{mixer} {a['num_layers']}x{a['hidden_dim']}, vocabulary {a['vocab_size']}, {a['quantization']}"
        + (f", pruned {a['pruning_ratio']:g}" if a["pruning_ratio"] else "")
        + (", tied" if a["tie_embeddings"] else "")
    )


def search_table(benchmark: Benchmark) -> str:
    """One row a search."""
    rungs = [rung.name for rung in SHIPPED.funnel]
    header = ["seed", "search", *(f"{rung} trials" for rung in rungs), "refused", "failed", "seconds"]
    header += [f"best on {rungs[-1]}", "winner, finally trained", "its MB", "hypervolume"]
    rows: list[list[object]] = []
    for seed in range(benchmark.options.seeds):
        for arm in benchmark.options.arms:
            step, final = benchmark.steps[f"{seed}/{arm}"], benchmark.final(seed, arm)
            completed = [trial for trial in step["trials"] if trial["status"] == "completed"]
            top = [t["metrics"]["bits_per_byte"] for t in completed if t["rung"] == rungs[-1]]
            refused = sum(trial["status"] == "refused" for trial in step["trials"])
            rows.append(
                [
                    seed,
                    arm,
                    *(sum(trial["rung"] == rung for trial in completed) for rung in rungs),
                    refused,
                    len(step["trials"]) - len(completed) - refused,
                    f"{step['search_seconds']:.0f}",
                    f"{min(top):.4f}" if top else "none",
                    f"{final['bits_per_byte']:.4f}",
                    f"{final['size_bytes'] / 1e6:.3f}",
                    f"{benchmark.volume(seed, arm):.4f}",
                ]
            )
    return table(header, rows)


def comparisons(benchmark: Benchmark) -> list[tuple[str, list[float], bool, str]]:
    """Name, paired differences, whether smaller is better, and how they are shown."""
    seeds, best = range(benchmark.options.seeds), benchmark.best()
    found = [benchmark.final(seed, "evolution")["bits_per_byte"] for seed in seeds]
    theirs = [benchmark.final(seed, best)["bits_per_byte"] for seed in seeds]
    strict = [benchmark.final(seed, benchmark.best(seed))["bits_per_byte"] for seed in seeds]
    pairs: list[tuple[str, list[float], bool, str]] = [
        (f"found model, {best} (the best baseline): bits per byte", _less(found, theirs), True, "+.4f"),
        (f"found model, {best}: bits per byte, %", percentages(benchmark, best), True, "+.2f"),
        ("found model, each seed's best baseline: bits per byte", _less(found, strict), True, "+.4f"),
        (
            "found model, each seed's best baseline: bits per byte, %",
            percentages(benchmark, None),
            True,
            "+.2f",
        ),
    ]
    for arm in benchmark.options.arms:
        if arm == "evolution":
            continue
        volumes = [benchmark.volume(seed, "evolution") - benchmark.volume(seed, arm) for seed in seeds]
        other = [benchmark.final(seed, arm)["bits_per_byte"] for seed in seeds]
        shown = arm.replace("_", " ")
        pairs.append((f"evolution, {shown}: hypervolume", volumes, False, "+.4f"))
        pairs.append((f"winners of evolution, {shown}: bits per byte", _less(found, other), True, "+.4f"))
    return pairs


def percentages(benchmark: Benchmark, name: str | None) -> list[float]:
    """By how many per cent the found model's bits per byte differ from a baseline's, or each seed's best."""
    result = []
    for seed in range(benchmark.options.seeds):
        theirs = benchmark.final(seed, name or benchmark.best(seed))["bits_per_byte"]
        result.append(100 * (benchmark.final(seed, "evolution")["bits_per_byte"] / theirs - 1))
    return result


def _less(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(ours, theirs, strict=True)]


def reached(interval: Interval) -> str:
    """How the goal was met."""
    if interval.mean > GOAL:
        return f"not reached ({interval.shown('+.2f')} %)"
    whole = interval.high is not None and interval.high <= GOAL
    return f"reached by the {'whole interval' if whole else 'mean only'} ({interval.shown('+.2f')} %)"


def parse_arguments() -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="a corpus, as a recipe's task.data")
    parser.add_argument("--max-bytes", default="16MB")
    parser.add_argument("--seeds", type=int, default=5, help="how many: 0, 1, 2 ...")
    parser.add_argument("--budget", type=float, default=90, help="seconds of each search")
    parser.add_argument("--final", type=float, default=30, help="seconds of CPU time of each final training")
    parser.add_argument("--evaluation-bytes", default="400kB", help="validation text for final models")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=["evolution", "random"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/search_quality.json"))
    options = vars(parser.parse_args())
    if "evolution" not in options["arms"]:
        parser.error("--arms needs evolution, which the others are compared with")
    if options["seeds"] < 1:
        parser.error("--seeds needs at least 1")
    return Options(**options | {"arms": tuple(dict.fromkeys(options["arms"]))})


def main() -> None:
    """Run what is missing, then print."""
    benchmark = Benchmark(parse_arguments())
    try:
        benchmark.run()
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on from here") from None
    benchmark.write(summarize(benchmark))
    print(f"\nEverything raw: {benchmark.options.out}")


if __name__ == "__main__":
    main()
