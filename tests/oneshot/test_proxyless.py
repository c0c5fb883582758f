"""ProxylessNAS: its gradients against brute force, memory, latency, limits."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sugata.errors import RecipeError, SugataError
from sugata.measure import LatencyTable, PartLatency
from sugata.measure.latency_table import this_machine, this_runtime
from sugata.oneshot import (
    DartsSupernet,
    NasBench201Supernet,
    Proxyless,
    ProxylessReinforce,
    ProxylessSupernet,
    SupernetSettings,
)
from sugata.oneshot.proxyless import restricted_to
from sugata.oneshot.proxyless_reinforce import policy_loss
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace, NasBench201Space
from sugata.spaces.mobile import ProxylessSpace
from sugata.tasks import Batch

from .toy import OPTIONS, Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow
QUICK = SupernetSettings(steps=300, batch_size=32, learning_rate=0.05, checks=10)
SHORT = SupernetSettings(steps=2, batch_size=4, checks=1)
MOBILE = ProxylessSpace(width=0.1)
SIGNATURE = image_signature(3, 8, 8, 4)


class Pictures(ToyTask):
    """Random images of four classes."""

    def fingerprint(self) -> str:
        return "pictures"

    @staticmethod
    def batch(rng: np.random.Generator, size: int) -> Batch:
        images = torch.from_numpy(rng.normal(size=(size, 3, 8, 8))).float()
        return Batch(images, torch.from_numpy(rng.integers(0, 4, size)))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(model(batch.inputs), batch.targets)


@pytest.fixture
def mobile() -> ProxylessSupernet:
    supernet = ProxylessSupernet(MOBILE, SIGNATURE)
    supernet.initialize(torch.Generator().manual_seed(0))
    return supernet


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A file with made-up latencies: the more expansion and kernel, the slower."""
    names = {part.name for one in MOBILE.covering() for part in MOBILE.parts(one, SIGNATURE)}
    costs = {name: float(name[7]) * float(name[12]) if name.startswith("mbconv") else 1.0 for name in names}
    entries = {name: PartLatency(cost, cost, cost) for name, cost in costs.items()}
    made = LatencyTable(MOBILE, SIGNATURE, entries, 1.0, this_machine(), this_runtime())
    made.write(tmp_path / "table.json")
    return str(tmp_path / "table.json")


def prepared(method: Proxyless, supernet: ToySupernet, task: ToyTask) -> Proxyless:
    """A method as it is before a step, its logits far from equal."""
    method.supernet, method.task, method.weights = supernet, task, list(supernet.parameters())
    method.generator = torch.Generator().manual_seed(3)
    method.feasible = lambda architecture: None
    method.logits = {
        name: torch.randn(len(options), generator=method.generator, dtype=torch.float64).requires_grad_()
        for name, options in supernet.decisions.items()
    }
    return method


@pytest.mark.parametrize(
    "search", [Proxyless(QUICK, logit_rate=0.05), ProxylessReinforce(QUICK, logit_rate=0.02)]
)
def test_the_right_operations_are_found(search: Proxyless) -> None:
    search.fit(ToySupernet(), ToyTask(), Quiet(seed=1))
    assert dict(search.derive(1)[0]) == {"first": "tanh", "second": "tanh"}
    assert search.checks[-1].entropy < search.checks[0].entropy


@pytest.mark.parametrize("seed", range(6))
def test_the_gradient_is_equation_4_of_the_two_drawn_options(seed: int) -> None:
    """The gates' gradient by writing the network out, with hard zeros and ones, then the double sum."""
    supernet, task = ToySupernet().double(), ToyTask()
    method = prepared(Proxyless(), supernet, task)
    drawn = task.batch(np.random.default_rng(seed), 16)
    batch = Batch(drawn.inputs.double(), drawn.targets.double())
    method.generator.manual_seed(seed)
    method._logit_step(batch, batch)
    gates = {
        name: (gate.detach() == 1).double().requires_grad_() for name, gate in supernet.selection.items()
    }
    x = batch.inputs
    for name, mixed in supernet.mixed.items():
        outputs = [torch.zeros_like(x) if i == 0 else mixed.option(i)(x) for i in range(len(OPTIONS))]
        x = sum(gate * output for gate, output in zip(gates[name], outputs, strict=True))
    loss = nn.functional.mse_loss(supernet.head(x), batch.targets)
    for (name, logits), slope in zip(
        method.logits.items(), torch.autograd.grad(loss, list(gates.values())), strict=True
    ):
        pair = method._pairs[name].tolist()
        p = torch.softmax(logits.detach()[pair], 0)
        expected = torch.zeros(len(OPTIONS), dtype=torch.float64)
        for i, j in itertools.product(range(2), repeat=2):
            expected[pair[i]] += slope[pair[j]] * p[j] * (float(i == j) - p[i])
        assert logits.grad is not None
        torch.testing.assert_close(logits.grad, expected)


@pytest.mark.parametrize("seed", range(4))
def test_where_the_loss_is_linear_it_is_the_exact_gradient_of_the_mixture_of_the_two(seed: int) -> None:
    class Linear(ToyTask):
        """The mean of the output: linear in the gates of the last decision."""

        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            return model(batch.inputs).mean()

    supernet, task = ToySupernet().double(), Linear()
    method = prepared(Proxyless(), supernet, task)
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    method.generator.manual_seed(seed)
    method._logit_step(Batch(inputs, inputs), Batch(inputs, inputs))
    first = {"first": supernet.selection["first"].detach()}
    logits = method.logits["second"].detach().clone().requires_grad_()
    supernet.mix(first | {"second": restricted_to(logits, method._pairs["second"])})
    (exact,) = torch.autograd.grad(supernet(inputs).mean(), logits)
    torch.testing.assert_close(method.logits["second"].grad, exact)


def test_options_that_were_not_drawn_keep_their_probabilities() -> None:
    method = Proxyless(SupernetSettings(steps=1, batch_size=8, checks=1), logit_rate=0.5, weights_first=0.0)
    before: dict[str, Tensor] = {}
    step = method._logit_step

    def watched(train: Batch, held: Batch) -> float:
        before.update(method.probabilities())
        return step(train, held)

    method._logit_step = watched  # type: ignore[method-assign]
    method.fit(ToySupernet(), ToyTask(), Quiet(seed=2))
    for name, after in method.probabilities().items():
        others = [i for i in range(len(OPTIONS)) if i not in method._pairs[name].tolist()]
        torch.testing.assert_close(after[others], before[name][others], rtol=1e-5, atol=0)
        assert not torch.equal(after, before[name])


def test_two_options_of_a_decision_are_computed_in_a_step_of_the_logits_and_one_in_a_step_of_the_weights(
    mobile: ProxylessSupernet,
) -> None:
    calls: list[str] = []
    for name, block in mobile.blocks.items():
        for option in block.options:  # type: ignore[union-attr]
            option.register_forward_hook(lambda *_, name=name: calls.append(name))
    method = Proxyless(SupernetSettings(steps=1, batch_size=4, checks=1), weights_first=0.0)
    method.fit(mobile, Pictures(), Quiet())
    assert {name: calls.count(name) for name in mobile.blocks} == dict.fromkeys(mobile.blocks, 3)


def test_the_silent_path_does_not_change_the_active_one(mobile: ProxylessSupernet) -> None:
    mobile.eval()
    images = torch.randn(2, 3, 8, 8)
    plain, silent = {}, {}
    for name, options in mobile.decisions.items():
        plain[name] = 1
        silent[name] = torch.zeros(len(options))
        silent[name][[1, 4]] = torch.tensor([1.0, 1e-30])
    mobile.mix(plain)
    alone = mobile(images)
    mobile.mix(silent)
    assert torch.equal(mobile(images), alone)


def test_latency_in_the_loss_finds_faster_networks(mobile: ProxylessSupernet, table: str) -> None:
    settings = SupernetSettings(steps=16, batch_size=4, learning_rate=0.01, checks=4)
    found = []
    for weight in (0.0, 100.0):
        method = Proxyless(
            settings,
            logit_rate=0.5,
            weights_first=0.0,
            latency_table=table,
            latency_target=50.0,
            latency_weight=weight,
        )
        method.fit(mobile, Pictures(), Quiet(seed=4))
        assert method.table is not None
        found.append(method.table.estimate(method.derive(1)[0]))
        assert len(method.details()["expected_latency_ms"]) == 4
    assert found[1] < 0.7 * found[0]
    assert method.latencies[-1] < 0.7 * method.latencies[0]


def test_the_pull_of_latency_is_the_gradient_of_its_expectation(
    mobile: ProxylessSupernet, table: str
) -> None:
    method = Proxyless(SHORT, latency_table=table, latency_target=40.0, latency_weight=3.0, weights_first=0.0)

    class Indifferent(Pictures):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            return 0.0 * super().loss(model, batch)

    method.fit(mobile, Indifferent(), Quiet())
    probe = {name: logits.detach().clone().requires_grad_() for name, logits in method.logits.items()}
    method.logits = {name: logits.clone().detach().requires_grad_() for name, logits in probe.items()}
    method._logit_step(*[Pictures.batch(np.random.default_rng(0), 4)] * 2)
    assert method.table is not None
    both = {name: restricted_to(logits, method._pairs[name]) for name, logits in probe.items()}
    (3.0 * method.table.expected(both) / 40.0).backward()
    for name, logits in method.logits.items():
        torch.testing.assert_close(logits.grad, probe[name].grad)


def test_the_policy_gradient_is_that_of_the_expected_reward() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = {
        name: torch.randn(count, generator=generator, dtype=torch.float64).requires_grad_()
        for name, count in {"a": 3, "b": 4}.items()
    }
    rewards = torch.rand(3, 4, generator=generator, dtype=torch.float64)
    p = torch.outer(*(torch.softmax(one, 0) for one in logits.values()))
    exact = torch.autograd.grad((p * rewards).sum(), list(logits.values()))
    total = torch.zeros((), dtype=torch.float64)
    for a, b in itertools.product(range(3), range(4)):
        advantage = float(rewards[a, b]) - 0.3
        total = total + p[a, b].detach() * policy_loss(logits, [{"a": a, "b": b}], [advantage])
    found = torch.autograd.grad(total, list(logits.values()))
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(-one, other)


@pytest.mark.parametrize("method", [Proxyless, ProxylessReinforce])
def test_weights_are_trained_on_paths_within_the_limits_only(method) -> None:
    mixed: list[dict[str, str]] = []

    class Watched(ToySupernet):
        def mix(self, selection) -> None:
            super().mix(selection)
            if not any(gate.requires_grad for gate in selection.values()):
                mixed.append({name: OPTIONS[int(gate.argmax())] for name, gate in selection.items()})

    search = method(SupernetSettings(steps=40, batch_size=8, checks=2), logit_rate=0.1)
    search.fit(Watched(), ToyTask(), Quiet(), lambda one: "no" if one["first"] != "linear" else None)
    assert len(mixed) == 40
    assert {path["first"] for path in mixed} == {"linear"}
    assert len({path["second"] for path in mixed}) > 1


def test_far_from_the_limits_the_most_probable_of_drawn_ones_is_derived(monkeypatch) -> None:
    method = Proxyless(SHORT)
    method.fit(ToySupernet(), ToyTask(), Quiet(), lambda one: "no" if one["first"] != "tanh" else None)
    monkeypatch.setattr("sugata.oneshot.base._MOST_TRIED", 1)
    with torch.no_grad():
        method.logits["first"].copy_(torch.tensor([9.0, 0.0, 0.0, 0.0]))
        method.logits["second"].copy_(torch.tensor([0.0, 5.0, 0.0, 4.0]))
    found = [dict(one) for one in method.derive(2)]
    assert found == [{"first": "tanh", "second": second} for second in ("skip_connect", "linear")]


@pytest.mark.parametrize(
    ("space", "kind"),
    [(NasBench201Space(4, 1), NasBench201Supernet), (DartsSpace(channels=4, cells=3), DartsSupernet)],
)
def test_cells_are_searched_too(space, kind) -> None:
    supernet = kind(space, SIGNATURE)
    method = Proxyless(SHORT, weights_first=0.0)
    method.fit(supernet, Pictures(), Quiet())
    assert len(method.derive(2)) == 2


def test_the_state_of_a_search_with_latency_is_kept(
    mobile: ProxylessSupernet, table: str, tmp_path: Path
) -> None:
    more = {"latency_table": table, "latency_target": 30.0}
    context = Quiet(folder=tmp_path / "state")
    done, again = Proxyless(SHORT, **more), Proxyless(SHORT, **more)
    done.fit(mobile, Pictures(), context)
    again.fit(mobile, Pictures(), context)
    assert again.details() == done.details()
    assert again.details()["expected_latency_ms"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Proxyless(latency_weight=-1.0), "supernet.latency_weight is -1.0"),
        (lambda: Proxyless(weights_first=1.0), "supernet.weights_first is 1.0"),
        (lambda: ProxylessReinforce(samples=0), "supernet.samples is 0"),
        (lambda: Proxyless(latency_table="t.json"), "supernet.latency_target is 0; give milliseconds"),
    ],
)
def test_impossible_options_are_one_line(make, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        make()
    assert message in str(error.value)


def test_what_does_not_go_together_is_one_line(mobile: ProxylessSupernet, table: str) -> None:
    darts = DartsSupernet(DartsSpace(channels=4, cells=3), SIGNATURE)
    with pytest.raises(RecipeError, match="drawn edges of DartsSupernet are none; use proxyless"):
        ProxylessReinforce(SHORT).fit(darts, Pictures(), Quiet())
    other = ProxylessSupernet(MOBILE, image_signature(3, 16, 16, 4))
    method = Proxyless(SHORT, latency_table=table, latency_target=3.0)
    with pytest.raises(SugataError, match=r"height 8 width 8 outputs 4, not for .*height 16"):
        method.fit(other, Pictures(), Quiet())
