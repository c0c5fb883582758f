"""Advice follows from what a training costs, and what it prints can be run."""

import shlex
import sys
from typing import Any

import pytest
from typer.main import get_command

import sugata
from sugata import recipe as recipes
from sugata.advice import KINDS, Advice, Measured, advise, plans
from sugata.cli.commands import app
from sugata.errors import RecipeError
from sugata.run.assembly import Assembly, assemble

HOUR = 3600.0


def measured(trainings: float, **other: Any) -> Measured:
    """A machine of two workers whose hour pays for so many full trainings."""
    given = {
        "network": "known",
        "step": 0.01,
        "targets": 32,
        "unit": "epochs",
        "amount": 20.0,
        "full": "20 epochs",
        "seconds": plans.SEARCHED * HOUR * 2 / trainings,
        "budget": HOUR,
        "workers": 2,
        "distinct": 6466,
    }
    return Measured(**{**given, **other})


def assembled(command: str) -> Assembly:
    """What a printed command would run."""
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("sugata", "search")
    commands: Any = get_command(app)
    given = commands.commands[name].make_context(name, arguments).params
    return assemble(
        recipes.load(given["recipe"], {"task.data": given["data"], **recipes.assignments(given["changes"])})
    )


@pytest.mark.parametrize(
    ("trainings", "distinct", "strategy", "evaluator"),
    [
        (200, None, "regularized_evolution", "in full"),
        (200, 6466, "bayesian", "in full"),
        (60, None, "bayesian", "in full"),
        (20, 6466, "bayesian", "for a quarter"),
        (4, 6466, "regularized_evolution", "shared weights"),
    ],
)
def test_the_method_follows_from_the_number_of_trainings(
    trainings: float, distinct: int | None, strategy: str, evaluator: str
) -> None:
    plan = plans.planned(measured(trainings, distinct=distinct), "mnist", "shared")
    assert plan.strategy == strategy
    assert evaluator in plan.evaluator
    run = assembled(plans.command(plan, "digits", {"network": {"channels": 8, "cells": 1}})).recipe
    assert run.strategy.kind == strategy
    assert run.supernet is None or trainings < plans.FEW


@pytest.mark.parametrize("trainings", [0.5, 3, 9, 12, 39, 45, 400])
def test_what_is_planned_fits_the_budget(trainings: float) -> None:
    given = measured(trainings)
    run = assembled(plans.command(plans.planned(given, "mnist", "shared"), "digits", {})).recipe
    epoch = given.seconds / given.amount
    spent = run.final.amount * epoch
    if run.supernet is not None:
        spent += run.supernet.amount * epoch
        spent += run.funnel[-1].capacity * run.funnel[-1].amount * epoch / given.workers
    else:
        assert run.budget.seconds == pytest.approx(plans.SEARCHED * HOUR, rel=0.01)
        spent += run.budget.seconds
    assert spent <= 1.1 * HOUR or trainings < 1


def test_language_models_with_little_compute_share_no_weights() -> None:
    plan = plans.planned(measured(3, unit="tokens", amount=9e6), "tiny", None)
    run = assembled(plans.command(plan, "stdlib", {})).recipe
    assert run.supernet is None
    assert {rung.unit for rung in run.funnel} == {"seconds"}
    trained = sum(rung.amount * rung.capacity for rung in run.funnel)
    assert trained / 2 < 1.6 * run.budget.seconds < HOUR


@pytest.mark.slow
@pytest.mark.parametrize(("task", "budget"), [("image", 600.0), ("code", 7200.0)])
def test_it_measures_here_and_its_command_can_be_assembled(task: str, budget: float) -> None:
    advice = advise(task, None, budget)
    assert [word for word, _ in advice.figures] == ["measured", "full training", "the budget"]
    assert advice.reasons
    assembled(advice.command)


def test_research_and_own_functions_need_no_measurement(tmp_path) -> None:
    assert "bench strategies" in advise("research", None, HOUR).command
    assert f"--data {tmp_path}" in advise("research", str(tmp_path), HOUR).command
    assert "evaluate=" in advise("own", None, HOUR).command
    with pytest.raises(RecipeError, match="no such table"):
        advise("research", str(tmp_path / "none.parquet"), HOUR)


@pytest.mark.parametrize(
    ("task", "name"), [("table", "StructuredDataClassifier"), ("text", "TextClassifier")]
)
def test_tables_and_texts_get_three_lines_that_name_a_class(task: str, name: str) -> None:
    lines = advise(task, None, HOUR).command.splitlines()
    assert len(lines) == 3
    assert hasattr(sugata, name)
    assert f'{name}(budget="3600s").fit("{task}.csv", "COLUMN")' in lines[1]
    for line in lines:
        compile(line, "advice", "exec")


def test_larger_networks_where_the_budget_pays_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure(recipe: str, changes: dict[str, Any], budget: float) -> Measured:
        asked.append((changes["space"], changes["network"]["cells"]))
        return measured(budget / {8: 3600, 5: 600, 2: 300, 1: 60}[changes["network"]["cells"]])

    monkeypatch.setattr(sys.modules["sugata.advice.advise"], "measure", measure)
    found: list[Advice] = [KINDS["image"](None, budget) for budget in (600_000.0, 30_000.0, 100.0)]
    assert [advice.space.split(",")[0] for advice in found] == ["darts", "nasbench201", "nasbench201"]
    assert asked[-1] == ("nasbench201", 1)
    assert "channels: 16, cells: 5" in found[1].command


def test_bad_input_is_one_line() -> None:
    with pytest.raises(RecipeError, match="use one of image"):
        advise("sound", None, HOUR)
    with pytest.raises(RecipeError, match="too few"):
        advise("image", None, 5)
