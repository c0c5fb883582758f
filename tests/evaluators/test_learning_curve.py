"""Extrapolated learning curves and the rule that stops hopeless trainings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import RecipeError
from sugata.evaluators import EarlyStop, extrapolate
from sugata.evaluators.learning_curve import _student

STEPS = np.arange(1, 21) * 5.0


def power_law(end: float, fall: float, power: float = 0.5, noise: float = 0.0, seed: int = 0):
    values = end + fall * ((STEPS / 100) ** -power - 1)
    values = values + noise * np.random.default_rng(seed).normal(size=len(STEPS))
    return list(zip(STEPS.tolist(), values.tolist(), strict=True))


@given(power=st.floats(0.1, 1.5), end=st.floats(-5, 5), fall=st.floats(0.1, 10))
def test_the_end_of_a_power_law_is_found_from_its_first_half(power: float, end: float, fall: float) -> None:
    curve = power_law(end, fall, power)
    seen = curve[9][1] - end
    assert abs(extrapolate(curve[:10], 100.0).mean - end) < 0.35 * seen


def test_more_of_the_curve_makes_the_prediction_narrower() -> None:
    curve = power_law(1.0, 1.0, noise=0.01)
    widths = []
    for points in (5, 10, 18):
        found = extrapolate(curve[:points], 100.0)
        widths.append(float(found.weights @ found.scales))
    assert widths == sorted(widths, reverse=True)


def test_predicted_probabilities_are_those_that_come_true() -> None:
    inside = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        curve = power_law(1.0, rng.uniform(0.2, 2), rng.uniform(0.2, 1.2), 0.01, seed)
        below = extrapolate(curve[:8], 100.0).probability_below(curve[-1][1])
        inside += 0.05 < below < 0.95
    assert inside >= 85  # of 90 expected: not overconfident


def test_finished_curves_teach_what_the_schedule_does_to_the_end() -> None:
    def scheduled(level: float) -> list[tuple[float, float]]:  # falls late, as under a cosine
        return [(step, level - 0.5 * (step / 100) ** 3) for step in STEPS.tolist()]

    finished = [scheduled(level) for level in (2.0, 2.2, 2.4)]
    partial = scheduled(2.1)[:10]
    alone, taught = extrapolate(partial, 100.0).mean, extrapolate(partial, 100.0, finished).mean
    assert abs(taught - 1.6) < 0.02 < abs(alone - 1.6)


@given(z=st.floats(-6, 6), freedom=st.integers(4, 40))
def test_the_distribution_function_is_students(z: float, freedom: int) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    assert _student(z, float(freedom)) == pytest.approx(scipy_stats.t.cdf(z, freedom), abs=1e-4)


@pytest.mark.parametrize("curve", [[], [(5.0, 1.0)], [(0.0, 1.0), (5.0, 2.0)], [(100.0, 1.0), (105.0, 0.9)]])
def test_too_short_a_curve_is_refused(curve: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="two or more"):
        extrapolate(curve, 100.0)


def test_a_hopeless_training_is_stopped_and_a_promising_one_is_not() -> None:
    rule = EarlyStop(confidence=0.95)
    for level in (1.0, 1.1, 1.2):
        rule.finished(power_law(level, 0.5, noise=0.003, seed=int(level * 10)))
    bad, good = power_law(2.0, 0.5, noise=0.003), power_law(0.8, 0.5, noise=0.003)
    assert rule.hopeless(bad[:6], 100.0)
    assert not any(rule.hopeless(good[:points], 100.0) for points in range(1, 20))


def test_nothing_is_stopped_before_its_share_or_without_an_incumbent() -> None:
    bad = power_law(5.0, 0.5)
    assert not EarlyStop().hopeless(bad[:15], 100.0)
    rule = EarlyStop(after=0.5, rank=2)
    rule.finished(power_law(1.0, 0.5))
    assert not rule.hopeless(bad[:15], 100.0)  # one incumbent, and two are asked for
    rule.finished(power_law(1.1, 0.5))
    assert not rule.hopeless(bad[:9], 100.0)
    assert rule.hopeless(bad[:10], 100.0)


@pytest.mark.parametrize(
    ("field", "value"), [("confidence", 1.0), ("confidence", math.nan), ("after", 0.0), ("rank", 0)]
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(RecipeError, match=f"early_stop.{field} is"):
        EarlyStop(**{field: value})  # type: ignore[arg-type]
