"""What a surrogate's prediction is worth: targets to learn, improvement to expect, scalars of objectives."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sugata.objectives import Objectives
from sugata.strategies.surrogate.tables import Floats
from sugata.trial import Trial

Vector = NDArray[np.float64]
_AUGMENTATION = 0.05


def targets(trials: Sequence[Trial], objectives: Objectives, rng: np.random.Generator) -> Vector:
    """One number a trial, larger is better.

    The fitness if there is one, the only objective if there is one; of several, the augmented Tchebycheff
    scalarization with weights drawn anew at each call (ParEGO, Knowles 2006, equation 2), of costs scaled to
    [0, 1].
    """
    if objectives.fitness is not None:
        return np.asarray([objectives.fitness(trial.metrics) for trial in trials], dtype=np.float64)
    costs = objectives.costs(trials)
    if costs.shape[1] == 1:
        return -costs[:, 0]
    spread = np.ptp(costs, axis=0)
    scaled = (costs - costs.min(axis=0)) / np.where(spread > 0, spread, 1)
    weighted = scaled * rng.dirichlet(np.ones(costs.shape[1]))
    found: Vector = -(weighted.max(axis=1) + _AUGMENTATION * weighted.sum(axis=1))
    return found


def standardized(values: Vector) -> Vector:
    """Clipped from below at their first quartile, then with mean 0 and deviation 1.

    What is bad is often very bad; how bad does not matter, and would hide the differences among the good.
    """
    clipped = np.maximum(values, np.quantile(values, 0.25))
    deviation = float(clipped.std())
    units: Vector = (clipped - clipped.mean()) / (deviation if deviation > 0 else 1.0)
    return units


def expected_improvement(mean: Floats, variance: Floats, best: float) -> Floats:
    """The expected improvement of normal predictions over ``best`` (Jones et al. 1998, equation 15)."""
    deviation: Floats = np.sqrt(variance)
    z = (mean - np.float32(best)) / deviation
    below, density = _normal(z)
    improvement: Floats = deviation * np.maximum(z * below + density, np.float32(1e-7) * density)
    return improvement


def probability_above(mean: Floats, variance: Floats, threshold: float) -> Floats:
    """How likely normal predictions exceed a threshold."""
    deviation: Floats = np.sqrt(variance)
    return _normal((mean - np.float32(threshold)) / deviation)[0]


def _normal(z: Floats) -> tuple[Floats, Floats]:
    """The standard normal distribution function and density.

    A rational approximation, exact to 1e-7 (Abramowitz & Stegun 26.2.17).
    """
    density: Floats = np.exp(-0.5 * z * z) * np.float32(0.39894228)
    t = 1 / (1 + np.float32(0.2316419) * np.abs(z))
    series = np.full_like(t, 1.330274429)
    for coefficient in (-1.821255978, 1.781477937, -0.356563782, 0.319381530):
        series = np.float32(coefficient) + t * series
    tail = density * t * series
    return np.where(z > 0, 1 - tail, tail), density
