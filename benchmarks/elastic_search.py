"""Search with an elastic supernet against the funnel, at equal CPU time and under the same hard limit.

    python benchmarks/elastic_search.py --data CORPUS              # resumable

All search `tiny` with one vocabulary for the lowest bits per byte of the shipped network (pruned, quantized)
within a stored size. The funnel is that of the recipe `tiny`, evolution from its known good networks, on one
worker; rungs are in steps, in the recipe's proportions, and latencies, which nobody asks for here, are not
measured. It runs to its end. The supernet's search then has as many CPU seconds in all: a share trains
the supernet (networks within the limit only), the next evolves on its scores from the same known good
networks, and with the rest the best of them are trained alone as on the funnel's highest rung, where the
lowest bits per byte win. As a control, random networks (after the same known good ones) are trained on the
highest rung, without a supernet or lower rungs, for as many CPU seconds. Then all winners are trained for
longer from scratch, with the same steps and data, and scored on validation text and once on test text.

Budgets of single trainings are in steps and not in seconds: in seconds so short, the smallest network makes
the most steps and wins whatever else it is, and machine load would decide the rest.

Printed: the paired differences over the seeds with a 95 % bootstrap interval, and who wins.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from _common import bootstrap, statement, table, verdict, write_json
from _elastic import Context, assembled, drawn, networks_of, shipped, supernet_of

from sugata.compression import compress
from sugata.engines import InProcessEngine
from sugata.evaluators import Evaluator
from sugata.evaluators.language import LanguageNetworks, compression_of
from sugata.evaluators.training import TrainingEvaluator
from sugata.journal import Journal
from sugata.loop import Budget, search, trial_seed
from sugata.objectives import Objectives
from sugata.oneshot import Elastic
from sugata.run.assembly import Assembly, settings
from sugata.run.feasibility import Feasibility
from sugata.space import Architecture
from sugata.spaces import baselines
from sugata.strategies import strategy_class
from sugata.tasks import BITS_PER_BYTE
from sugata.training import train
from sugata.trial import Fidelity, Status, Trial

ARMS = ("funnel", "supernet", "random")
PACKAGES = ("sugata", "torch", "numpy")


class Untimed(LanguageNetworks):
    """Scores and counts networks as the funnel does, without exporting and timing them."""

    def measure(self, model: Any, architecture: Any, fidelity: Any, exclusive: Any) -> dict[str, float]:
        """Quality of the compressed network, and its stored size."""
        restored = compress(model, **vars(compression_of(architecture))).restore()
        limit = self.evaluation_bytes
        quality = self.task.evaluate(restored, architecture, split="validation", limit=limit)
        return {**quality, **self.costs(architecture, ("size_bytes", "parameters"), exclusive)}


class Setting:
    """What both arms of a seed share."""

    def __init__(self, options: argparse.Namespace, seed: int) -> None:
        rungs = zip(("small", "medium", "full"), options.rungs, (0.25, 0.34, None), strict=True)
        funnel = [
            {"name": name, "amount": steps, "unit": "steps", "capacity": capacity}
            | ({"keep": keep} if keep else {})
            for (name, steps, keep), capacity in zip(rungs, options.capacities, strict=True)
        ]
        self.options, self.seed = options, seed
        changes = {"seed": seed, "funnel": funnel, "objectives.metrics": ["bits_per_byte"]}
        self.assembly: Assembly = assembled(options.data, **changes, **{"limits.size": options.size * 1e6})
        networks, self.task = networks_of(self.assembly)
        self.space, self.bytes = self.assembly.space, networks.evaluation_bytes or 60_000
        self.networks = Untimed(networks.space, self.task, evaluation_bytes=self.bytes)
        self.settings = settings(self.assembly.recipe)
        self.evaluator: Evaluator = TrainingEvaluator(
            self.networks, self.settings, ladder=self.assembly.evaluator.ladder
        )
        self.feasible = Feasibility(self.space, self.evaluator, self.assembly.objectives.limits)
        known = (self.known(dict(item.architecture)) for item in baselines("tiny"))
        self.starts = [start for start in known if self.feasible(start) is None]

    def known(self, values: dict[str, Any]) -> Architecture:
        """A known good network with this benchmark's vocabulary."""
        return self.space.architecture(
            values | {"vocab_size": self.assembly.recipe.choices["vocab_size"][0]}  # type: ignore[index]
        )


def spent() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def funnel(setting: Setting) -> dict[str, Any]:
    """The funnel, to its end."""
    begun = spent()
    with TemporaryDirectory(prefix="elastic-search-") as name:
        path = Path(name) / "journal.jsonl"
        with (
            Journal.create(path, {"space": setting.space.name}) as journal,
            InProcessEngine(setting.evaluator) as engine,
        ):
            trials = search(
                setting.assembly.strategy(first=setting.starts),
                setting.evaluator,
                engine,
                journal,
                space=setting.space,
                folder=Path(name) / "trials",
                feasible=setting.feasible,
                budget=Budget(),
                seed=setting.seed,
            )
    best = setting.assembly.objectives.best(trials)
    assert best is not None
    completed = [trial for trial in trials if trial.status is Status.COMPLETED]
    rungs = [sum(trial.proposal.fidelity.rung == rung for trial in completed) for rung in range(3)]
    return {
        "cpu_seconds": spent() - begun,
        "trained": rungs,
        "winner": dict(best.proposal.architecture),
        "winner_bits_per_byte": best.metrics["bits_per_byte"],
    }


def supernet(setting: Setting, seconds: float) -> dict[str, Any]:
    """Train a supernet, search on its scores, train the best alone; all within so many CPU seconds."""
    options, begun = setting.options, spent()
    shared = supernet_of(setting.assembly)
    amount = Fidelity(amount=options.training * seconds, unit="seconds")
    method = Elastic(setting.settings, amount, sandwich=False, random=1)
    method.fit(shared, setting.task, Context(setting.seed), setting.feasible)  # type: ignore[arg-type]
    trained = spent() - begun
    until = begun + (options.training + options.scoring) * seconds
    scored = evolve(setting, shared.evaluator(setting.task, options.score_bytes).score, until)
    searched = spent() - begun
    ranked = sorted(scored, key=lambda trial: trial.metrics["bits_per_byte"])
    candidates = (setting.space.architecture(trial.proposal.architecture) for trial in ranked)
    return {
        "supernet_seconds": trained,
        "supernet_steps": method.losses[-1][0],
        "scored": len(scored),
        "scoring_seconds": searched - trained,
        **best_alone(setting, candidates, begun, seconds),
    }


def random(setting: Setting, seconds: float) -> dict[str, Any]:
    """Known good and random networks within the limit, trained alone; all within so many CPU seconds."""
    candidates = chain(setting.starts, drawn(setting.space, setting.seed, setting.feasible))
    return best_alone(setting, candidates, spent(), seconds)


def best_alone(
    setting: Setting, candidates: Iterable[Architecture], begun: float, seconds: float
) -> dict[str, Any]:
    """The best of as many as can be trained as on the highest rung in what is left of the CPU seconds."""
    alone: list[tuple[float, Architecture]] = []
    seen: set[str] = set()
    first = spent()
    for architecture in candidates:
        key = setting.space.training_key(architecture)
        each = (spent() - first) / max(1, len(alone))
        if spent() - begun + each > seconds:
            break
        if key not in seen:
            seen.add(key)
            alone.append((trained_alone(setting, architecture, setting.options.rungs[-1])[0], architecture))
    value, winner = min(alone, key=lambda one: one[0])
    return {
        "cpu_seconds": spent() - begun,
        "trained_alone": [bits for bits, _ in alone],
        "winner": dict(winner),
        "winner_bits_per_byte": value,
    }


def evolve(setting: Setting, score: Callable[[Architecture], dict[str, float]], until: float) -> list[Trial]:
    """Evolution on the supernet's scores, within the limit, until the CPU time is spent."""
    objectives = Objectives((BITS_PER_BYTE,))
    given = setting.assembly.recipe.strategy
    strategy = strategy_class(given.kind)(
        setting.space, objectives, seed=setting.seed, starts=setting.starts, **given.options
    )
    completed: list[Trial] = []
    while spent() < until and (proposal := strategy.ask()) is not None:
        architecture = setting.space.architecture(proposal.architecture)
        reason = setting.feasible(architecture)
        if reason is None:
            trial = Trial(proposal, Status.COMPLETED, score(architecture))
            completed.append(trial)
        else:
            trial = Trial(proposal, Status.REFUSED, reason=reason)
        strategy.tell(trial)
    return completed


def trained_alone(setting: Setting, architecture: Architecture, steps: int) -> tuple[float, Any]:
    """Bits per byte as shipped after a training from scratch, and the network."""
    budget = Fidelity(0, "alone", steps, "steps")
    seed = trial_seed(setting.seed, setting.space.training_key(architecture))
    model = setting.networks.build(architecture, budget, seed)
    train(model, setting.task, architecture, setting.settings, budget=budget, seed=seed)
    return shipped(setting.task, model, architecture, setting.bytes), model


def final(setting: Setting, values: Mapping[str, Any]) -> dict[str, float]:
    """A winner trained for longer, on validation and on test text."""
    architecture = setting.space.architecture(values)
    _, model = trained_alone(setting, architecture, setting.options.final)
    restored = compress(model, **vars(compression_of(architecture))).restore()
    limit = setting.options.final_bytes
    scores = {
        split: setting.task.evaluate(restored, architecture, split=split, limit=limit)["bits_per_byte"]
        for split in ("validation", "test")
    }
    return scores | setting.networks.costs(architecture, ("size_bytes", "parameters"), nullcontext())


def report(steps: Mapping[str, Any], seeds: int) -> str:
    """The table, and the verdicts on paired differences."""
    rows = [row(seed, arm, steps[f"{seed}/{arm}"]) for seed in range(seeds) for arm in ARMS]
    header = ("seed", "search", "CPU s", "architectures", "winner", "MB", "full rung", "validation", "test")
    lines = [table(header, rows), ""]
    for one, other in (("supernet", "funnel"), ("supernet", "random"), ("random", "funnel")):
        for split in ("validation", "test"):
            ours, theirs = (
                [steps[f"{s}/{arm}"]["final"][split] for s in range(seeds)] for arm in (one, other)
            )
            found = bootstrap([a - b for a, b in zip(ours, theirs, strict=True)])
            said = verdict(found, smaller_is_better=True)
            lines.append(f"{one} less {other}, bits per byte on {split} text: {found.shown()}: {said}")
    return "\n".join(lines)


def row(seed: int, arm: str, found: Mapping[str, Any]) -> tuple[object, ...]:
    """A search in one row."""
    last = found["final"]
    looked = {
        "funnel": lambda: " + ".join(map(str, found["trained"])) + " trained",
        "supernet": lambda: f"{found['scored']} scored, {len(found['trained_alone'])} trained",
        "random": lambda: f"{len(found['trained_alone'])} trained",
    }[arm]()
    size, bits = f"{last['size_bytes'] / 1e6:.3f}", f"{found['winner_bits_per_byte']:.4f}"
    scores = (f"{last['validation']:.4f}", f"{last['test']:.4f}")
    return seed, arm, f"{found['cpu_seconds']:.0f}", looked, described(found["winner"]), size, bits, *scores


def described(a: Mapping[str, Any]) -> str:
    """An architecture in a few words."""
    mixer = a["architecture"] if a["architecture"] != "hybrid" else f"{a['first_mixer']}+{a['second_mixer']}"
    return f"{mixer} {a['num_layers']}x{a['hidden_dim']}, {a['quantization']}, pruned {a['pruning_ratio']:g}"


def main() -> None:
    """Run what is missing, then print."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--data", required=True, help="a corpus, as a recipe's task.data")
    parser.add_argument("--seeds", type=int, default=3, help="how many: 0, 1, 2 ...")
    parser.add_argument("--size", type=float, default=0.5, help="most megabytes of the stored file")
    parser.add_argument("--rungs", type=int, nargs=3, default=[24, 60, 120], help="steps of each rung")
    parser.add_argument("--capacities", type=int, nargs=3, default=[28, 7, 3], help="trials of each rung")
    parser.add_argument("--training", type=float, default=0.45, help="share of the time for the supernet")
    parser.add_argument("--scoring", type=float, default=0.15, help="share of the time for its scores")
    parser.add_argument("--score-bytes", type=int, default=8_192, help="validation text of such a score")
    parser.add_argument("--final", type=int, default=300, help="steps of the winners' last training")
    parser.add_argument("--final-bytes", type=int, default=120_000, help="text that scores them")
    default = Path(__file__).parent / "results" / "elastic_search.json"
    parser.add_argument("--to", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = {name: value for name, value in vars(options).items() if name not in ("to", "seeds", "data")}
    done = json.loads(options.to.read_text()) if options.to.exists() else {}
    steps: dict[str, Any] = done.get("steps", {}) if done.get("settings") == given else {}

    for seed in range(options.seeds):
        setting = Setting(options, seed)
        for arm, search_with in {"funnel": funnel, "supernet": supernet, "random": random}.items():
            name = f"{seed}/{arm}"
            if name not in steps:
                time = () if arm == "funnel" else (steps[f"{seed}/funnel"]["cpu_seconds"],)
                found = search_with(setting, *time)
                steps[name] = found | {"final": final(setting, found["winner"])}
                write_json(options.to, {**statement(PACKAGES), "settings": given, "steps": steps})
                print(f"{name}: {json.dumps(steps[name])}", flush=True)
    stated = statement(PACKAGES)
    print(
        f"\n{stated['command']}\n{stated['machine']}; {stated['versions']}\n\n{report(steps, options.seeds)}"
    )


if __name__ == "__main__":
    main()
