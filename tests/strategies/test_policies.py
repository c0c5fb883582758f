"""Policies: what they sample, how they learn, and that the published formulas are those used."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import RecipeError
from sugata.space import Choice, Condition
from sugata.strategies.policies import (
    CategoricalPolicy,
    GreedyPolicy,
    Policy,
    _normalized,
    _utilities,
)
from sugata.strategies.recurrent import LstmPolicy

CHOICES = (
    Choice("mixer", ("attention", "mamba", "rwkv")),
    Choice("heads", (1, 2), when=Condition(("mixer",), lambda mixer: mixer == "attention", "attention")),
    Choice("width", (8, 16, 32, 64)),
)
BEST = {"mixer": "attention", "heads": 2, "width": 16}


def lstm(**options: float) -> LstmPolicy:
    return LstmPolicy(CHOICES, torch.Generator().manual_seed(0), **options)  # type: ignore[arg-type]


pytestmark = pytest.mark.slow

POLICIES = {
    "categorical": lambda: CategoricalPolicy(CHOICES),
    "greedy": lambda: GreedyPolicy(CHOICES),
    "lstm": lstm,
}
every_policy = pytest.mark.parametrize("name", POLICIES)


def reward(sample) -> float:
    return 90 + sum(sample.get(name) == value for name, value in BEST.items())


def trained(policy: Policy, samples: int, seed: int = 0) -> Policy:
    for number in range(samples // policy.together):
        rng = np.random.default_rng([seed, number])
        drawn = [policy.sample(rng) for _ in range(policy.together)]
        policy.learn(drawn, [reward(sample) for sample in drawn])
    return policy


@every_policy
def test_samples_have_an_option_for_every_choice_that_applies(name: str) -> None:
    policy = POLICIES[name]()
    for seed in range(50):
        sample = policy.sample(np.random.default_rng(seed))
        assert ("heads" in sample) == (sample["mixer"] == "attention")
        assert sample == policy.sample(np.random.default_rng(seed))
    assert ("heads" in policy.favourite()) == (policy.favourite()["mixer"] == "attention")


@every_policy
def test_what_is_rewarded_becomes_the_favourite(name: str) -> None:
    found = [trained(POLICIES[name](), 300, seed).favourite() for seed in range(3)]
    assert sum(reward(one) == 93 for one in found) >= 2


@every_policy
def test_the_same_rewards_give_the_same_policy(name: str) -> None:
    first, second = (trained(POLICIES[name](), 40) for _ in range(2))
    for seed in range(20):
        assert first.sample(np.random.default_rng(seed)) == second.sample(np.random.default_rng(seed))


@every_policy
def test_a_restored_policy_learns_on_as_if_nothing_had_happened(name: str) -> None:
    whole = trained(trained(POLICIES[name](), 40), 40, seed=1)
    restored = POLICIES[name]()
    restored.restore(trained(POLICIES[name](), 40).state())
    trained(restored, 40, seed=1)
    for seed in range(20):
        assert whole.sample(np.random.default_rng(seed)) == restored.sample(np.random.default_rng(seed))
    assert str(whole.state()) == str(restored.state())


def test_probabilities_of_the_recurrent_policy_add_up_to_one() -> None:
    policy = trained(lstm(), 30)
    total = entropy = 0.0
    for mixer, heads, width in itertools.product(*(choice.options for choice in CHOICES)):
        if mixer != "attention" and heads != 1:
            continue
        sample = {"mixer": mixer, "width": width} | ({"heads": heads} if mixer == "attention" else {})
        with torch.no_grad():
            log_probability, _ = policy.log_probability(sample)
        total += math.exp(float(log_probability))
    assert total == pytest.approx(1.0)
    assert entropy == 0.0


def test_a_reward_above_the_baseline_makes_a_sample_likelier_and_one_below_less_likely() -> None:
    policy = lstm(entropy=0.0)
    sample = {"mixer": "mamba", "width": 64}
    policy.learn([{"mixer": "rwkv", "width": 8}], [0.5])  # sets the baseline
    before = float(policy.log_probability(sample)[0].detach())
    policy.learn([sample], [0.9])
    better = float(policy.log_probability(sample)[0].detach())
    policy.learn([sample], [0.1])
    policy.learn([sample], [0.1])
    worse = float(policy.log_probability(sample)[0].detach())
    assert before < better
    assert worse < better


def test_entropy_keeps_the_recurrent_policy_open() -> None:
    def entropy(weight: float) -> float:
        policy = trained(lstm(entropy=weight, rate=0.03), 200)
        return float(policy.log_probability(policy.favourite())[1].detach())

    assert entropy(1.0) > entropy(0.0)


@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=6), st.data())
def test_the_normalized_gradient_has_the_length_of_the_fisher_metric(weights, data) -> None:
    theta = np.array(weights) / np.sum(weights)
    gradient = np.array(data.draw(st.lists(st.floats(-1, 1), min_size=len(theta), max_size=len(theta))))
    gradient -= gradient.mean()  # probabilities keep their sum
    free = gradient[:-1]
    fisher = np.diag(1 / theta[:-1]) + 1 / theta[-1]
    assert float(np.square(_normalized(theta, gradient)).sum()) == pytest.approx(
        float(free @ fisher @ free), abs=1e-9
    )


@given(st.lists(st.integers(0, 4), min_size=2, max_size=12))
def test_utilities_depend_on_ranks_and_have_no_mean(rewards: list[int]) -> None:
    weights = _utilities(np.array(rewards, dtype=float))
    assert abs(weights.sum()) < 1e-9
    assert np.all(np.diff(weights[np.argsort(rewards, kind="stable")]) >= -1e-9)
    assert np.allclose(weights, _utilities(np.exp(np.array(rewards, dtype=float))))


@given(st.integers(0, 1000), st.integers(2, 8))
def test_categorical_probabilities_stay_above_their_floor(seed: int, samples: int) -> None:
    policy = CategoricalPolicy(CHOICES, samples=samples)
    trained(policy, 200, seed)
    for choice in CHOICES:
        probabilities = policy.probabilities[choice.name]
        assert probabilities.sum() == pytest.approx(1.0)
        assert probabilities.min() >= 1 / (3 * (len(choice.options) - 1)) - 1e-9 or len(choice.options) == 2
        assert probabilities.min() > 0


@pytest.mark.parametrize("options", [("a", "b"), tuple(range(9))])
def test_a_single_choice_is_learned_without_a_probability_of_zero(options: tuple[int | str, ...]) -> None:
    policy = CategoricalPolicy([Choice("only", options)])
    rng = np.random.default_rng(0)
    for _ in range(300):
        samples = [policy.sample(rng) for _ in range(2)]
        policy.learn(samples, [float(sample["only"] == options[1]) for sample in samples])
    assert policy.favourite() == {"only": options[1]}
    assert policy.probabilities["only"].min() >= 1 / (2 * len(options)) - 1e-9


def test_the_greedy_policy_keeps_running_means_and_tries_everything_once() -> None:
    policy = GreedyPolicy(CHOICES, epsilon=0.5, decay=0.5)
    policy.learn([{"mixer": "rwkv", "width": 8}, {"mixer": "rwkv", "width": 16}], [1.0, 2.0])
    assert policy.means["mixer"][2] == 1.5
    assert policy.means["width"][:2].tolist() == [1.0, 2.0]
    assert policy.epsilon == 0.125
    policy.epsilon = 0.0
    assert policy.sample(np.random.default_rng(0))["mixer"] != "rwkv"  # the others were never tried


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CategoricalPolicy(CHOICES, samples=1), r"strategy\.samples is 1"),
        (lambda: CategoricalPolicy(CHOICES, trust=0.0), r"strategy\.trust is 0"),
        (lambda: GreedyPolicy(CHOICES, epsilon=1.5), r"strategy\.epsilon is 1\.5"),
        (lambda: lstm(baseline=1.0), r"baseline 1\.0"),
    ],
)
def test_parameters_out_of_range_are_refused(make, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make()
