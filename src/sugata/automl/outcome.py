"""From the folder of a run to what a fit keeps of it: the winner's network, and all that was tried."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sugata.automl.fitted import Fitted
from sugata.automl.graph import Graph
from sugata.automl.plan import OVERHEAD, Plan
from sugata.evaluators.blocks import BlockNetworks
from sugata.recipe import Recipe
from sugata.recipe_tasks import BlocksSection
from sugata.report.wording import duration
from sugata.run import Result, assemble
from sugata.run.folder import JOURNAL
from sugata.training import CHECKPOINT, load_weights
from sugata.trial import Fidelity, Trial

if TYPE_CHECKING:
    import pandas as pd

    from sugata.run import Assembly

_MEASURED_STEPS = 3  # of a training, to estimate what all cost
_MEASURED = 3  # networks whose steps are measured,
_MEASURING = 1.0  # or as many as so many seconds allow
_COSTS = ("parameters", "size_bytes", "flops", "latency_ms")


def outcome(graph: Graph, folder: Path) -> Fitted | None:
    """What a run has come to, finished or not; None where it has trained no network yet."""
    if not (folder / JOURNAL).is_file():
        return None
    result = Result(folder)
    assembly = assemble(result.recipe)
    for trial in _winners(result):
        trained = result.weights_folder(trial)
        if not (trained / CHECKPOINT).is_file():
            continue
        networks = assembly.networks
        assert isinstance(networks, BlockNetworks)
        architecture = networks.space.architecture(trial.proposal.architecture)
        network = networks.build(architecture, trial.proposal.fidelity)
        load_weights(trained / CHECKPOINT, network)
        kept = replace(trial, proposal=replace(trial.proposal, architecture=dict(architecture)))
        adapters = networks.task.data.adapters
        shown = tuple(result.objectives.metrics)
        return Fitted(
            graph, adapters, network.eval(), kept, _leaderboard(result), networks.space, shown, folder
        )
    return None


def _winners(result: Result) -> list[Trial]:
    """Trained networks from the best by validation: full trainings, and trials of the highest rung."""
    objectives = result.objectives
    found = [*result.finals, *objectives.candidates(result.record.trials)]
    if objectives.fitness is not None:
        return [found[i] for i in objectives.order(found)]
    primary = objectives.primary
    return sorted(found, key=lambda trial: primary.cost(trial.metrics[primary.name]))


def _leaderboard(result: Result) -> "pd.DataFrame":
    """A row for each trial that completed, best first, then the others; choices that differ at the end."""
    trials = result.trials
    if trials.empty:
        return trials
    objectives, choices = result.objectives, list(result.record.header["choices"])
    allowed = {trial.number for trial in result.record.trials if objectives.comparable(trial)}
    primary = objectives.primary
    order = trials.assign(
        _refused=~trials["number"].isin(allowed),
        _rung=[-trial.proposal.fidelity.rung for trial in result.record.trials],
        _cost=[primary.cost(trial.metrics.get(primary.name, float("nan"))) for trial in result.record.trials],
    ).sort_values(["_refused", "_rung", "_cost", "number"], kind="stable")
    metrics = [
        metric.name for metric in result.metrics if metric.name in trials and metric.name not in _COSTS
    ]
    aims = [metric.name for metric in objectives.metrics]
    columns = [
        "number",
        *aims,
        *(name for name in metrics if name not in aims),
        *(name for name in _COSTS if name in trials and name not in aims),
        "seconds",
        "rung",
        "status",
        "origin",
        *(name for name in choices if name in trials and trials[name].nunique(dropna=False) > 1),
    ]
    return order[columns].reset_index(drop=True)


def estimated_cost(recipe: Recipe, made: Plan) -> str:
    """What everything takes, in words: by the budget, or by a few steps of training measured here."""
    if made.seconds is not None:
        return f"{duration(made.seconds)} in all"
    trials = recipe.budget.trials or 1
    workers = recipe.engine.workers or 1
    training = _epoch_seconds(assemble(recipe)) * recipe.funnel[-1].amount
    folds = recipe.task.folds if isinstance(recipe.task, BlocksSection) else 1
    last = 0.0 if recipe.final.refit is None else training
    seconds = max(1.0, trials * (training * folds + OVERHEAD) / workers + last)
    return f"at most about {duration(seconds)}, estimated from a few steps"


def _epoch_seconds(assembly: "Assembly") -> float:
    """Seconds of an epoch: the mean of the networks that the search begins with, as many as seconds allow."""
    import numpy as np

    networks = assembly.networks
    assert networks is not None
    drawn = networks.space.sample(np.random.default_rng(assembly.recipe.seed))
    began, found = time.monotonic(), []
    for values in assembly.starts[: min(_MEASURED, assembly.recipe.budget.trials or _MEASURED)] or [drawn]:
        found.append(_epoch_of(assembly, networks.space.architecture(dict(values))))
        if time.monotonic() - began > _MEASURING:
            break
    return fmean(found)


def _epoch_of(assembly: "Assembly", architecture: Mapping[str, Any]) -> float:
    """Seconds of an epoch of one network."""
    from sugata.run.assembly import settings
    from sugata.training import train

    networks = assembly.networks
    assert networks is not None
    chosen = networks.training_settings(architecture, settings(assembly.recipe))
    model = networks.build(architecture, Fidelity(), seed=0)
    plain = replace(chosen, evaluations=0, patience=0)
    first, more = [
        train(model, networks.task, architecture, plain, budget=Fidelity(0, "estimate", steps, "steps"))
        for steps in (1, 1, 1 + _MEASURED_STEPS)  # the first makes buffers; every first step reads data
    ][1:]
    each = max(0.0, more.seconds - first.seconds) / (more.tokens - first.tokens)
    return networks.task.epoch_size(architecture) * each


def write_folder(fitted: Fitted, target: Path, name: str) -> None:
    """Export the network with its adapters: what `load` reads, and what runs without sugata."""
    from sugata.export.blocks import export_blocks_folder

    known: dict[str, object] = {
        metric: value for metric, value in fitted.trial.metrics.items() if metric not in _COSTS
    }
    if "again" in fitted.trial.details:
        known["weights"] = fitted.trial.details["again"]
    export_blocks_folder(
        target,
        fitted.network,
        fitted.space,
        fitted.space.architecture(fitted.trial.proposal.architecture),
        fitted.signature,
        known,
        adapters=fitted.adapters,
        name=name,
    )
