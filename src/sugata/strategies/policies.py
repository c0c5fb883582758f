"""Distributions over the options of choices that learn from rewards, for controllers and one-shot methods.

All of them sample an option for every choice that applies, in the order of the choices, and learn from
samples with their rewards; larger is better. They hold no random state: sampling takes a generator.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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


class LstmPolicy(Policy):
    """A recurrent network that decides one choice after the other, trained by REINFORCE.

    Zoph & Le 2017, section 3: the embedded option of the choice before is the input of an LSTM, whose state
    gives the logits of the next choice; the reward less its moving average weighs the log-probability
    (equation 3), and the entropy is encouraged (as in ENAS, Pham et al. 2018).

    Departures: rewards are divided by their running deviation, so that one learning rate serves accuracies
    in percent and losses alike; one layer instead of two. A sample's log-probability is that under the
    policy of the time when its reward arrives.

    Args:
        choices: what is decided.
        generator: draws the first weights.
        hidden: width of the state.
        rate: learning rate of Adam.
        entropy: weight of the entropy.
        baseline: what is kept of the moving average at each reward.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        generator: torch.Generator,
        *,
        hidden: int = 64,
        rate: float = 0.01,
        entropy: float = 0.02,
        baseline: float = 0.9,
    ) -> None:
        super().__init__(choices)
        if hidden < 1 or rate <= 0 or entropy < 0 or not 0 <= baseline < 1:
            raise RecipeError(
                f"strategy.hidden {hidden}, rate {rate}, entropy {entropy}, baseline {baseline}: give hidden"
                " of at least 1, rate above 0, entropy of at least 0, baseline from 0 to below 1"
            )
        self.entropy = entropy
        self.keep = baseline
        self.network = _Recurrent(self.choices, hidden, generator)
        self.optimizer = torch.optim.Adam(self.network.parameters(), rate)
        self._count = 0
        self._baseline = 0.0
        self._variance = 0.0

    @torch.no_grad()
    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """An option for every choice that applies, each given those before."""
        return self.network.walk(lambda choice, logits: _drawn(torch.softmax(logits, 0).numpy(), rng))[0]

    @torch.no_grad()
    def favourite(self) -> dict[str, Value]:
        """The most probable option of every choice, each given those before."""
        return self.network.walk(lambda choice, logits: int(logits.argmax()))[0]

    def log_probability(self, sample: Mapping[str, Value]) -> tuple[Tensor, Tensor]:
        """Of a sample: the logarithm of its probability, and the summed entropy of its decisions."""
        _, logits, positions = self.network.walk(
            lambda choice, logits: choice.options.index(sample[choice.name])
        )
        total = entropy = torch.zeros((), dtype=torch.float64)
        for one, position in zip(logits, positions, strict=True):
            log = torch.log_softmax(one, 0)
            total = total + log[position]
            entropy = entropy - (log.exp() * log).sum()
        return total, entropy

    def learn(self, samples: Sequence[Mapping[str, Value]], rewards: Sequence[float]) -> None:
        """One step of REINFORCE."""
        advantages = [self._advantage(reward) for reward in rewards]
        self.optimizer.zero_grad()
        loss = torch.zeros((), dtype=torch.float64)
        for sample, advantage in zip(samples, advantages, strict=True):
            log_probability, entropy = self.log_probability(sample)
            loss = loss - advantage * log_probability - self.entropy * entropy
        (loss / len(samples)).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _advantage(self, reward: float) -> float:
        """The reward less its moving average, in running deviations."""
        if self._count == 0:
            self._baseline = reward
        difference = reward - self._baseline
        self._count += 1
        keep = self.keep
        self._variance = keep * self._variance + (1 - keep) * difference**2
        self._baseline = keep * self._baseline + (1 - keep) * reward
        return difference / math.sqrt(self._variance) if self._variance > 0 else 0.0


class _Recurrent(nn.Module):
    """The network of :class:`LstmPolicy`, in double precision: replayed updates come out bit for bit."""

    def __init__(self, choices: Sequence[Choice], hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.choices = choices
        self.start = nn.Parameter(torch.zeros(hidden))
        self.cell = nn.LSTMCell(hidden, hidden)
        self.embeddings = nn.ModuleList(nn.Embedding(len(c.options), hidden) for c in choices)
        self.heads = nn.ModuleList(nn.Linear(hidden, len(c.options)) for c in choices)
        self.double()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.08, 0.08, generator=generator)  # as published

    def walk(
        self, decide: Callable[[Choice, Tensor], int]
    ) -> tuple[dict[str, Value], list[Tensor], list[int]]:
        """Decide every choice that applies.

        Returns:
            The options, and the logits and the position of each decision.
        """
        values: dict[str, Value] = {}
        logits: list[Tensor] = []
        positions: list[int] = []
        inputs, state = self.start[None], None
        for choice, embedding, head in zip(self.choices, self.embeddings, self.heads, strict=True):
            if not applies(choice, values):
                continue
            state = self.cell(inputs, state)
            found = head(state[0])[0]
            position = decide(choice, found)
            logits.append(found)
            positions.append(position)
            values[choice.name] = choice.options[position]
            inputs = embedding(torch.tensor([position]))
        return values, logits, positions


def applies(choice: Choice, values: Mapping[str, Value]) -> bool:
    """Whether a choice applies, given those decided before it."""
    return choice.when is None or choice.when.holds(*(values.get(name) for name in choice.when.choices))


def _drawn(probabilities: Array, rng: np.random.Generator) -> int:
    position = int(np.searchsorted(np.cumsum(probabilities), rng.random()))
    return min(position, len(probabilities) - 1)


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
