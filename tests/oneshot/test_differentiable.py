"""Search by gradient: the published derivatives, what is found, and what happens at a collapse."""

import json

import numpy as np
import pytest
import torch
from torch.func import functional_call

from sugata.errors import LimitError, RecipeError
from sugata.oneshot import Darts, Gdas, SupernetSettings
from sugata.oneshot.collapse import Check, check, details, restored, warning
from sugata.tasks import Batch

from .toy import Quiet, ToySupernet, ToyTask

QUICK = SupernetSettings(steps=300, batch_size=32, learning_rate=0.05, checks=10)
METHODS = {
    "darts-first": lambda **more: Darts(QUICK, logit_rate=0.05, **more),
    "darts-second": lambda **more: Darts(QUICK, order=2, logit_rate=0.05, **more),
    "gdas": lambda **more: Gdas(QUICK, logit_rate=0.05, **more),
}
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_the_right_operations_are_found(method: str) -> None:
    context, task = Quiet(seed=1), ToyTask()
    search = METHODS[method]()
    search.fit(ToySupernet(), task, context)
    assert dict(search.derive(1)[0]) == {"first": "tanh", "second": "tanh"}
    assert set(task.splits) == {"train", "validation"}
    assert len(search.checks) == len(context.reported) == 10
    assert search.checks[-1].entropy < search.checks[0].entropy


@every_method
def test_the_same_seed_gives_the_same_logits(method: str) -> None:
    found = []
    for _ in range(2):
        search = METHODS[method]()
        search.settings = SupernetSettings(steps=10, batch_size=8, checks=2)
        search.fit(ToySupernet(), ToyTask(), Quiet(seed=5))
        found.append(torch.cat([logits.detach() for logits in search.logits.values()]))
    assert torch.equal(*found)


@every_method
def test_decisions_that_no_part_of_the_network_uses_are_left_alone(method: str) -> None:
    class Unused(ToySupernet):
        """Its second decision has no effect."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.mixed["first"](x, self.selection["first"])
            return self.head(torch.zeros_like(x) if y is None else y)

    search = METHODS[method]()
    search.settings = SupernetSettings(steps=10, batch_size=8, checks=2)
    search.fit(Unused(), ToyTask(), Quiet())
    used, unused = (search.logits[name].detach() for name in ("first", "second"))
    assert float(unused.abs().max()) < 0.1 < float(used.abs().max())


@every_method
def test_nothing_derived_breaks_a_limit(method: str) -> None:
    def feasible(architecture) -> str | None:
        return "no second tanh" if architecture["second"] == "tanh" else None

    search = METHODS[method]()
    search.fit(ToySupernet(), ToyTask(), Quiet(), feasible)
    derived = search.derive(3)
    assert len({tuple(one.items()) for one in derived}) == 3
    assert all(one["second"] != "tanh" for one in derived)
    search.feasible = lambda architecture: "too large"
    with pytest.raises(LimitError, match="too large"):
        search.derive(1)


def test_the_unrolled_gradient_is_that_of_the_exact_derivative() -> None:
    """Equation 7 of Liu et al. 2019, by differentiating through the virtual step."""
    supernet, task = ToySupernet().double(), ToyTask()
    search = Darts(SupernetSettings(weight_decay=0.01, learning_rate=0.1), order=2)
    search.supernet, search.task, search.progress = supernet, task, 0.0
    search.logits = {
        name: torch.randn(4, generator=torch.Generator().manual_seed(i), dtype=torch.float64).requires_grad_()
        for i, name in enumerate(supernet.decisions)
    }
    search.weights = list(supernet.parameters())
    search.weight_optimizer = torch.optim.SGD(search.weights, 0.1, 0.9, weight_decay=0.01)
    batches = (task.batch(np.random.default_rng(seed), 16) for seed in (0, 1))
    train, held = (Batch(batch.inputs.double(), batch.targets.double()) for batch in batches)
    before = [weight.detach().clone() for weight in search.weights]
    loss, gradients = search._unrolled(train, held)
    assert all(torch.equal(a, b.detach()) for a, b in zip(before, search.weights, strict=True))

    names = [name for name, _ in supernet.named_parameters()]
    logits = list(search.logits.values())

    def forward(weights, batch):
        supernet.mix({name: torch.softmax(value, 0) for name, value in search.logits.items()})
        outputs = functional_call(supernet, dict(zip(names, weights, strict=True)), (batch.inputs,))
        return torch.nn.functional.mse_loss(outputs, batch.targets)

    steps = torch.autograd.grad(forward(search.weights, train), search.weights, create_graph=True)
    moved = [w - 0.1 * (g + 0.01 * w) for w, g in zip(search.weights, steps, strict=True)]
    exact_loss = forward(moved, held)
    exact = torch.autograd.grad(exact_loss, logits)
    assert float(loss) == pytest.approx(float(exact_loss))
    for found, expected in zip(gradients, exact, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_the_search_goes_back_before_skips_take_over() -> None:
    class Skipping(ToyTask):
        """The identity is right."""

        @staticmethod
        def batch(rng, size):
            batch = ToyTask.batch(rng, size)
            return type(batch)(batch.inputs, batch.inputs.sum(1, keepdim=True))

    search = Darts(QUICK, logit_rate=0.05, most_skips=0.5)
    search.fit(ToySupernet(), Skipping(), Quiet())
    assert "preferred a skip connection" in search.ended
    assert len(search.checks) < 10
    kept = check(search.supernet, search.probabilities(), 0, 0.0)
    assert kept.skips <= 0.5


def test_a_collapse_is_one_line_with_its_beginning_and_the_remedies() -> None:
    said = warning([Check(10, 0.3, 0.9, 1.0), Check(20, 0.6, 0.5, 0.9), Check(30, 1.0, 0.1, 0.8)])
    assert said is not None
    assert said.startswith("collapse: 100% of the decisions are skip connections (over 50% from step 20)")


def test_checks_go_to_a_report_and_back_as_json() -> None:
    checks = [Check(10, 0.3, 0.9, 1.0), Check(20, 0.6, 0.5, 0.9)]
    read = json.loads(json.dumps(details(checks, "stopped, as asked")))
    assert restored(read) == checks
    assert read["warning"] == warning(checks)
    assert read["ended"] == "stopped, as asked"
    search = Darts(QUICK)
    assert search.details() == {"checks": [], "warning": None, "ended": ""}


def test_dropped_skips_are_left_out_of_some_steps() -> None:
    search = Darts(QUICK, operation_dropout=1.0)
    search.supernet, search.progress = ToySupernet(), 0.0
    search.generator = torch.Generator().manual_seed(0)
    mixture = search._dropped({name: torch.full((4,), 0.25) for name in search.supernet.decisions})
    assert all(weights.tolist() == [0.25, 0.0, 0.25, 0.25] for weights in mixture.values())


def test_a_healthy_distribution_has_no_warning() -> None:
    assert warning([Check(1, 0.5, 0.9, 1.0)]) is None
    assert warning([]) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Darts(order=3), "supernet.order is 3"),
        (lambda: Darts(most_skips=2.0), "supernet.most_skips is 2.0"),
        (lambda: Gdas(coldest=0.0), "supernet.coldest is 0.0"),
        (lambda: SupernetSettings(steps=0), "supernet.steps is 0"),
        (lambda: SupernetSettings(clip=-1.0), "supernet.clip is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make()


@pytest.mark.parametrize("prefers", ["tanh", None])
def test_no_path_that_gdas_draws_breaks_a_limit(prefers: str | None) -> None:
    """Also where the logits prefer what breaks it so much that nothing else is drawn."""
    search = Gdas(SupernetSettings(steps=1), coldest=0.1)
    search.supernet, search.progress = ToySupernet(), 1.0
    search.generator = torch.Generator().manual_seed(0)
    options = search.supernet.decisions["first"]
    search.logits = {name: torch.zeros(4, requires_grad=True) for name in search.supernet.decisions}
    if prefers:
        search.logits["first"] = torch.tensor([float(30 * (one == prefers)) for one in options])
    search.feasible = lambda architecture: "tanh" if architecture["first"] == "tanh" else None
    for _ in range(20):
        mixture = search._mixture()
        assert options[int(mixture["first"].argmax())] != "tanh"
        assert sorted(mixture["first"].tolist()) == [0.0, 0.0, 0.0, 1.0]
