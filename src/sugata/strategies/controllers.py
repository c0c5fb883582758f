"""Controllers: a policy proposes, and learns from the reward of what it proposed."""

from collections.abc import Mapping, Sequence

import numpy as np

from sugata.errors import InvalidArchitecture
from sugata.objectives import Objectives
from sugata.space import SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.policies import CategoricalPolicy, GreedyPolicy, Policy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value

_TRIES = 200  # samples of the policy for one that the space allows
_SAMPLED = "policy"


class Controller(Strategy):
    """Samples from a policy, also what it has proposed before; such repeats are answered without a charge.

    The reward is the fitness of the objectives if they have one, else the primary metric: a policy learns
    one number, so with several objectives give a fitness or limits. What fails, diverges or breaks a limit
    has the worst reward seen so far, so that the policy leaves it; before any reward nothing is learned from
    it. Parallel: samples are learned in the order of telling, in groups of as many as the policy needs.

    The search ends when the policy repeats itself only.
    """

    repeats = True

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        policy: Policy,
        *,
        seed: int,
        fidelity: Fidelity | None,
        starts: Sequence[Mapping[str, Value]],
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        self.policy = policy
        self._seen = Seen(space)
        self._worst: float | None = None
        self._group: list[tuple[Mapping[str, Value], float]] = []

    def tell(self, trial: Trial) -> None:
        """Learn from a trial that the policy has sampled."""
        reward = self._reward(trial)
        if reward is None or trial.proposal.origin != _SAMPLED:
            return
        self._group.append((trial.architecture, reward))
        if len(self._group) == self.policy.together:
            samples, rewards = zip(*self._group, strict=True)
            self._group = []
            self.policy.learn(samples, rewards)

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        rng = self.generator(number)
        for _ in range(_TRIES):
            try:
                architecture = self.space.architecture(self.policy.sample(rng))
            except InvalidArchitecture:
                continue
            return Proposal(number, architecture, self.fidelity, origin=_SAMPLED)
        return Proposal(number, self.space.sample(rng), self.fidelity, origin="random")

    def _asked_for(self, proposal: Proposal) -> None:
        self._seen.add(proposal.architecture)

    def _reward(self, trial: Trial) -> float | None:
        """Larger is better; None while nothing is known to compare a failure with."""
        if not self.objectives.comparable(trial):
            return self._worst
        if self.objectives.fitness is not None:
            reward = float(self.objectives.fitness(trial.metrics))
        else:
            primary = self.objectives.primary
            reward = -primary.cost(trial.metrics[primary.name])
        self._worst = reward if self._worst is None else min(self._worst, reward)
        return reward


class Reinforce(Controller):
    """An LSTM that decides one choice after the other, trained by REINFORCE (Zoph & Le 2017).

    Args:
        hidden: width of the LSTM's state.
        rate: learning rate of Adam.
        entropy: weight of the policy's entropy: more explores longer.
        baseline: what is kept of the rewards' moving average at each new one.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        hidden: int = 64,
        rate: float = 0.01,
        entropy: float = 0.02,
        baseline: float = 0.9,
    ) -> None:
        import torch  # the other controllers do without

        from sugata.strategies.recurrent import LstmPolicy

        generator = torch.Generator().manual_seed(int(np.random.default_rng([seed, 0, 0]).integers(2**31)))
        policy = LstmPolicy(
            space.choices, generator, hidden=hidden, rate=rate, entropy=entropy, baseline=baseline
        )
        super().__init__(space, objectives, policy, seed=seed, fidelity=fidelity, starts=starts)


class EpsilonGreedy(Controller):
    """The best option of each choice so far, and with probability epsilon any (Sutton & Barto 2018, 2.2).

    Args:
        epsilon: probability of drawing a choice at random.
        decay: what is left of epsilon after each trial.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        epsilon: float = 0.3,
        decay: float = 1.0,
    ) -> None:
        policy = GreedyPolicy(space.choices, epsilon=epsilon, decay=decay)
        super().__init__(space, objectives, policy, seed=seed, fidelity=fidelity, starts=starts)


class Asng(Controller):
    """Categorical distributions moved by the adaptive stochastic natural gradient (Akimoto et al. 2019).

    Args:
        samples: drawn for one step; 2 as published.
        trust: signal over noise that keeps the step's length; the paper's alpha.
        delta: the first step's length.

    Raises:
        RecipeError: a parameter is out of its range.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        samples: int = 2,
        trust: float = 1.5,
        delta: float = 1.0,
    ) -> None:
        policy = CategoricalPolicy(space.choices, samples=samples, trust=trust, delta=delta)
        super().__init__(space, objectives, policy, seed=seed, fidelity=fidelity, starts=starts)
