"""Search with an elastic supernet against the funnel, at equal CPU time and under the same hard limit.

    python benchmarks/elastic_search.py --data CORPUS              # resumable

Both search `tiny` with one vocabulary for the lowest bits per byte of the shipped network (pruned, quantized)
within a stored size. The funnel is that of the recipe `tiny`, evolution from its known good networks, on one
worker; rungs are in steps, in the recipe's proportions, and latencies, which nobody asks for here, are not
measured. It runs to its end. The supernet's search then has as many CPU seconds in all: a share trains
the supernet (networks within the limit only), the next evolves on its scores from the same known good
networks, and with the rest the best of them are trained alone as on the funnel's highest rung, where the
lowest bits per byte win. Then both winners are trained for longer from scratch, with the same steps and data,
and scored on validation text and once on test text.

Budgets of single trainings are in steps and not in seconds: in seconds so short, the smallest network makes
the most steps and wins whatever else it is, and machine load would decide the rest.

Printed: the paired differences over the seeds with a 95 % bootstrap interval, and who wins.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from _common import bootstrap, statement, table, verdict, write_json
from _elastic import Context, assembled, networks_of, shipped, supernet_of

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

ARMS = ("funnel", "supernet")
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
    alone: list[tuple[float, Architecture]] = []
    ranked = sorted(scored, key=lambda trial: trial.metrics["bits_per_byte"])
    seen: set[str] = set()
    for trial in ranked:
        architecture = setting.space.architecture(trial.proposal.architecture)
        key = setting.space.training_key(architecture)
        each = (spent() - begun - searched) / max(1, len(alone))
        if spent() - begun + each > seconds:
            break
        if key not in seen:
            seen.add(key)
            alone.append((trained_alone(setting, architecture, options.rungs[-1])[0], architecture))
    value, winner = min(alone, key=lambda one: one[0])
    return {
        "cpu_seconds": spent() - begun,
        "supernet_seconds": trained,
        "supernet_steps": method.losses[-1][0],
        "scored": len(scored),
        "scoring_seconds": searched - trained,
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


def final(setting: Setting, winners: Mapping[str, Any]) -> dict[str, Any]:
    """Every winner trained for longer, on validation and on test text."""
    options, result = setting.options, {}
    for arm in ARMS:
        architecture = setting.space.architecture(winners[arm]["winner"])
        _, model = trained_alone(setting, architecture, options.final)
        restored = compress(model, **vars(compression_of(architecture))).restore()
        scores = {
            split: setting.task.evaluate(restored, architecture, split=split, limit=options.final_bytes)
            for split in ("validation", "test")
        }
        costs = setting.networks.costs(architecture, ("size_bytes", "parameters"), None)  # type: ignore[arg-type]
        result[arm] = {split: found["bits_per_byte"] for split, found in scores.items()} | costs
    return result


def report(steps: Mapping[str, Any], seeds: int) -> str:
    """The table, and the verdict on paired differences."""
    rows = []
    for seed in range(seeds):
        for arm in ARMS:
            found, last = steps[f"{seed}/{arm}"], steps[f"{seed}/final"][arm]
            looked = (
                f"{found['scored']} scored, {len(found['trained_alone'])} trained"
                if arm == "supernet"
                else " + ".join(map(str, found["trained"])) + " trained"
            )
            size, bits = f"{last['size_bytes'] / 1e6:.3f}", found["winner_bits_per_byte"]
            scores = (f"{bits:.4f}", f"{last['validation']:.4f}", f"{last['test']:.4f}")
            rows.append(
                (seed, arm, f"{found['cpu_seconds']:.0f}", looked, described(found["winner"]), size, *scores)
            )
    header = ("seed", "search", "CPU s", "architectures", "winner", "MB", "full rung", "validation", "test")
    lines = [table(header, rows), ""]
    for split in ("validation", "test"):
        finals = [steps[f"{seed}/final"] for seed in range(seeds)]
        found = bootstrap([each["supernet"][split] - each["funnel"][split] for each in finals])
        said = verdict(found, smaller_is_better=True)
        lines.append(f"supernet less funnel, bits per byte on {split} text: {found.shown()}: {said}")
    return "\n".join(lines)


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

    def keep(name: str, result: dict[str, Any]) -> None:
        steps[name] = result
        write_json(options.to, {**statement(PACKAGES), "settings": given, "steps": steps})
        print(f"{name}: {json.dumps(result)}", flush=True)

    for seed in range(options.seeds):
        setting = Setting(options, seed)
        if f"{seed}/funnel" not in steps:
            keep(f"{seed}/funnel", funnel(setting))
        if f"{seed}/supernet" not in steps:
            keep(f"{seed}/supernet", supernet(setting, steps[f"{seed}/funnel"]["cpu_seconds"]))
        if f"{seed}/final" not in steps:
            keep(f"{seed}/final", final(setting, {arm: steps[f"{seed}/{arm}"] for arm in ARMS}))
    stated = statement(PACKAGES)
    print(
        f"\n{stated['command']}\n{stated['machine']}; {stated['versions']}\n\n{report(steps, options.seeds)}"
    )


if __name__ == "__main__":
    main()
