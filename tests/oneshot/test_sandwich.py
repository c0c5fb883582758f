"""Training all sizes at once, and the best network within a budget."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sugata.errors import LimitError, RecipeError
from sugata.oneshot import Elastic, LanguageSupernet
from sugata.oneshot.elastic import largest, smallest
from sugata.training import TrainingSettings
from sugata.trial import Fidelity

from .language_toy import BITS, Repeating, hybrid_space, plain_space, supernet
from .toy import Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow
SETTINGS = TrainingSettings(batch_size=16, learning_rate=0.01, base_width=32, weight_decay=0.0)


def trained(steps: int = 150, **options) -> tuple[Elastic, LanguageSupernet, Quiet]:
    shared, context = supernet(plain_space()), Quiet(seed=1)
    method = Elastic(SETTINGS, Fidelity(amount=steps, unit="steps"), checks=5, **options)
    method.fit(shared, Repeating(), context)
    return method, shared, context


@pytest.fixture(scope="module")
def learned() -> tuple[Elastic, LanguageSupernet, Quiet]:
    return trained()


def bits(shared: LanguageSupernet, **sizes) -> float:
    values = {choice.name: choice.default for choice in shared.space.choices} | {"vocab_size": 16}
    shared.activate(values | {"num_heads": 2} | sizes)
    return Repeating().evaluate(shared.eval(), {})["bits"]


def test_all_sizes_learn_at_once(learned) -> None:
    method, shared, context = learned
    fresh = supernet(plain_space())
    for sizes in ({"hidden_dim": 16, "num_layers": 1}, {"hidden_dim": 32, "num_layers": 2}):
        assert bits(shared, ffn_multiplier=2, **sizes) < 0.8 * bits(fresh, ffn_multiplier=2, **sizes)
    assert len(method.losses) == len(context.reported) == 5
    assert method.losses[-1][1] < method.losses[0][1]
    assert method.seen == 150 * 4


def test_a_step_computes_the_largest_the_smallest_and_random_ones() -> None:
    shared, seen = supernet(hybrid_space()), []
    activate = shared.activate

    def watched(architecture) -> None:
        seen.append(dict(architecture))
        activate(architecture)

    shared.activate = watched
    Elastic(replace(SETTINGS, batch_size=2), Fidelity(amount=3, unit="steps"), random=1).fit(
        shared, Repeating(), Quiet()
    )
    assert len(seen) == 9
    for first, second in zip(seen[::3], seen[1::3], strict=True):
        assert (first["hidden_dim"], first["num_layers"], first["layer_3_ffn"]) == (32, 3, 4)
        assert (second["hidden_dim"], second["num_layers"], second["layer_1_ffn"]) == (16, 1, 2)
    assert len({first["layer_1_mixer"] for first in seen}) > 1


def test_without_the_sandwich_rule_a_step_computes_random_networks_alone() -> None:
    shared, seen = supernet(hybrid_space()), []
    activate = shared.activate

    def watched(architecture) -> None:
        seen.append(dict(architecture))
        activate(architecture)

    shared.activate = watched
    settings, budget = replace(SETTINGS, batch_size=2), Fidelity(amount=12, unit="steps")
    method = Elastic(settings, budget, sandwich=False, random=2, checks=1)
    method.fit(shared, Repeating(), Quiet())
    assert method.seen == len(seen) == 24
    assert {one["num_layers"] for one in seen} == {1, 2, 3}
    assert len({one["hidden_dim"] for one in seen}) == 2


def test_random_networks_alone_teach_all_sizes_too() -> None:
    method, shared, _ = trained(200, sandwich=False, random=1)
    fresh = supernet(plain_space())
    for sizes in ({"hidden_dim": 16, "num_layers": 1}, {"hidden_dim": 32, "num_layers": 2}):
        assert bits(shared, ffn_multiplier=2, **sizes) < 0.8 * bits(fresh, ffn_multiplier=2, **sizes)
    assert method.losses[-1][1] < method.losses[0][1]


def test_without_the_sandwich_rule_at_least_one_network_is_trained() -> None:
    with pytest.raises(RecipeError, match=r"supernet.random is 0; it must be at least 1"):
        Elastic(sandwich=False, random=0)


def test_students_learn_from_the_largest_alone() -> None:
    """With distillation alone, targets that the largest does not see make no difference."""
    shared, task = supernet(plain_space()), Repeating()
    method = Elastic(SETTINGS, random=0)
    method.supernet, method.task, method.feasible = shared.train(), task, lambda architecture: None
    batch = task.batch(np.random.default_rng(0), 4)
    shared.activate(smallest(shared, np.random.default_rng(0)))
    prediction = torch.randn(4, 15, 16, generator=torch.Generator().manual_seed(0))
    wrong = type(batch)(batch.inputs, (batch.targets + 1) % 16)
    assert torch.equal(method._student_loss(batch, prediction), method._student_loss(wrong, prediction))
    target = prediction.softmax(-1)
    expected = -(target * shared(batch.inputs).log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(method._student_loss(batch, prediction), expected)
    method.distillation = 0.25
    mixed = 0.25 * expected + 0.75 * task.loss(shared, batch)
    torch.testing.assert_close(method._student_loss(batch, prediction), mixed)


def test_nothing_that_breaks_a_limit_is_computed_or_derived() -> None:
    def feasible(architecture) -> str | None:
        return "too wide" if architecture["hidden_dim"] * architecture["num_layers"] > 32 else None

    shared, seen = supernet(plain_space()), []
    activate = shared.activate

    def watched(architecture) -> None:
        seen.append(dict(architecture))
        activate(architecture)

    shared.activate = watched
    method = Elastic(replace(SETTINGS, batch_size=2), Fidelity(amount=8, unit="steps"), candidates=30)
    method.fit(shared, Repeating(), Quiet(), feasible)
    derived = method.derive(4)
    assert len(seen) == 32
    assert all(feasible(architecture) is None for architecture in [*seen, *derived])
    assert len({shared.space.deployment_key(architecture) for architecture in derived}) == 4
    scores = [method.supernet.evaluator(method.task).score(one)["bits"] for one in derived]
    assert scores == sorted(scores)
    with pytest.raises(LimitError, match=r"raise supernet\.candidates"):
        method.derive(31)


def test_the_largest_within_limits_is_shrunk_and_not_drawn() -> None:
    shared = supernet(plain_space())
    rng = np.random.default_rng(0)
    found = [largest(shared, rng, lambda a: "deep" if a["num_layers"] > 1 else None) for _ in range(5)]
    assert all(one["num_layers"] == 1 for one in found)
    assert max(one["hidden_dim"] for one in found) == 32
    with pytest.raises(
        LimitError, match=r"1000 architectures in a row break the limits \(never\); loosen them"
    ):
        smallest(shared, rng, lambda a: "never")


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (trained(3)[1] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("strategy", ["regularized_evolution", "random", "local_search"])
def test_the_best_under_a_budget_in_one_call(learned, strategy: str) -> None:
    _, shared, _ = learned
    found = shared.best_under(size=30_000, parameters=8_000, trials=25, strategy=strategy)
    assert found.metrics["size_bytes"] <= 30_000
    assert sum(p.numel() for p in found.network.parameters()) == found.metrics["parameters"] <= 8_000
    assert found.scored == 25
    assert found.metrics["bits"] == pytest.approx(
        Repeating().evaluate(found.network.eval(), found.architecture)["bits"], rel=1e-2
    )
    free = shared.best_under(trials=25, strategy=strategy)
    assert free.metrics.keys() == {BITS.name}


def test_latency_is_measured_of_what_ships(learned) -> None:
    _, shared, _ = learned
    found = shared.best_under(latency=1000, trials=2, strategy="random")
    assert 0 < found.metrics["latency_ms_p90"] < 1000


def test_a_budget_that_nothing_meets_is_one_line(learned) -> None:
    _, shared, _ = learned
    with pytest.raises(LimitError, match=r"within the limits \(parameters .* is over 10\); loosen them"):
        shared.best_under(parameters=10, trials=5)
    with pytest.raises(RecipeError, match="give task="):
        supernet(plain_space()).best_under(trials=5)
    with pytest.raises(RecipeError, match=r"strategy\.kind"):
        shared.best_under(trials=5, strategy="luck")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Elastic(distillation=2.0), r"supernet\.distillation is 2\.0"),
        (lambda: Elastic(random=-1), r"supernet\.random is -1"),
        (lambda: Elastic(budget=Fidelity(amount=1, unit="epochs")), r"supernet\.unit is 'epochs'"),
        (lambda: Elastic().fit(ToySupernet(), ToyTask(), Quiet()), "not ToySupernet; use single_path"),
    ],
)
def test_settings_out_of_range_are_refused(make, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make()
