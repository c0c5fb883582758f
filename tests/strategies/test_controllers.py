"""Controllers in a search: rewards, repeats, failures."""

import pytest

from sugata.objectives import Limit, Objectives
from sugata.space import DictionarySpace
from sugata.strategies.controllers import Asng, Controller, EpsilonGreedy, Reinforce
from sugata.trial import Metric, Proposal, Status, Trial

pytestmark = pytest.mark.slow

SPACE = DictionarySpace({name: [0, 1, 2, 3] for name in "abc"})
ACCURACY, SIZE = Metric("accuracy", direction="maximize"), Metric("size")
CONTROLLERS = {"reinforce": Reinforce, "epsilon_greedy": EpsilonGreedy, "asng": Asng}
RANDOM = 84.5  # the mean accuracy over the space
FORBIDDEN = 26 / 64  # share of the space that fails or breaks the limit, in the test of both
every_controller = pytest.mark.parametrize("name", CONTROLLERS)


def measured(proposal: Proposal) -> dict[str, float]:
    values = list(proposal.architecture.values())
    return {"accuracy": 80.0 + sum(values), "size": float(sum(values))}


def run(strategy: Controller, count: int, failing=lambda proposal: False) -> list[Trial]:
    trials = []
    for _ in range(count):
        proposal = strategy.ask()
        assert proposal is not None
        if failing(proposal):
            trial = Trial(proposal, Status.FAILED)
        elif any(not limit.allows(measured(proposal)) for limit in strategy.objectives.limits):
            trial = Trial(proposal, Status.REFUSED)
        else:
            trial = Trial(proposal, Status.COMPLETED, measured(proposal))
        strategy.tell(trial)
        trials.append(trial)
    return trials


def mean(trials: list[Trial]) -> float:
    values = [trial.metrics["accuracy"] for trial in trials if trial.ok]
    return sum(values) / len(values)


@every_controller
def test_later_proposals_are_better_and_may_repeat(name: str) -> None:
    trials = run(CONTROLLERS[name](SPACE, Objectives((ACCURACY,)), seed=1), 300)
    assert mean(trials[-50:]) > RANDOM + 1.5
    assert len({tuple(trial.architecture.items()) for trial in trials}) < len(trials)


@every_controller
def test_a_fitness_is_the_reward_where_there_is_one(name: str) -> None:
    smaller = Objectives((ACCURACY, SIZE), fitness=lambda metrics: -metrics["size"])
    trials = run(CONTROLLERS[name](SPACE, smaller, seed=1), 300)
    assert mean(trials[-50:]) < RANDOM - 1.5


@every_controller
def test_a_policy_leaves_what_breaks_a_limit_or_fails(name: str) -> None:
    limited = Objectives((ACCURACY,), limits=(Limit("size", 5.0),))
    trials = run(CONTROLLERS[name](SPACE, limited, seed=0), 400, failing=lambda p: p.architecture["a"] == 3)
    refused = [trial.status is not Status.COMPLETED for trial in trials]
    assert sum(refused[-200:]) / 200 < FORBIDDEN - 0.03


@every_controller
def test_starts_come_first_and_the_policy_learns_only_its_own(name: str) -> None:
    start = {"a": 3, "b": 3, "c": 3}
    strategy = CONTROLLERS[name](SPACE, Objectives((ACCURACY,)), starts=[start])
    first = strategy.ask()
    assert first is not None
    assert (dict(first.architecture), first.origin) == (start, "start")
    untouched = CONTROLLERS[name](SPACE, Objectives((ACCURACY,)))
    strategy.tell(Trial(first, Status.COMPLETED, measured(first)))
    assert [strategy.policy.sample(strategy.generator(i)) for i in range(20)] == [
        untouched.policy.sample(untouched.generator(i)) for i in range(20)
    ]
