"""The two kinds of steps of the benchmark of search quality: a search, and trainings from scratch."""

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sugata import journal as journals
from sugata import recipe as recipes
from sugata.engines import Job, open_engine
from sugata.journal import Journal
from sugata.loop import Budget, search
from sugata.recipe import Recipe
from sugata.run import Assembly, assemble
from sugata.run.assembly import fidelity
from sugata.run.feasibility import Feasibility
from sugata.run.outside import finished_trial
from sugata.strategies import Funnel, RandomSearch, Rung, Strategy
from sugata.trial import Fidelity, Proposal, Trial

Step = dict[str, Any]

ARMS = ("evolution", "random", "random_with_baselines")
SHIPPED = recipes.load("tiny")


@dataclass(frozen=True)
class Options:
    """The command line."""

    data: str
    max_bytes: str
    seeds: int
    budget: float
    final: float
    evaluation_bytes: str
    workers: int
    arms: tuple[str, ...]
    out: Path


class RandomWithBaselines(RandomSearch):
    """Random search that begins with known good networks."""

    known: Sequence[Mapping[str, Any]] = ()

    def _propose(self, number: int) -> Proposal | None:
        if number < len(self.known):
            return Proposal(
                number, self.space.architecture(self.known[number]), self.fidelity, origin="baseline"
            )
        return super()._propose(number)


def recipe_for(options: Options, seed: int, arm: str, limit: float | None, evaluation: str) -> Recipe:
    """The shipped recipe with this seed, data, limit, and rungs scaled to the budget."""
    assert SHIPPED.budget.seconds is not None
    scale = options.budget / SHIPPED.budget.seconds
    rungs = [rung.model_dump() | {"amount": round(rung.amount * scale, 3)} for rung in SHIPPED.funnel]
    changes = {
        "seed": seed,
        "task.data": options.data,
        "task.max_bytes": options.max_bytes,
        "task.evaluation_bytes": evaluation,
        "strategy.kind": "evolution" if arm == "evolution" else "random",
        "baselines": arm != "random",
        "funnel": rungs,
        "limits.size": limit,
        "budget.seconds": options.budget,
        "engine.workers": options.workers,
    }
    return recipes.load("tiny", changes)


def strategy_of(assembly: Assembly, arm: str) -> Strategy:
    """The recipe's strategy, or the random search that no recipe describes."""
    if arm != "random_with_baselines":
        return assembly.strategy()
    recipe = assembly.recipe
    inner = RandomWithBaselines(assembly.space, assembly.objectives, seed=recipe.seed)
    inner.known = list(assembly.known_good.values())
    rungs = [
        Rung(fidelity(i, rung), keep=rung.keep, threshold=rung.threshold, capacity=rung.capacity)
        for i, rung in enumerate(recipe.funnel)
    ]
    return Funnel(inner, rungs, by=recipe.promote_by)


def run_search(options: Options, seed: int, arm: str, limit: float) -> Step:
    """One search; all its trials and its winner."""
    recipe = recipe_for(options, seed, arm, limit, str(int(SHIPPED.task.evaluation_bytes)))  # type: ignore[union-attr]
    assembly = assemble(recipe)
    strategy = strategy_of(assembly, arm)
    with TemporaryDirectory(prefix="search-quality-") as name:
        path = Path(name) / "journal.jsonl"
        with (
            Journal.create(path, {"space": assembly.space.name}) as journal,
            open_engine(assembly.evaluator, options.workers, timeout=recipe.engine.timeout) as engine,
        ):
            started = time.monotonic()
            trials = search(
                strategy,
                assembly.evaluator,
                engine,
                journal,
                space=assembly.space,
                folder=Path(name) / "trials",
                feasible=Feasibility(assembly.space, assembly.evaluator, assembly.objectives.limits),
                budget=Budget(seconds=options.budget),
                seed=seed,
                on_event=Told(arm),
            )
            seconds = time.monotonic() - started
        end = next(note.data["end"] for note in journals.read(path).notes("search") if "end" in note.data)
    best = assembly.objectives.best(trials)
    if best is None:
        raise SystemExit(f"seed {seed}, {arm}: no trial completed; give a longer --budget")
    return {
        "recipe": recipe.model_dump(mode="json"),
        "search_seconds": round(seconds, 2),
        "end": end,
        "winner": best.number,
        "trials": [plain(trial) for trial in trials],
    }


class Told:
    """Prints how a search goes, in one line that is written over where there is a terminal."""

    def __init__(self, arm: str) -> None:
        self.arm, self.done, self.best = arm, 0, math.inf

    def __call__(self, event: object) -> None:
        if not isinstance(event, Trial) or not event.ok:
            return
        self.done += 1
        self.best = min(self.best, event.metrics["bits_per_byte"])
        if sys.stderr.isatty():
            line = f"  {self.arm}: {self.done} trials, best {self.best:.3f} bits per byte on any rung"
            print(f"\r{line}", end="", file=sys.stderr, flush=True)


def train(options: Options, seed: int, networks: Mapping[str, Mapping[str, Any]]) -> Step:
    """Train networks from scratch for the final budget and score them; all as one another."""
    assembly = assemble(recipe_for(options, seed, "evolution", None, options.evaluation_bytes))
    budget = Fidelity(0, "final", options.final, "seconds")
    proposals = [
        Proposal(i, assembly.space.architecture(values), budget, origin="final")
        for i, values in enumerate(networks.values())
    ]
    trials: dict[int, Trial] = {}
    with (
        TemporaryDirectory(prefix="search-quality-") as name,
        open_engine(assembly.evaluator, options.workers) as engine,
    ):
        for proposal in proposals:
            engine.submit(Job(proposal, seed, Path(name) / str(proposal.number)))
        while len(trials) < len(proposals):
            for outcome in engine.wait(1.0):
                trials[outcome.number] = finished_trial(proposals[outcome.number], outcome)
    for number, network in enumerate(networks):
        if not trials[number].ok:
            raise SystemExit(
                f"seed {seed}, {network}: {trials[number].status}: {trials[number].reason}; "
                "start again to retry"
            )
    return {"trials": {network: plain(trials[number]) for number, network in enumerate(networks)}}


def plain(trial: Trial) -> dict[str, Any]:
    """A trial as JSON values."""
    return {
        "number": trial.number,
        "status": str(trial.status),
        "reason": trial.reason,
        "rung": trial.proposal.fidelity.name,
        "origin": trial.proposal.origin,
        "parents": list(trial.proposal.parents),
        "architecture": dict(trial.proposal.architecture),
        "metrics": {name: value for name, value in trial.metrics.items() if math.isfinite(value)},
        "seconds": trial.seconds,
        "cached": trial.cached,
        "details": dict(trial.details),
    }
