"""Limits, fitness, fronts and hypervolume; the last two against pymoo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymoo.indicators.hv import HV
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from sugata.errors import RecipeError
from sugata.objectives import (
    Limit,
    MnasNetReward,
    Objectives,
    WeightedFitness,
    crowding_distance,
    dominates,
    hypervolume,
    non_dominated_fronts,
)
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

ACCURACY = Metric("accuracy", direction="maximize")
SIZE = Metric("size_bytes", unit="B")
POINTS = st.tuples(st.integers(1, 30), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(0, 6).map(float))
)


def trial(number: int, status: Status = Status.COMPLETED, rung: int = 0, **metrics: float) -> Trial:
    return Trial(Proposal(number, {"n": number}, Fidelity(rung)), status, metrics)


# -- fronts and hypervolume ------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(points=POINTS)
def test_fronts_equal_pymoo(points: np.ndarray) -> None:
    expected = [sorted(int(i) for i in front) for front in NonDominatedSorting().do(points)]
    assert [sorted(front) for front in non_dominated_fronts(points)] == expected


@settings(max_examples=100, deadline=None)
@given(points=POINTS)
def test_hypervolume_equals_pymoo_on_ties_and_duplicates(points: np.ndarray) -> None:
    reference = np.full(points.shape[1], 5.0)  # some points lie beyond it
    assert hypervolume(points, reference) == pytest.approx(float(HV(ref_point=reference)(points)))


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_hypervolume_equals_pymoo_on_random_points(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    points, reference = rng.random((40, objectives)), np.full(objectives, 0.9)
    assert hypervolume(points, reference) == pytest.approx(float(HV(ref_point=reference)(points)), rel=1e-12)


def test_hypervolume_by_hand() -> None:
    reference = np.array([4.0, 4.0])
    assert hypervolume(np.array([[1.0, 3.0], [2.0, 1.0]]), reference) == 3 * 1 + 2 * 2
    assert hypervolume(np.array([[5.0, 0.0]]), reference) == 0.0
    assert hypervolume(np.empty((0, 2)), reference) == 0.0
    assert hypervolume(np.array([[1.0], [2.5]]), np.array([4.0])) == 3.0


@pytest.mark.parametrize("objectives", [2, 3])
def test_crowding_orders_a_front_as_pymoo_does(objectives: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.random((25, objectives))
    ours, theirs = crowding_distance(points), calc_crowding_distance(points)
    assert np.array_equal(np.isinf(ours), np.isinf(theirs))
    inner = np.isfinite(ours)
    np.testing.assert_allclose(ours[inner] / objectives, theirs[inner])


def test_crowding_by_hand() -> None:
    distance = crowding_distance(np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]]))
    assert distance.tolist() == [math.inf, 2.0, math.inf]
    assert crowding_distance(np.ones((3, 2)))[1] == 0.0


def test_domination_needs_one_strictly_better_objective() -> None:
    a, b = np.array([1.0, 2.0]), np.array([1.0, 3.0])
    assert dominates(a, b)
    assert not dominates(b, a)
    assert not dominates(a, a)


# -- fitness ----------------------------------------------------------------------------------------


def test_weighted_fitness_by_hand() -> None:
    metrics = {"accuracy": 0.8, "size_bytes": 100e6, "latency_ms": 50.0}
    assert WeightedFitness()(metrics) == pytest.approx(0.5 * 0.8 + 0.3 * (1 - 0.2) + 0.2 * (1 - 0.5))
    own = WeightedFitness(quality_weight=1.0, size_weight=0.1, size_target=50e6, latency_target=10.0)
    assert own(metrics) == pytest.approx(0.8 + 0.1 * (1 - 2) + 0.2 * (1 - 5))


def test_mnasnet_reward_by_hand() -> None:
    reward = MnasNetReward(target=80.0)
    assert reward({"accuracy": 0.75, "latency_ms": 80.0}) == 0.75
    doubled = reward({"accuracy": 0.75, "latency_ms": 160.0})
    assert doubled == pytest.approx(0.75 * 2**-0.07)
    assert doubled / 0.75 == pytest.approx(
        1 / 1.05, abs=0.001
    )  # the paper: twice as slow is worth 5 % accuracy
    hard = MnasNetReward(target=80.0, below=0.0, above=-1.0)
    assert hard({"accuracy": 0.75, "latency_ms": 10.0}) == 0.75
    assert hard({"accuracy": 0.75, "latency_ms": 160.0}) == pytest.approx(0.375)


# -- objectives -------------------------------------------------------------------------------------


def test_limits_are_inclusive_and_unmeasured_metrics_pass() -> None:
    limit = Limit("size_bytes", 100.0)
    assert limit.allows({"size_bytes": 100.0})
    assert not limit.allows({"size_bytes": 100.1})
    assert not limit.allows({"size_bytes": math.nan})
    assert limit.allows({})


def test_only_allowed_fully_measured_finite_trials_can_be_ranked() -> None:
    objectives = Objectives((ACCURACY, SIZE), limits=(Limit("size_bytes", 10.0),))
    assert objectives.comparable(trial(0, accuracy=0.5, size_bytes=5.0))
    assert not objectives.comparable(trial(1, accuracy=0.5))
    assert not objectives.comparable(trial(2, accuracy=math.nan, size_bytes=5.0))
    assert not objectives.comparable(trial(3, accuracy=math.inf, size_bytes=5.0))
    assert not objectives.comparable(trial(4, accuracy=0.5, size_bytes=11.0))
    for status in set(Status) - {Status.COMPLETED}:
        assert not objectives.comparable(trial(5, status, accuracy=0.5, size_bytes=5.0))


def test_a_fitness_that_cannot_be_computed_cannot_be_ranked() -> None:
    objectives = Objectives((ACCURACY,), fitness=MnasNetReward())
    assert objectives.comparable(trial(0, accuracy=0.5, latency_ms=1.0))
    assert not objectives.comparable(trial(1, accuracy=0.5))
    assert not objectives.comparable(trial(2, accuracy=0.5, latency_ms=0.0))
    assert not objectives.comparable(trial(3, accuracy=0.5, latency_ms=math.nan))


def test_costs_turn_what_is_maximized() -> None:
    costs = Objectives((ACCURACY, SIZE)).costs([trial(0, accuracy=0.5, size_bytes=5.0)])
    assert costs.tolist() == [[-0.5, 5.0]]
    assert Objectives((ACCURACY, SIZE)).costs([]).shape == (0, 2)


def test_the_pareto_order_is_by_front_then_crowding_then_primary_metric() -> None:
    trials = [
        trial(0, accuracy=0.5, size_bytes=9.0),  # dominated
        trial(1, accuracy=0.7, size_bytes=5.0),  # crowded
        trial(2, accuracy=0.9, size_bytes=8.0),  # an end
        trial(3, accuracy=0.1, size_bytes=1.0),  # the other end
        trial(4, accuracy=0.6, size_bytes=4.5),  # less crowded
    ]
    assert Objectives((ACCURACY, SIZE)).order(trials) == [2, 3, 4, 1, 0]


def test_the_fitness_order_breaks_ties_by_number() -> None:
    trials = [trial(2, accuracy=0.5), trial(1, accuracy=0.5), trial(0, accuracy=0.1)]
    assert Objectives((ACCURACY,), fitness=lambda metrics: metrics["accuracy"]).order(trials) == [1, 0, 2]
    assert Objectives((ACCURACY,)).order([]) == []


def test_best_and_front_come_from_the_highest_rung_within_the_limits() -> None:
    objectives = Objectives((ACCURACY, SIZE), limits=(Limit("size_bytes", 10.0),))
    trials = [
        trial(0, accuracy=0.99, size_bytes=1.0),  # a lower rung
        trial(1, rung=1, accuracy=0.6, size_bytes=2.0),
        trial(2, rung=1, accuracy=0.8, size_bytes=6.0),
        trial(3, rung=1, accuracy=0.5, size_bytes=3.0),  # dominated
        trial(4, rung=1, accuracy=0.9, size_bytes=11.0),  # beyond the limit
        trial(5, Status.KILLED, rung=2),
    ]
    assert objectives.best(trials) is trials[2]
    assert objectives.front(trials) == [trials[2], trials[1]]


def test_the_fitness_names_the_best_where_there_is_one() -> None:
    trials = [trial(0, accuracy=0.8, size_bytes=9.0), trial(1, accuracy=0.7, size_bytes=1.0)]
    fitness = Objectives((ACCURACY, SIZE), fitness=lambda m: m["accuracy"] - m["size_bytes"] / 10)
    assert fitness.best(trials) is trials[1]
    assert Objectives((ACCURACY, SIZE)).best(trials) is trials[0]


def test_equal_primary_metrics_are_told_apart_by_the_next_objective() -> None:
    trials = [
        trial(0, accuracy=0.0, size_bytes=9.0),
        trial(1, accuracy=0.0, size_bytes=3.0),
        trial(2, accuracy=0.0, size_bytes=3.0),
        trial(3, accuracy=0.1, size_bytes=20.0),
    ]
    objectives = Objectives((ACCURACY, SIZE))
    assert [one.number for one in objectives.ranked(trials)] == [3, 1, 2, 0]
    assert objectives.best(trials[:3]) is trials[1]


def test_rungs_that_do_not_measure_an_objective_are_compared_by_the_others() -> None:
    late = Metric("pass_at_1", direction="maximize", rung=1)
    objectives = Objectives((late, SIZE))
    low = [trial(0, size_bytes=5.0), trial(1, size_bytes=3.0)]
    assert objectives.on(0).metrics == (SIZE,)
    assert objectives.on(1) is objectives
    assert objectives.costs(low).tolist() == [[5.0], [3.0]]
    assert objectives.best(low) is low[1]
    assert objectives.order(low) == [1, 0]
    high = [trial(2, rung=1, size_bytes=5.0), trial(3, rung=1, size_bytes=5.0, pass_at_1=0.1)]
    assert not objectives.comparable(high[0])  # there it has to be measured
    assert objectives.best([*low, *high]) is high[1]


def test_without_a_comparable_trial_there_is_no_best_and_no_front() -> None:
    objectives = Objectives((ACCURACY,))
    for trials in ([], [trial(0, Status.FAILED)], [trial(0)]):
        assert objectives.best(trials) is None
        assert objectives.front(trials) == []


def test_objectives_need_metrics_none_twice() -> None:
    with pytest.raises(RecipeError, match="at least one"):
        Objectives(())
    with pytest.raises(RecipeError, match="none twice"):
        Objectives((SIZE, SIZE))
