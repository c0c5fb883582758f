"""The samplers over a stub objective, in this process."""

import itertools
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from sugata.errors import RecipeError
from sugata.recipe_tune import RangeSection, Sampler
from sugata.trial import Metric
from sugata.tuning.fields import Field, fields_of
from sugata.tuning.planned import Grid
from sugata.tuning.study import Study

LOSS = Metric("loss")
NUMBERS = {
    "rate": RangeSection(low=1e-4, high=1.0, log=True),
    "width": RangeSection(low=1, high=64, integer=True),
    "share": RangeSection(low=0, high=1),
}
CONDITIONAL = {
    "momentum": RangeSection(low=0, high=0.99, when={"optimizer": "sgd"}),
    "optimizer": RangeSection(options=("sgd", "adamw", None, [1, 2])),
    "rate": RangeSection(low=1e-4, high=1.0, log=True),
    "steps": RangeSection(low=0.1, high=0.5, step=0.1),
}


def planted(values: dict[str, Any]) -> float:
    """The optimum is at a rate of 0.01; the width hardly matters, the share not at all."""
    return (math.log10(values["rate"]) + 2) ** 2 + 0.02 * abs(values.get("width", 16) - 16) / 48


pytestmark = pytest.mark.slow


def look(study: Study, objective: Callable[[dict[str, Any]], float | None], count: int) -> Study:
    for _ in range(count):
        asked = study.ask()
        if asked is None:
            break
        if study.repeat(asked) is None:
            study.tell(asked.number, objective(asked.values))
    return study


def study(path: Path, ranges: dict[str, RangeSection], sampler: str = "tpe", **given: Any) -> Study:
    return Study(path / "study.journal", fields_of(ranges), LOSS, sampler=sampler, **given)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_every_sampler_stays_within_the_ranges_and_goes_on_as_if_it_had_not_stopped(
    sampler: str, tmp_path: Path
) -> None:
    whole = look(study(tmp_path, NUMBERS, sampler, seed=3), planted, 12).tried
    other = tmp_path / "other"
    other.mkdir()
    look(study(other, NUMBERS, sampler, seed=3), planted, 7)
    parts = look(study(other, NUMBERS, sampler, seed=3), planted, 5).tried
    assert [one.values for one in parts] == [one.values for one in whole]
    assert len(whole) == 12
    for one in whole:
        assert set(one.values) == set(NUMBERS)
        assert 1e-4 <= one.values["rate"] <= 1
        assert isinstance(one.values["width"], int)
        assert 1 <= one.values["width"] <= 64
        assert 0 <= one.values["share"] <= 1


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "gp"])
def test_conditional_fields_have_a_value_only_where_they_apply(sampler: str, tmp_path: Path) -> None:
    tried = look(study(tmp_path, CONDITIONAL, sampler), lambda v: planted(v) + 0.1 * len(v), 14).tried
    assert {json.dumps(one.values["optimizer"]) for one in tried} >= {'"sgd"', '"adamw"'}
    for one in tried:
        assert ("momentum" in one.values) == (one.values["optimizer"] == "sgd")
        assert one.values["optimizer"] in ("sgd", "adamw", None, [1, 2])
        assert round(one.values["steps"], 9) in (0.1, 0.2, 0.3, 0.4, 0.5)


def test_the_planted_optimum_is_found_and_the_planted_field_is_the_most_important(tmp_path: Path) -> None:
    found = look(study(tmp_path, NUMBERS, "tpe", seed=1), planted, 40)
    best = min(found.tried, key=lambda one: one.score or 0.0)
    assert 0.004 < best.values["rate"] < 0.025
    first, *others = found.importances()
    assert first.path == "rate"
    assert first.stands_out
    assert first.share > 0.5
    assert not any(one.stands_out for one in others)
    assert first.share + sum(one.share for one in others) == pytest.approx(1)


@pytest.mark.parametrize("sampler", ["nelder_mead", "cmaes", "gp"])
def test_samplers_that_model_numbers_come_close(sampler: str, tmp_path: Path) -> None:
    ranges = {path: NUMBERS[path] for path in ("rate", "share")}

    def bowl(values: dict[str, Any]) -> float:
        return planted(values) + (values["share"] - 0.3) ** 2

    tried = look(study(tmp_path, ranges, sampler, seed=2), bowl, 24).tried
    assert min(one.score or 0.0 for one in tried) < 0.05


def test_a_grid_has_every_combination_once_and_ends(tmp_path: Path) -> None:
    ranges = {**CONDITIONAL, "momentum": RangeSection(low=0, high=0.9, points=3, when={"optimizer": "sgd"})}
    combinations = list(Grid(fields_of(ranges)).combinations())
    assert len(combinations) == (3 + 1 + 1 + 1) * 5 * 5  # momentums of sgd, other optimizers; rates; steps
    settings = [json.dumps(one, sort_keys=True) for one in combinations]
    assert len(set(settings)) == len(settings)
    assert sorted({one["rate"] for one in combinations}) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])
    assert all(("momentum" in one) == (one["optimizer"] == "sgd") for one in combinations)
    del ranges["rate"], ranges["steps"]
    tried = look(study(tmp_path, ranges, "grid"), lambda v: float(len(v)), 100).tried
    assert [one.values for one in tried] == list(Grid(fields_of(ranges)).combinations())


def test_quasi_random_points_fill_every_interval(tmp_path: Path) -> None:
    tried = look(
        study(tmp_path, {"share": NUMBERS["share"], "b": NUMBERS["share"]}, "qmc"), lambda v: 1, 8
    ).tried
    for path in ("share", "b"):
        assert sorted(int(8 * one.values[path]) for one in tried) == list(range(8))


def test_nelder_mead_asks_for_its_first_simplex_at_once_and_then_waits(tmp_path: Path) -> None:
    searched = study(tmp_path, NUMBERS, "nelder_mead", first={"rate": 0.1, "width": 8, "share": 0.5})
    asked = [searched.ask() for _ in range(5)]
    assert [one is None for one in asked] == [False] * 4 + [True]
    assert asked[0] is not None
    assert asked[0].values == pytest.approx({"rate": 0.1, "width": 8, "share": 0.5})
    for one in asked[:4]:
        assert one is not None
        searched.tell(one.number, planted(one.values))
    assert searched.ask() is not None


def test_the_recipes_own_values_are_tried_first(tmp_path: Path) -> None:
    own = {"rate": 0.5, "width": 3, "share": 0.25}
    tried = look(study(tmp_path, NUMBERS, "tpe", first=own), planted, 3).tried
    assert tried[0].values == own
    assert [one.own for one in tried] == [True, False, False]


def test_what_was_asked_for_and_not_told_is_taken_up_again_unchanged(tmp_path: Path) -> None:
    first = study(tmp_path, CONDITIONAL)
    asked = [first.ask() for _ in range(3)]
    assert asked[0] is not None
    first.tell(asked[0].number, 1.0)
    again = study(tmp_path, CONDITIONAL)
    assert again.unfinished == asked[1:]
    assert [one.number for one in again.tried] == [0]
    new = again.ask()
    assert new is not None
    assert new.number == 3


def test_a_torn_line_and_a_lock_that_a_killed_process_left_are_mended(tmp_path: Path) -> None:
    look(study(tmp_path, NUMBERS), planted, 3)
    path = tmp_path / "study.journal"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    create = max(i for i, line in enumerate(lines) if b'"op_code":4' in line)
    for cut in range(create + 1, len(lines)):  # killed anywhere in the last trial
        path.write_bytes(b"".join(lines[:cut]) + lines[cut][:9])
        (tmp_path / "study.journal.lock").symlink_to("nowhere")
        again = study(tmp_path, NUMBERS)
        for one in again.unfinished:
            assert set(one.values) == set(NUMBERS)
            again.tell(one.number, planted(one.values))
        assert [one.number for one in look(again, planted, 1).tried] == [0, 1, 2, 3]


def test_any_program_that_knows_optuna_can_open_the_journal(tmp_path: Path) -> None:
    look(study(tmp_path, CONDITIONAL), planted, 3)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    opened = optuna.load_study(study_name="sugata", storage=storage)
    assert [trial.state.name for trial in opened.trials] == ["COMPLETE"] * 3
    assert opened.direction.name == "MINIMIZE"


def test_failures_have_a_reason_and_no_score(tmp_path: Path) -> None:
    searched = study(tmp_path, NUMBERS)
    for score, reason in ((None, "out of memory"), (math.nan, ""), (math.inf, "")):
        asked = searched.ask()
        assert asked is not None
        searched.tell(asked.number, score, reason)
    assert [one.score for one in searched.tried] == [None] * 3
    assert [one.reason for one in searched.tried] == ["out of memory", "loss is nan", "loss is inf"]
    assert searched.importances() == ()


def test_settings_that_were_tried_are_answered_from_the_record(tmp_path: Path) -> None:
    searched = study(tmp_path, {"a": RangeSection(options=(1, 2))}, "random")
    calls = itertools.count()
    tried = look(searched, lambda values: float(next(calls)), 10).tried
    assert len(tried) == 10
    assert next(calls) == 2
    assert sum(one.same_as is not None for one in tried) == 8


@pytest.mark.parametrize(
    ("sampler", "ranges", "said"),
    [
        ("nelder_mead", CONDITIONAL, "nelder_mead moves numbers that always apply; optimizer is a category"),
        ("cmaes", {"rate": NUMBERS["rate"]}, "cmaes needs two numbers that always apply; there is one"),
    ],
)
def test_samplers_that_do_not_suit_the_fields_say_so(
    sampler: str, ranges: dict[str, RangeSection], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        Study.check(fields_of(ranges), sampler)


def test_without_optuna_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "sugata.tuning.study")
    with pytest.raises(RecipeError) as raised:
        __import__("sugata.tuning.study")
    assert "tune needs the extra hpo" in str(raised.value)
    assert "pip install 'sugata[hpo]'" in str(raised.value)


def test_a_field_maps_shares_of_its_range_there_and_back() -> None:
    rate = Field("rate", 1e-4, 1.0, log=True)
    assert [rate.at(share) for share in (0, 0.5, 1)] == pytest.approx([1e-4, 1e-2, 1])
    assert rate.share(rate.at(0.3)) == pytest.approx(0.3)
    assert [Field("n", 1, 8, integer=True).at(share) for share in (0, 0.49, 1)] == [1, 4, 8]
    steps = Field("s", 0, 1, step=0.3)
    assert [steps.at(share) for share in (0, 0.3, 0.99)] == pytest.approx([0, 0.3, 0.9])
    assert steps.grid() == pytest.approx([0, 0.3, 0.6, 0.9])
    assert Field("n", 1, 3, integer=True).grid() == [1, 2, 3]
