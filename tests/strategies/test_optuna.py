"""Optuna's samplers as a strategy: each keeps the contract, learns, and keeps quiet."""

import sys
import warnings
from typing import Any, get_args

import numpy as np
import optuna
import pytest
import torch

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace, SearchSpace
from sugata.strategies import strategy_class
from sugata.strategies.optuna import OptunaSearch, Sampler
from sugata.trial import Metric, Proposal, Status, Trial

from .contract import AIMS, STAND_INS, anything, check_proposals, check_restored, completed, drive

pytestmark = pytest.mark.slow

SAMPLERS = get_args(Sampler)
LOSS = Objectives((Metric("loss"),))
GRID = DictionarySpace({f"x{i}": list(range(9)) for i in range(5)})
SMALL: dict[str, Any] = {"startup": 4, "population": 5}


def made(
    sampler: Sampler, space: SearchSpace, aims: Objectives, seed: int = 0, **options: Any
) -> OptunaSearch:
    return OptunaSearch(space, aims, seed=seed, sampler=sampler, **{**SMALL, **options})


def distance(proposal: Proposal) -> Trial:
    """Smallest, 0, at (6, 6, 6, 6, 6)."""
    loss = sum((float(x) - 6) ** 2 for x in proposal.architecture.values())
    return Trial(proposal, Status.COMPLETED, {"loss": loss})


@pytest.mark.parametrize("space", ["conditional", "merging"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_the_contract(sampler: Sampler, space: str) -> None:
    searched = STAND_INS[space]()
    aims = AIMS["scalar" if sampler == "cmaes" or space == "merging" else "pareto"]
    start = next(searched.enumerate())

    def strategy() -> OptunaSearch:
        return made(sampler, searched, aims, seed=2**32, starts=[start])

    run = drive(strategy(), anything(searched), workers=4, most=14 if sampler == "gp" else 24, seconds=10)
    check_proposals(searched, run, repeats=False)
    assert run.proposals[0].architecture == start
    assert {proposal.origin for proposal in run.proposals} <= {"start", sampler, "mutation", "random"}
    for share in (0.4, 1.0):
        check_restored(strategy, run.events, round(share * len(run.events)))


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2", "nsga3"])
def test_samplers_learn_also_when_the_run_is_cut_in_pieces(sampler: Sampler) -> None:
    """The mean loss of the last of 100 proposals is far below that of random ones, about 58."""
    last = []
    for seed in range(3):
        events: list[Proposal | Trial] = []
        strategy = made(sampler, GRID, LOSS, seed, population=10)
        for number in range(100):
            if number % 25 == 0:
                strategy = made(sampler, GRID, LOSS, seed, population=10)
                strategy.restore(events)
            proposal = strategy.ask()
            assert proposal is not None
            trial = distance(proposal)
            strategy.tell(trial)
            events += [proposal, trial]
            last += [trial.metrics["loss"]] if number >= 80 else []
    assert np.mean(last) < 35


def test_the_gaussian_process_finds_the_best_of_a_small_grid() -> None:
    space = DictionarySpace({"x": list(range(9)), "y": list(range(9))})
    strategy = made("gp", space, LOSS)
    best = np.inf
    for _ in range(16):  # of 81
        proposal = strategy.ask()
        assert proposal is not None
        trial = distance(proposal)
        strategy.tell(trial)
        best = min(best, trial.metrics["loss"])
    assert best <= 1


def test_a_generation_is_bred_from_starts_too() -> None:
    """Genetic samplers know a start as a member of their first generation."""
    best = GRID.architecture({f"x{i}": 6 for i in range(5)})
    strategy = made("nsga2", GRID, LOSS, starts=[best], population=4)
    trials = []
    for _ in range(40):
        proposal = strategy.ask()
        assert proposal is not None
        trials.append(distance(proposal))
        strategy.tell(trials[-1])
    shared = [sum(x == 6 for x in trial.architecture.values()) for trial in trials[5:]]
    assert np.mean(shared) > 2  # by chance 5 / 9


def test_tpe_keeps_away_from_what_is_refused() -> None:
    def outcome(proposal: Proposal) -> Trial:
        if proposal.architecture["kind"] == "bad":
            return Trial(proposal, Status.REFUSED)
        return Trial(proposal, Status.COMPLETED, {"loss": float(proposal.architecture["x"])})

    strategy = made("tpe", DictionarySpace({"kind": ["good", "bad"], "x": list(range(500))}), LOSS)
    kinds = []
    for _ in range(50):
        proposal = strategy.ask()
        assert proposal is not None
        kinds.append(proposal.architecture["kind"])
        strategy.tell(outcome(proposal))
    assert kinds[20:].count("bad") <= 8  # by chance 15


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nothing_is_printed_and_nothing_of_the_process_is_changed(
    sampler: Sampler, capfd: pytest.CaptureFixture[str]
) -> None:
    space = STAND_INS["conditional"]()
    before = optuna.logging.get_verbosity(), torch.get_num_threads(), np.random.get_state()[1].tolist()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drive(made(sampler, space, AIMS["single"]), completed(space), most=8)
    assert not caught
    assert capfd.readouterr() == ("", "")
    assert before == (
        optuna.logging.get_verbosity(),
        torch.get_num_threads(),
        np.random.get_state()[1].tolist(),
    )


@pytest.mark.parametrize(
    ("sampler", "options", "aims", "said"),
    [
        ("tpee", {}, "single", "strategy.sampler is 'tpee'; use tpe, gp, nsga2"),
        ("tpe", {"startup": 0}, "single", "strategy.startup is 0; give a whole number of at least 1"),
        ("nsga2", {"population": 1}, "single", "strategy.population is 1; give a whole number of at least 2"),
        ("cmaes", {}, "pareto", "strategy.sampler cmaes has one objective, not quality, size; name one"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    sampler: Any, options: dict[str, Any], aims: str, said: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        made(sampler, GRID, AIMS[aims], **options)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_cmaes_needs_ordered_choices_that_always_apply() -> None:
    for options in ({"a": ["x", "y"], "b": [1, 2, 3]}, {"a": [1], "b": [1, 2]}):
        with pytest.raises(RecipeError, match=r"cmaes needs two ordered .* dictionary has 1: use tpe"):
            made("cmaes", DictionarySpace(options), LOSS)


def test_without_optuna_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "sugata.strategies.optuna")
    with pytest.raises(RecipeError) as raised:
        strategy_class("optuna")
    assert "optuna needs the extra hpo" in str(raised.value)
    assert "pip install 'sugata[hpo]'" in str(raised.value)
