"""Where a learning curve will end, with its uncertainty, and the rule that stops a hopeless training.

Everything is a cost: smaller is better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sugata.errors import RecipeError

Curve = Sequence[tuple[float, float]]
Array = NDArray[np.float64]

#: Exponents of the power laws and rates of the exponentials, over progress from 0 to 1.
_POWERS = tuple(np.geomspace(0.05, 2.5, 32).tolist())
_RATES = tuple(np.geomspace(0.5, 10.0, 12).tolist())
_NOISE_SHAPE = 1.0  # of the inverse-gamma prior of the noise variance
_NOISE_SHARE = 0.01  # its scale: noise is about so much of the curve's range
_WIDTH = 10.0 / _NOISE_SHARE  # prior deviation of the coefficients in noise: ten ranges of the curve
_OWN_CURVES = 3  # so many finished curves make a family of their own


@dataclass(frozen=True)
class Extrapolation:
    """A mixture of Student's t distributions for the cost at the end of a training.

    Attributes:
        weights: probability of each component, they sum to one.
        means: location of each.
        scales: scale of each.
        freedom: degrees of freedom, the same for all.
    """

    weights: Array
    means: Array
    scales: Array
    freedom: float

    @property
    def mean(self) -> float:
        """The expected end."""
        return float(self.weights @ self.means)

    def probability_below(self, cost: float) -> float:
        """How likely the training ends at or below that cost."""
        z = (cost - self.means) / self.scales
        return float(self.weights @ np.array([_student(value, self.freedom) for value in z]))


def extrapolate(curve: Curve, end: float, finished: Sequence[Curve] = ()) -> Extrapolation:
    """Predict the cost at ``end`` from the curve so far.

    Every family is ``cost(t) = c + a g(t)`` with a fixed shape ``g``: power laws (Domhan et al. 2015, "pow3"
    and relatives, the exponent on a grid), exponentials, and the mean of the finished curves of the same
    budget, which knows what the learning-rate schedule does to the end. ``c``, ``a`` and the noise have a
    conjugate prior, so each family's prediction is a Student's t in closed form; families are averaged by
    their marginal likelihood. Departures from Domhan et al.: closed form instead of MCMC, and families that
    rise are given no weight unless all do.

    Args:
        curve: ``(amount, cost)`` pairs, at least two.
        end: the amount at which the training ends.
        finished: whole curves of other trainings with the same budget and the same points.

    Raises:
        ValueError: fewer than two points, or none before the end.
    """
    if len(curve) < 2 or not 0 < curve[0][0] < end:
        raise ValueError(
            f"a curve of {len(curve)} points: give two or more, the first before the end, {end:g}"
        )
    amounts, costs = np.array(curve, dtype=np.float64).T
    progress = amounts / end
    shapes = _shapes(progress, end, finished)
    spread = max(float(np.ptp(costs)), 1e-9)
    centre, values = costs[-1], (costs - costs[-1]) / spread
    freedom = 2 * _NOISE_SHAPE + len(values)
    evidence, slopes, means, scales = (
        np.array(column) for column in zip(*(_regression(shape, values) for shape in shapes), strict=True)
    )
    if (slopes >= 0).any():
        evidence = np.where(slopes >= 0, evidence, -np.inf)
    weights = np.exp(evidence - evidence.max())
    return Extrapolation(weights / weights.sum(), centre + spread * means, spread * scales, freedom)


def _shapes(progress: Array, end: float, finished: Sequence[Curve]) -> list[Array]:
    """Each family's shape at the points so far and, last, at the end; it falls from 1 to 0."""
    points = np.append(progress, 1.0)
    shapes = [points**-power for power in _POWERS]
    shapes += [np.exp(-rate * points) for rate in _RATES]
    if len(finished) >= _OWN_CURVES:
        whole = [np.interp(points, *_relative(other, end)) for other in finished]
        shapes.append(np.mean(whole, axis=0))
    return [(shape - shape[-1]) / max(abs(shape[0] - shape[-1]), 1e-12) for shape in shapes]


def _relative(curve: Curve, end: float) -> tuple[Array, Array]:
    amounts, costs = np.array(curve, dtype=np.float64).T
    return amounts / end, costs


def _regression(shape: Array, values: Array) -> tuple[float, float, float, float]:
    """Bayesian regression of values on ``c + a shape``, predicted at the shape's last element.

    The conjugate normal-inverse-gamma model (Bishop 2006, section 3.3 and exercise 3.12).

    Returns:
        Log marginal likelihood up to a constant, slope, location and scale of the prediction.
    """
    design = np.stack([np.ones(len(values)), shape[:-1]], axis=1)
    precision = design.T @ design + np.eye(2) / _WIDTH**2
    inverse = np.linalg.inv(precision)
    coefficients = inverse @ design.T @ values
    a = _NOISE_SHAPE + len(values) / 2
    b = _NOISE_SHAPE * _NOISE_SHARE**2 + 0.5 * float(
        values @ values - coefficients @ precision @ coefficients
    )
    b = max(b, 1e-12)
    log_evidence = -0.5 * math.log(np.linalg.det(precision)) - a * math.log(b)
    at_end = np.array([1.0, shape[-1]])
    scale = math.sqrt(b / a * (1 + float(at_end @ inverse @ at_end)))
    return log_evidence, float(coefficients[1]), float(coefficients @ at_end), scale


def _student(z: float, freedom: float) -> float:
    """Cumulative distribution of Student's t, by the trapezoid rule over its density in the angle.

    With ``z = sqrt(freedom) tan(angle)`` the density is ``cos(angle) ** (freedom - 1)`` on a finite interval.
    """
    angles = np.linspace(-math.pi / 2, math.atan(z / math.sqrt(freedom)), 257)
    whole = np.linspace(-math.pi / 2, math.pi / 2, 513)
    power = freedom - 1
    return float(np.trapezoid(np.cos(angles) ** power, angles) / np.trapezoid(np.cos(whole) ** power, whole))


@dataclass
class EarlyStop:
    """Stops a training whose predicted end is worse than the incumbents.

    Attributes:
        confidence: how sure the rule must be.
        after: share of the budget that every training may spend.
        rank: a training must promise to become one of the best so many; 1: the best.
    """

    confidence: float = 0.95
    after: float = 0.25
    rank: int = 1
    _finished: list[Curve] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        for name in ("confidence", "after"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise RecipeError(f"early_stop.{name} is {value}; give a share between 0 and 1")
        if self.rank < 1:
            raise RecipeError(f"early_stop.rank is {self.rank}; give at least 1")

    def finished(self, curve: Curve) -> None:
        """Learn of a training that was not stopped."""
        if curve:
            self._finished.append(tuple(curve))

    def hopeless(self, curve: Curve, end: float) -> bool:
        """Whether a training that is to end at ``end`` can be stopped now."""
        return self.chance(curve, end) < 1 - self.confidence

    def chance(self, curve: Curve, end: float) -> float:
        """How likely the training becomes one of the best; 1 while too little is known."""
        ends = sorted(other[-1][1] for other in self._finished)
        if len(ends) < self.rank or len(curve) < 3 or curve[-1][0] < self.after * end:
            return 1.0
        return extrapolate(curve, end, self._finished).probability_below(ends[self.rank - 1])
