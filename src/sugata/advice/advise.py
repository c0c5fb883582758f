"""Advice for each kind of task."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sugata.advice.measured import Measured, measure
from sugata.advice.plans import MANY, SOME, Advice, command, figures, planned
from sugata.advice.rows import Kind, measure_rows, read_rows, three_lines
from sugata.errors import RecipeError
from sugata.report.wording import plural

#: Spaces and sizes of image networks, the largest first, and how many full trainings each should have.
_SIZES: tuple[tuple[str, Mapping[str, int], int], ...] = (
    ("darts", {"channels": 16, "cells": 8}, MANY),
    ("nasbench201", {"channels": 16, "cells": 5}, SOME),
    ("nasbench201", {"channels": 16, "cells": 2}, SOME),
    ("nasbench201", {"channels": 8, "cells": 1}, 0),
)
_LARGE_IMAGE = 64  # pixels a side, from which on mobile networks are advised
_LEAST_BUDGET = 60.0
_OWN = (
    ("your own blocks", "a recipe with your space: docs, A space of your own in 40 lines"),
    ("your own measure of good", "sugata.search(space={...}, evaluate=function, maximize=...)"),
    ("research on search", "sugata doctor --task research: published tables in place of trainings"),
)


def advise(task: str, data: str | None, budget: float) -> Advice:
    """Recommend a space, a strategy and an evaluator, from what a training costs on this machine.

    Args:
        task: one of `KINDS`.
        data: as the recipe's ``task.data``; None: the task's own.
        budget: wall-clock seconds for everything.

    Raises:
        RecipeError: no such task, or a budget in which nothing can be trained.
        SugataError: the data cannot be read.
    """
    if task not in KINDS:
        raise RecipeError(f"--task {task}: use one of {', '.join(KINDS)}")
    if budget < _LEAST_BUDGET:
        raise RecipeError(
            f"--budget: {budget:g} s are too few to train anything twice; give a minute or more"
        )
    return KINDS[task](data, budget)


def _image(data: str | None, budget: float) -> Advice:
    found = data or "digits"
    base = {"task.data": found}
    side = _side(base)
    if side >= _LARGE_IMAGE:
        given: Mapping[str, Any] = {"space": "proxyless", "network": {"width": 0.5}}
        measured = measure("mnist", {**base, **given}, budget)
        space = f"proxyless at half width: mobile networks, for images of {side} pixels a side"
    else:
        name, size, measured = _sized(base, budget)
        given = {"space": name, "network": dict(size)}
        cells = plural(size["cells"], "cell") + ("" if name == "darts" else " a stage")
        sizes = f"{size['channels']} channels, {cells}"
        space = f"{name}, {sizes}: the largest of four that this budget can train often enough"
    plan = planned(measured, "mnist", "shared")
    own = {**given, "final.channels": 1}
    others = (
        ("the first time", three_lines("ImageClassifier", found, None, budget).replace("\n", "; ")),
        ("several objectives", "leave --set strategy.kind=... out: evolution finds the front (NSGA-II)"),
        (
            "a cell by gradient",
            "sugata search shared --set supernet.method=perturbation --set supernet.mode=joint",
        ),
        *_OWN,
    )
    return Advice(
        space,
        plan.strategy,
        plan.evaluator,
        plan.reasons,
        command(plan, found, own),
        figures(measured),
        others,
    )


def _sized(base: Mapping[str, Any], budget: float) -> tuple[str, Mapping[str, int], Measured]:
    """The largest networks that can be trained in full often enough, else the smallest."""
    for space, size, wanted in _SIZES:
        measured = measure("mnist", {**base, "space": space, "network": dict(size)}, budget)
        if measured.trainings >= wanted:
            break
    return space, size, measured


def _side(base: Mapping[str, Any]) -> int:
    """Pixels a side of the images."""
    from sugata import recipe as recipes
    from sugata.run.assembly import assemble
    from sugata.space import image_sizes

    task = assemble(recipes.load("mnist", base)).task
    assert task is not None
    sizes = image_sizes(task.signature({}))
    return min(sizes.height, sizes.width)


def _code(data: str | None, budget: float) -> Advice:
    found = data or "stdlib"
    measured = measure("tiny", {"task.data": found}, budget)
    plan = planned(measured, "tiny", None)
    others = (
        ("much more compute", "sugata search medium: GPT-2-like networks of 50 MB, half a day on two cores"),
        ("a model that exists", "sugata compress DIR --out SMALL --to int4 --method gptq"),
        *_OWN,
    )
    return Advice(
        "tiny: six token mixers, 26.4 million different networks; known good ones are tried first",
        plan.strategy,
        plan.evaluator,
        plan.reasons,
        command(plan, found, {}),
        figures(measured),
        others,
    )


def _code_search(data: str | None, budget: float) -> Advice:
    found = data or "stdlib"
    measured = measure("code-search", {"task.data": found}, budget)
    plan = planned(measured, "code-search", None)
    reasons = (*plan.reasons, "BM25 won against encoders of seven minutes: the report has both")
    return Advice(
        "tiny encoders of one to three layers",
        plan.strategy,
        plan.evaluator,
        reasons,
        command(plan, found, {}),
        figures(measured),
        _OWN,
    )


def _table(data: str | None, budget: float) -> Advice:
    return _rows(
        "table",
        data,
        budget,
        "blocks for tables: embeddings of categories and numbers, dense layers",
        "each trained in full, ended where held-out rows stop improving; the best is kept",
        "boosting often wins on tables: compare with scikit-learn's HistGradientBoosting before you ship",
    )


def _text(data: str | None, budget: float) -> Advice:
    return _rows(
        "text",
        data,
        budget,
        "blocks for texts: n-grams, convolutions, recurrent layers or attention, whichever wins",
        "many trained for seconds, the best longer, then the best in full: a funnel on held-out texts",
        "a linear model on TF-IDF is hard to beat on few texts: compare with one before you ship",
    )


def _rows(kind: Kind, data: str | None, budget: float, space: str, evaluator: str, beside: str) -> Advice:
    """A class in three lines; with a file, what a training of its first network costs."""
    reasons = ("the classes read the data, choose the rest, and store the preparation with the model", beside)
    shown: tuple[tuple[str, str], ...] = ()
    name, column = {"table": "StructuredDataClassifier", "text": "TextClassifier"}[kind], "COLUMN"
    if data is not None:
        rows = read_rows(kind, data)
        name, column = rows.class_name, rows.target
        holds = "values" if rows.classes is None else f"{rows.classes} classes"
        shown = (("data", f"{len(rows.frame):,} rows; target {rows.target!r}, taken to be {holds}"),)
        shown += figures(measure_rows(rows, budget))
    return Advice(
        space,
        "evolution, from known good configurations on",
        evaluator,
        reasons,
        three_lines(name, data or f"{kind}.csv", column, budget),
        shown,
        (
            (
                "another target or kind",
                "name the column in fit; Regressor for values, Classifier for classes",
            ),
            *_OWN,
        ),
    )


def _own(data: str | None, budget: float) -> Advice:
    space = '{"depth": [2, 4, 8], "width": [32, 64]}'
    line = f'result = sugata.search(space={space}, evaluate=train, maximize="accuracy", budget={budget:g})'
    return Advice(
        "your choices as a dictionary; a class where sugata is to train and export the networks",
        "bayesian from 20 evaluations on, random below",
        "your function, or an Evaluator with rungs",
        (
            "on benchmark tables bayesian found the best after 19 to 42 evaluations, random search mostly not"
            " within 500",
            "a function needs ten lines; everything else comes along",
        ),
        f"import sugata\n{line}\nprint(result.best.architecture, result.report)",
    )


def _research(data: str | None, budget: float) -> Advice:
    table = data or "nasbench201.parquet"
    if data is not None and not Path(data).expanduser().exists():
        raise RecipeError(f"--data {data}: there is no such table; give a .parquet, .csv or a folder of them")
    folder = Path(table).expanduser().is_dir()
    line = (
        f"sugata bench strategies --data {shlex.quote(table)}"
        if folder
        else (f"sugata bench strategies --table {shlex.quote(table)} --metric val_acc_12")
    )
    return Advice(
        "that of the table: NAS-Bench-201, 101, Macro, or any columns that are choices",
        "all of them, seed by seed",
        "looked up: nothing is trained",
        (
            "a hundred searches take minutes instead of years, and anybody can repeat them",
            "twelve strategies on four tables with 100 seeds took 14 minutes on two cores",
        ),
        line,
    )


#: Kinds of tasks that there is advice for.
KINDS: Mapping[str, Callable[[str | None, float], Advice]] = {
    "image": _image,
    "table": _table,
    "text": _text,
    "code": _code,
    "code_search": _code_search,
    "own": _own,
    "research": _research,
}
