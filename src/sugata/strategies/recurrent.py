"""A recurrent network as a policy, which needs torch; the other policies do not."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sugata.errors import RecipeError
from sugata.space import Choice
from sugata.strategies.policies import Policy, applies
from sugata.trial import Value


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
        self.optimizer = torch.optim.Adam(self.network.parameters(), rate, fused=True)
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

    def state(self) -> dict[str, Any]:
        """Weights, the optimizer's moments, and the baseline."""
        return {
            "network": dict(self.network.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "rewards": [self._count, self._baseline, self._variance],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._count, self._baseline, self._variance = state["rewards"]

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


def _drawn(probabilities: NDArray[np.float64], rng: np.random.Generator) -> int:
    position = int(np.searchsorted(np.cumsum(probabilities), rng.random()))
    return min(position, len(probabilities) - 1)
