"""Distributions over the options of choices that learn from rewards, for controllers and one-shot methods.

All of them sample an option for every choice that applies, in the order of the choices, and learn from
samples with their rewards; larger is better. They hold no random state: sampling takes a generator.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import RecipeError
from sugata.space import Choice
from sugata.trial import Value

Array = NDArray[np.float64]


class Policy(ABC):
    """A distribution over assignments of choices.

    Attributes:
        choices: in the order of sampling; a condition refers to choices before it.
        together: how many samples :meth:`learn` needs at once.
    """

    together: int = 1

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = tuple(choices)

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """An option for every choice that applies."""

    @abstractmethod
    def learn(self, samples: Sequence[Mapping[str, Value]], rewards: Sequence[float]) -> None:
        """Move towards what was rewarded; ``together`` samples that this policy has drawn."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that was learned, as plain values and, where there is a network, tensors."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state."""

    @abstractmethod
    def favourite(self) -> dict[str, Value]:
        """The most probable option of every choice that applies, choice by choice."""


class CategoricalPolicy(Policy):
    """Independent categorical distributions, moved by the adaptive stochastic natural gradient.

    ASNG (Akimoto et al. 2019, algorithm 1): the step along the natural gradient has the length ``delta`` in
    the Fisher metric, and ``delta`` shrinks while the direction is noise and grows while it is not. Rewards
    count by rank only: the best quarter of the samples pushes, the worst quarter pulls. No probability falls
    below ``1 / (choices (options - 1))``.

    Departures: a choice that does not apply to a sample adds nothing to the gradient. Where choices are so
    few that the floor would leave no room, it is half of the uniform probability.

    Args:
        choices: what is decided.
        samples: drawn for one step, at least 2.
        trust: signal over noise that keeps the step's length (the paper's alpha).
        delta: the first step's length.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(
        self, choices: Sequence[Choice], *, samples: int = 2, trust: float = 1.5, delta: float = 1.0
    ) -> None:
        super().__init__(choices)
        if samples < 2:
            raise RecipeError(f"strategy.samples is {samples}; give at least 2: rewards are compared")
        if trust <= 0 or delta <= 0:
            raise RecipeError(f"strategy.trust is {trust}, delta {delta}; give numbers above 0")
        self.together = samples
        self.trust = trust
        self.delta = delta
        self.probabilities = {c.name: np.full(len(c.options), 1 / len(c.options)) for c in self.choices}
        self._free = [choice for choice in self.choices if len(choice.options) > 1]
        self._freedom = max(1, sum(len(choice.options) - 1 for choice in self._free))
        self._shrinking = 1.0  # the paper's capital delta
        self._path = np.zeros(self._freedom)  # accumulated directions
        self._weight = 0.0  # of the accumulation

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """An option for every choice that applies."""
        values: dict[str, Value] = {}
        for choice in self.choices:
            position = int(rng.choice(len(choice.options), p=self.probabilities[choice.name]))
            if applies(choice, values):
                values[choice.name] = choice.options[position]
        return values

    def favourite(self) -> dict[str, Value]:
        """The most probable option of every choice that applies."""
        values: dict[str, Value] = {}
        for choice in self.choices:
            if applies(choice, values):
                values[choice.name] = choice.options[int(self.probabilities[choice.name].argmax())]
        return values

    def state(self) -> dict[str, Any]:
        """Probabilities, and how the step adapts."""
        return {
            "probabilities": {name: values.tolist() for name, values in self.probabilities.items()},
            "shrinking": self._shrinking,
            "path": self._path.tolist(),
            "weight": self._weight,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state."""
        self.probabilities = {name: np.array(values) for name, values in state["probabilities"].items()}
        self._shrinking, self._weight = state["shrinking"], state["weight"]
        self._path = np.array(state["path"])

    def learn(self, samples: Sequence[Mapping[str, Value]], rewards: Sequence[float]) -> None:
        """One step along the natural gradient."""
        utilities = _utilities(np.asarray(rewards, dtype=np.float64))
        gradient = {
            choice.name: np.mean(
                [
                    utility * self._away(choice, sample)
                    for utility, sample in zip(utilities, samples, strict=True)
                ],
                axis=0,
            )
            for choice in self._free
        }
        direction = np.concatenate(
            [_normalized(self.probabilities[name], part) for name, part in gradient.items()] or [np.zeros(1)]
        )
        length = float(np.linalg.norm(direction))
        if length < 1e-18:  # all rewards are equal, or all samples
            return
        step = self.delta / self._shrinking
        for name, part in gradient.items():
            self.probabilities[name] = self.probabilities[name] + step * part / length
        self._adapt(direction / length, step / math.sqrt(self._freedom))
        self._restrict()

    def _away(self, choice: Choice, sample: Mapping[str, Value]) -> Array:
        """The gradient of a sample's log-probability in the natural metric: one-hot less probabilities."""
        away = np.zeros(len(choice.options))
        if choice.name in sample:
            away = -self.probabilities[choice.name]
            away[choice.options.index(sample[choice.name])] += 1.0
        return away

    def _adapt(self, direction: Array, rate: float) -> None:
        rate = min(rate, 1.0)
        self._path = (1 - rate) * self._path + math.sqrt(rate * (2 - rate)) * direction
        self._weight = (1 - rate) ** 2 * self._weight + rate * (2 - rate)
        self._shrinking *= math.exp(rate * (self._weight - float(self._path @ self._path) / self.trust))

    def _restrict(self) -> None:
        """Lift probabilities to the floor; the others give what that takes, in proportion."""
        for choice in self._free:
            floor = 1 / (len(self._free) * (len(choice.options) - 1))
            floor = min(floor, 1 / (2 * len(choice.options)))
            raised = np.maximum(self.probabilities[choice.name], floor)
            above = raised - floor
            room = 1 - floor * len(raised)
            total = float(above.sum())
            self.probabilities[choice.name] = floor + above * (room / total if total > 0 else 0.0)
            self.probabilities[choice.name] /= self.probabilities[choice.name].sum()


class GreedyPolicy(Policy):
    """Running mean rewards of every option; the best of each choice, and with ``epsilon`` any other.

    An option that was never tried counts as the best.

    Args:
        choices: what is decided.
        epsilon: probability of drawing a choice at random.
        decay: what is left of epsilon after each sample that was learned.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(self, choices: Sequence[Choice], *, epsilon: float = 0.3, decay: float = 1.0) -> None:
        super().__init__(choices)
        if not 0 <= epsilon <= 1 or not 0 < decay <= 1:
            raise RecipeError(
                f"strategy.epsilon is {epsilon}, decay {decay}; give epsilon from 0 to 1, decay above 0 to 1"
            )
        self.epsilon = epsilon
        self.decay = decay
        self.means = {choice.name: np.full(len(choice.options), np.inf) for choice in self.choices}
        self.counts = {choice.name: np.zeros(len(choice.options), dtype=int) for choice in self.choices}

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """The best known options, some at random."""
        values: dict[str, Value] = {}
        for choice in self.choices:
            explores, drawn = rng.random() < self.epsilon, int(rng.integers(len(choice.options)))
            means = self.means[choice.name]
            best = np.flatnonzero(means == means.max())
            position = drawn if explores else int(best[drawn % len(best)])
            if applies(choice, values):
                values[choice.name] = choice.options[position]
        return values

    def favourite(self) -> dict[str, Value]:
        """The option with the best mean of those tried, choice by choice."""
        values: dict[str, Value] = {}
        for choice in self.choices:
            means = np.where(self.counts[choice.name] > 0, self.means[choice.name], -np.inf)
            if applies(choice, values):
                values[choice.name] = choice.options[int(means.argmax())]
        return values

    def state(self) -> dict[str, Any]:
        """Means, how many samples they are of, and the probability of exploring."""
        return {
            "epsilon": self.epsilon,
            "means": {name: values.tolist() for name, values in self.means.items()},
            "counts": {name: values.tolist() for name, values in self.counts.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state."""
        self.epsilon = state["epsilon"]
        self.means = {name: np.array(values) for name, values in state["means"].items()}
        self.counts = {name: np.array(values, dtype=int) for name, values in state["counts"].items()}

    def learn(self, samples: Sequence[Mapping[str, Value]], rewards: Sequence[float]) -> None:
        """Update the means."""
        for sample, reward in zip(samples, rewards, strict=True):
            self.epsilon *= self.decay
            for choice in self.choices:
                if choice.name not in sample:
                    continue
                position = choice.options.index(sample[choice.name])
                self.counts[choice.name][position] += 1
                count, mean = self.counts[choice.name][position], self.means[choice.name][position]
                self.means[choice.name][position] = reward if count == 1 else mean + (reward - mean) / count


def applies(choice: Choice, values: Mapping[str, Value]) -> bool:
    """Whether a choice applies, given those decided before it."""
    return choice.when is None or choice.when.holds(*(values.get(name) for name in choice.when.choices))


def _utilities(rewards: Array) -> Array:
    """Weights by rank: the best quarter shares 1, the worst -1; equal rewards share their weights.

    Their mean is zero.
    """
    count = len(rewards)
    quarter = math.ceil(count / 4)
    by_rank = np.zeros(count)
    by_rank[:quarter] = 1 / quarter
    by_rank[count - quarter :] -= 1 / quarter
    order = np.argsort(-rewards, kind="stable")
    weights = np.empty(count)
    weights[order] = by_rank
    for value in np.unique(rewards):
        same = rewards == value
        weights[same] = weights[same].mean()
    return weights


def _normalized(probabilities: Array, gradient: Array) -> Array:
    """The gradient of one choice in coordinates in which the Fisher metric is the identity."""
    first, last = probabilities[:-1], probabilities[-1]
    root = math.sqrt(last)
    shared = gradient[:-1].sum() / (last + root)
    coordinates: Array = gradient[:-1] / np.sqrt(first) + np.sqrt(first) * shared
    return coordinates
