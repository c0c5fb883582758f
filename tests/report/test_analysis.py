"""The pure functions behind every chart and table."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.objectives import Limit, Objectives, WeightedFitness
from sugata.report import ReportData, analysis
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

LOSS = Objectives((Metric("loss"),))
TWO = Objectives((Metric("loss"), Metric("size")))


def trial(
    number, loss=None, *, rung=0, size=1.0, status=Status.COMPLETED, continues=None, curve=(), **choices
):
    metrics = {} if loss is None else {"loss": loss, "size": size}
    proposal = Proposal(number, choices, Fidelity(rung, f"rung {rung}"), continues)
    return Trial(proposal, status, metrics, curve=curve, reason="" if loss is not None else f"step {number}")


@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.booleans())
def test_best_so_far_never_gets_worse_and_ends_at_the_best(values, maximize):
    best = analysis.best_so_far(values, maximize)
    assert len(best) == len(values)
    if values:
        assert best[-1] == (max if maximize else min)(values)
        assert best == sorted(best, reverse=not maximize)


def test_rolling_mean_and_spread_look_back_only():
    mean, spread = analysis.rolling([1.0, 3.0, 5.0, 7.0], window=2)
    assert mean == [1.0, 2.0, 4.0, 6.0]
    assert spread == [0.0, 1.0, 1.0, 1.0]


def test_nan_and_missing_metrics_are_neither_on_the_front_nor_the_best():
    trials = [
        trial(0, math.nan),
        trial(1, 2.0),
        trial(2),
        trial(3, math.inf),
        trial(4, 1.0, status=Status.FAILED),
    ]
    assert [t.number for t in analysis.front(trials, LOSS)] == [1]


def test_progress_is_kept_apart_by_rung_and_skips_what_failed():
    trials = [trial(0, 3.0), trial(1, 2.0), trial(2, 1.5, rung=1), trial(3), trial(4, 2.5)]
    low, high = analysis.progress(trials, LOSS)
    assert low.positions == (1, 2, 5)
    assert low.best == (3.0, 2.0, 2.0)
    assert high.values == (1.5,)


def test_a_fitness_that_misses_a_metric_scores_nothing():
    objectives = Objectives((Metric("accuracy", direction="maximize"),), fitness=WeightedFitness())
    assert analysis.score(trial(0, 1.0), objectives) is None


def test_importance_finds_the_choice_that_matters_and_not_the_one_that_does_not():
    rng = np.random.default_rng(0)
    choices = (("matters", (1, 2, 3)), ("idle", ("a", "b", "c", "d")))
    trials = []
    for number in range(80):
        matters, idle = int(rng.integers(1, 4)), "abcd"[int(rng.integers(4))]
        trials.append(trial(number, matters + rng.normal(0, 0.1), matters=matters, idle=idle))
    first, second = analysis.importance(trials, choices, LOSS)
    assert first.choice == "matters"
    assert first.share > 0.9 > first.chance
    assert second.share <= second.chance + 0.02
    assert first.trials == 80
    assert [option.option for option in first.options] == [1, 2, 3]


def test_importance_of_equal_metrics_is_zero():
    trials = [trial(i, 1.0, x=i % 2) for i in range(10)]
    (item,) = analysis.importance(trials, (("x", (0, 1)),), LOSS)
    assert item.share == 0


def test_importance_tells_true_from_one():
    trials = [trial(i, float(i % 2), x=bool(i % 2)) for i in range(10)]
    assert analysis.importance(trials, (("x", (0, 1)),), LOSS) == []
    assert len(analysis.importance(trials, (("x", (False, True)),), LOSS)) == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_importance_of_too_few_trials_is_not_stated(count):
    assert analysis.importance([trial(i, 1.0 + i, x=i) for i in range(count)], (("x", (0, 1)),), LOSS) == []


def test_funnel_counts_what_entered_went_on_and_how_it_ended():
    trials = [
        trial(0, 3.0, x=0),
        trial(1, 2.0, x=1),
        trial(2, status=Status.REFUSED, x=2),
        trial(3, status=Status.DIVERGED, x=3),
        trial(4, 1.0, rung=1, continues=1, x=1),
    ]
    low, high = analysis.funnel(trials)
    assert (low.entered, low.promoted, high.entered, high.promoted) == (3, 1, 1, 0)
    assert low.statuses == {Status.COMPLETED: 2, Status.REFUSED: 1, Status.DIVERGED: 1}


def test_the_rungs_of_the_funnel_hold_every_trial(language_data: ReportData):
    rungs = analysis.funnel(language_data.trials)
    assert sum(sum(rung.statuses.values()) for rung in rungs) == len(language_data.trials)
    for low, high in itertools.pairwise(rungs):
        assert low.promoted == high.entered


def test_reasons_that_differ_in_numbers_only_are_one_kind():
    trials = [trial(i, status=Status.DIVERGED) for i in (7, 8)] + [trial(9, 1.0)]
    (failure,) = analysis.failures(trials)
    assert (failure.count, failure.example, failure.reason) == (2, 7, "step 7")


def test_hypervolume_grows_to_one(language_data: ReportData):
    points = analysis.hypervolume_over_time(language_data.trials, language_data.objectives)
    shares = [share for _, share in points]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert analysis.hypervolume_over_time(language_data.trials, LOSS) == []


def test_hypervolume_ignores_what_breaks_a_limit():
    limited = Objectives(TWO.metrics, (Limit("size", 2.0),))
    trials = [
        trial(0, 2.0, size=1.0),
        trial(1, 0.1, size=9.0),
        trial(2, 1.0, size=1.5),
        trial(3, 1.5, size=1.2),
    ]
    assert [position for position, _ in analysis.hypervolume_over_time(trials, limited)] == [1, 3, 4]


def test_a_continued_trial_has_the_curve_of_those_before_it():
    first = trial(0, 1.0, curve=((1, 5.0), (2, 4.0)))
    second = trial(1, 1.0, rung=1, continues=0, curve=((2, 3.9), (3, math.nan), (4, 3.0)))
    by_number = {0: first, 1: second}
    assert analysis.full_curve(second, by_number) == ((1, 5.0), (2, 3.9), (4, 3.0))


def test_a_circle_of_continuations_ends():
    first = trial(0, 1.0, continues=1, curve=((1, 5.0),))
    second = trial(1, 1.0, continues=0, curve=((2, 4.0),))
    assert analysis.full_curve(second, {0: first, 1: second}) == ((1, 5.0), (2, 4.0))
