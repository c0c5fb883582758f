"""What must hold between the fields of a recipe."""

import itertools
from typing import TYPE_CHECKING

from sugata.errors import RecipeError
from sugata.recipe_stages import SEARCHED
from sugata.recipe_tasks import BlocksSection
from sugata.trial import SHARED, TIMED

if TYPE_CHECKING:
    from sugata.recipe import Recipe, TableSection
    from sugata.recipe_stages import SupernetSection
    from sugata.recipe_training import FinalSection, RungSection

FUNNEL_ONLY = frozenset({"keep", "threshold", "capacity"})  #: fields of a rung that the funnel alone goes by
CLUSTER_ONLY = frozenset({"address", "cpus", "gpus"})  #: fields of an engine that is a cluster
_FEWEST_EVALUATIONS = 5  # on a learning curve that is to be extrapolated


def check_together(recipe: "Recipe", where: str) -> None:
    """Make sure that the fields of a recipe do not contradict each other.

    Raises:
        RecipeError: they do; names the recipe as ``where``, the fields and the remedy.
    """
    if recipe.task is None and recipe.trains:
        raise RecipeError(f"{where}: neither task nor evaluate nor table is given; one says what good means")
    if recipe.table is not None:
        _check_table(recipe, recipe.table, where)
    if not recipe.spaces:
        raise RecipeError(f"{where}: space is an empty list; name at least one space")
    if recipe.choices and len(recipe.spaces) > 1:
        raise RecipeError(f"{where}: choices narrow one space, not a list; narrow those in the list")
    if recipe.trains and isinstance(recipe.spaces[-1], dict):
        raise RecipeError(
            f"{where}: a space of plain choices builds no networks; give `evaluate: module:name`"
        )
    if recipe.choices and isinstance(recipe.spaces[-1], dict):
        raise RecipeError(f"{where}: choices narrow a named space; space is given as choices already")
    if recipe.training.patience and not recipe.training.evaluations:
        raise RecipeError(f"{where}: training.patience needs validations; set training.evaluations as well")
    _check_early_stop(recipe, where)
    if recipe.trains and not recipe.funnel:
        raise RecipeError(f"{where}: funnel is empty; give at least one rung with name and amount")
    _check_shared(recipe, where)
    _check_retrain(recipe, where)
    _check_refit(recipe, where)
    _check_amounts(recipe, where)
    _check_distill(recipe, where)
    if len({rung.unit for rung in recipe.funnel if rung.unit != SHARED}) > 1:
        raise RecipeError(f"{where}: funnel rungs have different units; use one")
    _check_promotion(recipe, where)
    trainings: list[RungSection | FinalSection] = [*recipe.funnel, recipe.final]
    longest = max((training.amount for training in trainings if training.unit == "seconds"), default=0)
    if longest >= recipe.engine.timeout and recipe.trains:
        raise RecipeError(
            f"{where}: engine.timeout {recipe.engine.timeout:g} s is too short for trainings of {longest:g} s"
        )
    _check_engine(recipe, where)
    if recipe.hardware.devices > 1 and recipe.hardware.strategy == "single":
        raise RecipeError(
            f"{where}: hardware.devices is {recipe.hardware.devices}, strategy single; set hardware.strategy"
            " to ddp"
        )
    if recipe.engine.deterministic and any(rung.unit == "seconds" for rung in recipe.funnel):
        raise RecipeError(f"{where}: engine.deterministic needs funnel units of steps or tokens, not seconds")
    timed = (TIMED | {"training_seconds"}) & {*recipe.objectives.metrics, recipe.promote_by}
    if recipe.engine.deterministic and recipe.trains and (timed or recipe.limits.latency):
        names = ", ".join(sorted(timed)) or "limits.latency"
        raise RecipeError(
            f"{where}: engine.deterministic cannot search by what is timed ({names}); leave that out"
        )


def _check_refit(recipe: "Recipe", where: str) -> None:
    task, refit = recipe.task, recipe.final.refit
    if refit is not None and not isinstance(task, BlocksSection):
        raise RecipeError(f"{where}: final.refit is for tasks of rows, such as task.kind table; leave it out")
    folds = task.folds if isinstance(task, BlocksSection) else 1
    if folds > 1 and (refit is None or recipe.stages.skip_retrain != SEARCHED):
        raise RecipeError(
            f"{where}: task.folds {folds} scores networks of parts of the rows, none of which should ship;"
            " set stages.skip_retrain search and final.refit {}"
        )


def _check_retrain(recipe: "Recipe", where: str) -> None:
    """Weights of the search's own trial are those of a network that the search has trained in full."""
    if recipe.stages.skip_retrain != SEARCHED:
        return
    if recipe.stages.skip_search is not None:
        raise RecipeError(
            f"{where}: stages.skip_retrain is search, and stages.skip_search leaves that out; give one"
        )
    top, final = recipe.funnel[-1], recipe.final
    if (top.channels, top.cells) != (final.channels, final.cells) or top.unit == SHARED:
        raise RecipeError(
            f"{where}: stages.skip_retrain is search, whose last rung trains another network than final; make"
            " their channels and cells equal"
        )


def _check_shared(recipe: "Recipe", where: str) -> None:
    """A supernet and the rung that it scores go together."""
    scored = [i for i, rung in enumerate(recipe.funnel) if rung.unit == SHARED]
    section, given = recipe.supernet, recipe.stages
    if scored and scored != [0]:
        raise RecipeError(
            f"{where}: funnel.{scored[-1]}.unit is supernet; only the first rung scores by shared weights"
        )
    if section is None:
        if scored:
            raise RecipeError(f"{where}: funnel.0.unit is supernet, and there is none; add `supernet:`")
        for name, value in (("skip_train", given.skip_train), ("skip_retrain", given.skip_retrain)):
            if value is not None and (name == "skip_train" or value == SHARED):
                raise RecipeError(f"{where}: stages.{name} needs a supernet; add `supernet:`")
        return
    if not recipe.trains:
        raise RecipeError(f"{where}: supernet needs a task whose networks share weights; leave it out")
    if section.mode == "separate" and not scored and given.skip_search is None:
        raise RecipeError(
            f"{where}: supernet.mode is separate, and no rung asks the supernet; begin `funnel` with"
            " {name: shared, unit: supernet}"
        )
    _check_method(section, where)
    if section.mode == "joint" and given.skip_train is not None:
        raise RecipeError(
            f"{where}: supernet.mode joint derives while it trains; for stages.skip_train set separate"
        )
    if recipe.engine.deterministic and section.unit == "seconds":
        raise RecipeError(f"{where}: engine.deterministic needs supernet.unit steps or epochs, not seconds")


def _check_method(section: "SupernetSection", where: str) -> None:
    if section.unit == "seconds" and section.method != "elastic":
        raise RecipeError(f"{where}: supernet.unit is seconds; method {section.method} takes steps or epochs")


def _check_distill(recipe: "Recipe", where: str) -> None:
    taught = recipe.training.distill is not None or recipe.final_training.distill is not None
    if taught and (recipe.task is None or recipe.task.kind != "code"):
        raise RecipeError(f"{where}: training.distill is for task.kind code; leave it out")


def _check_amounts(recipe: "Recipe", where: str) -> None:
    """Rungs train ever longer; a larger network starts anew, and may train as long as the smaller one did."""
    trained = [rung for rung in recipe.funnel if rung.unit != SHARED]
    for lower, rung in itertools.pairwise(trained):
        larger = rung.channels > lower.channels or rung.cells > lower.cells
        if rung.amount < lower.amount or (rung.amount == lower.amount and not larger):
            amounts = [rung.amount for rung in trained]
            raise RecipeError(f"{where}: funnel amounts {amounts} must grow from rung to rung")
    trainings: list[RungSection | FinalSection] = [*recipe.funnel, recipe.final]
    if recipe.task is not None and recipe.task.kind == "image":
        if any(training.unit == "tokens" for training in trainings):
            raise RecipeError(f"{where}: images have no tokens; give amounts in epochs, steps or seconds")
        return
    if recipe.task is not None and recipe.task.kind == "code_search":
        if any(training.unit == "tokens" for training in trainings):
            raise RecipeError(f"{where}: code_search counts pairs; give amounts in epochs, steps or seconds")
        if recipe.training.batch_size < 2:
            raise RecipeError(f"{where}: training.batch_size 1 has no negative for code_search; try 64")
        if recipe.supernet is not None:
            raise RecipeError(f"{where}: supernet is for task.kind code and image; leave it out")
    proxies: dict[str, int | None] = {"samples": None, "channels": 1, "cells": 1, "resolution": 1}
    if recipe.task is not None and recipe.task.kind in ("prepared", "table", "text"):
        if any(training.unit == "tokens" for training in trainings):
            raise RecipeError(f"{where}: rows have no tokens; give amounts in epochs, steps or seconds")
        proxies = {"channels": 1, "cells": 1}
    for training in trainings:
        wrong = next((name for name, full in proxies.items() if getattr(training, name, full) != full), None)
        if wrong is not None:
            raise RecipeError(f"{where}: {wrong} of a training is for task.kind image; leave it out")
    if recipe.network and isinstance(recipe.spaces[-1], dict):
        raise RecipeError(f"{where}: network is the size of a named space's networks; leave it out")


def _check_table(recipe: "Recipe", table: "TableSection", where: str) -> None:
    if recipe.task is not None or recipe.evaluate is not None:
        raise RecipeError(f"{where}: table takes the place of task and evaluate; leave those out")
    if isinstance(recipe.spaces[-1], dict) or recipe.choices:
        raise RecipeError(f"{where}: a table has its own space; name its columns in table.choices")
    if len(table.metrics) > 1 and len(recipe.funnel) != len(table.metrics):
        raise RecipeError(
            f"{where}: table.metric names {len(table.metrics)} columns, funnel has {len(recipe.funnel)}"
            " rungs; give a rung a column"
        )


def _check_promotion(recipe: "Recipe", where: str) -> None:
    section, rungs = recipe.promotion, len(recipe.funnel)
    if section.kind != "funnel":
        if rungs < 2:
            raise RecipeError(
                f"{where}: promotion.kind {section.kind} climbs rungs; `funnel` has {rungs}, give two or more"
            )
        for i, rung in enumerate(recipe.funnel):
            for name in sorted(FUNNEL_ONLY):
                if getattr(rung, name) is not None:
                    raise RecipeError(
                        f"{where}: funnel.{i}.{name} is for promotion.kind funnel; {section.kind} goes by"
                        " promotion.eta: leave it out"
                    )
    if section.brackets is not None and section.brackets > rungs > 1:
        raise RecipeError(
            f"{where}: promotion.brackets is {section.brackets}; give at most {rungs}, the number of rungs"
        )
    for name, kind in {"initial": "successive_halving", "brackets": "hyperband"}.items():
        if getattr(section, name) is not None and section.kind != kind:
            raise RecipeError(
                f"{where}: promotion.{name} is for promotion.kind {kind}, not {section.kind}; leave it out"
            )


def _check_early_stop(recipe: "Recipe", where: str) -> None:
    if recipe.early_stop.confidence is None:
        return
    if recipe.trains and recipe.training.evaluations < _FEWEST_EVALUATIONS:
        raise RecipeError(
            f"{where}: early_stop needs learning curves; set training.evaluations to {_FEWEST_EVALUATIONS}"
            f" or more, it is {recipe.training.evaluations}"
        )
    if recipe.engine.deterministic:
        raise RecipeError(
            f"{where}: engine.deterministic cannot stop early, since that depends on what ended first;"
            " leave early_stop.confidence out"
        )


def _check_engine(recipe: "Recipe", where: str) -> None:
    engine = recipe.engine
    usual = type(engine)()
    given = sorted(name for name in CLUSTER_ONLY if getattr(engine, name) != getattr(usual, name))
    if engine.kind == "local" and given:
        raise RecipeError(f"{where}: engine.{given[0]} is for a cluster; set engine.kind to ray as well")
    if engine.kind == "ray" and engine.workers == 0:
        raise RecipeError(
            f"{where}: engine.workers 0 is this process; leave it out, or set engine.kind to local"
        )
    if engine.gpus > 1 and engine.gpus % 1:
        raise RecipeError(
            f"{where}: engine.gpus {engine.gpus:g} is neither whole nor a part of one; try 1 or 0.5"
        )
