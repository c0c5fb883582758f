"""What every supernet promises: an extracted network is the active path."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import LimitError
from sugata.oneshot import (
    DartsSupernet,
    ElasticMobileSupernet,
    NasBench101Supernet,
    NasBench201Supernet,
    NasNetSupernet,
    ProxylessSupernet,
    Supernet,
    entropy,
    most_probable,
    recalibrate,
)
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace, NasBench101Space, NasBench201Space, NasNetSpace
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace

SIGNATURE = image_signature(3, 8, 8, 4)
SUPERNETS: dict[str, Callable[[], Supernet]] = {
    "nasbench201": lambda: NasBench201Supernet(NasBench201Space(channels=4, cells=1), SIGNATURE),
    "nasbench201-affine": lambda: NasBench201Supernet(
        NasBench201Space(channels=4, cells=2), SIGNATURE, affine=True
    ),
    "darts": lambda: DartsSupernet(DartsSpace(channels=4, cells=3), SIGNATURE),
    "nasbench101": lambda: NasBench101Supernet(NasBench101Space(channels=8, cells=1), SIGNATURE),
    "nasnet": lambda: NasNetSupernet(NasNetSpace(channels=4, cells=1), SIGNATURE),
    "nasnet-any": lambda: NasNetSupernet(
        NasNetSpace(
            nodes=3,
            operations=("none", "skip_connect", "sep_conv_3x3", "max_pool_3x3"),
            combine="any",
            two_cells=True,
            channels=4,
            cells=1,
        ),
        SIGNATURE,
    ),
    "proxyless": lambda: ProxylessSupernet(ProxylessSpace(), SIGNATURE),
    "elastic-proxyless": lambda: ElasticMobileSupernet(ProxylessSpace(width=0.25), SIGNATURE),
    "elastic-mnasnet": lambda: ElasticMobileSupernet(MnasNetSpace(width=0.25), SIGNATURE),
}
PATHS = ("nasbench101", "elastic-proxyless", "elastic-mnasnet")  # compute one architecture at a time
_MADE: dict[str, Supernet] = {}
every_supernet = pytest.mark.parametrize("name", SUPERNETS)
every_mixing = pytest.mark.parametrize("name", [name for name in SUPERNETS if name not in PATHS])
pytestmark = pytest.mark.slow


def images(count: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def supernet(name: str) -> Supernet:
    """Made once; its batch norms have seen some data."""
    if name not in _MADE:
        made = SUPERNETS[name]()
        made.initialize(torch.Generator().manual_seed(0))  # type: ignore[operator]
        for seed in range(3):
            made.activate(made.space.sample(np.random.default_rng(seed)))
            made.train()(images(8, seed))
        _MADE[name] = made.eval()
    return _MADE[name]


@every_supernet
@settings(max_examples=15)
@given(seed=st.integers(0, 100_000))
def test_an_extracted_network_computes_the_active_path(name: str, seed: int) -> None:
    shared = supernet(name)
    architecture = shared.space.sample(np.random.default_rng(seed))
    shared.activate(architecture)
    network = shared.extract(architecture).eval()
    with torch.no_grad():
        torch.testing.assert_close(network(images()), shared(images()), rtol=1e-5, atol=1e-5)
    assert not {id(p) for p in network.parameters()} & {id(p) for p in shared.parameters()}


@every_mixing
def test_a_mixture_with_all_weight_on_one_option_is_that_path(name: str) -> None:
    shared = supernet(name)
    architecture = shared.space.sample(np.random.default_rng(7))
    path = shared.path(architecture)
    weights = {
        decision: torch.tensor([float(option == path[decision]) for option in options])
        for decision, options in shared.decisions.items()
    }
    with torch.no_grad():
        shared.mix(weights)
        mixed = shared(images())
        shared.activate(architecture)
        torch.testing.assert_close(mixed, shared(images()))


@every_mixing
def test_every_weighted_option_gets_a_gradient(name: str) -> None:
    shared = supernet(name)
    weights = {
        decision: torch.full((len(options),), 1 / len(options), requires_grad=True)
        for decision, options in shared.decisions.items()
    }
    shared.mix(weights)
    shared(images()).square().sum().backward()
    assert all(weight.grad is not None for weight in weights.values())
    shared.zero_grad()


@every_supernet
def test_recalibrated_statistics_are_those_of_the_path(name: str) -> None:
    shared = supernet(name)
    shared.activate(shared.space.sample(np.random.default_rng(3)))
    batch = images(16, 5)
    recalibrate(shared, [batch])
    first = next(module for module in shared.modules() if isinstance(module, torch.nn.BatchNorm2d))
    with torch.no_grad():
        stem = shared.stem0 if isinstance(shared, DartsSupernet | NasNetSupernet) else shared.stem
        expected = stem[0](batch).mean((0, 2, 3))  # type: ignore[operator, index]
    torch.testing.assert_close(first.running_mean, expected)
    assert not shared.training


def test_the_most_probable_come_first_and_break_no_limit() -> None:
    shared = supernet("nasbench201")
    rng = np.random.default_rng(0)
    probabilities = {
        name: torch.from_numpy(rng.dirichlet(np.ones(len(options))))
        for name, options in shared.decisions.items()
    }

    def probability(architecture) -> float:
        return float(
            np.prod(
                [
                    float(probabilities[name][options.index(architecture[name])])
                    for name, options in shared.decisions.items()
                ]
            )
        )

    def feasible(architecture) -> str | None:
        return "too many convolutions" if list(architecture.values()).count("nor_conv_3x3") > 1 else None

    found = most_probable(shared, probabilities, 5, feasible)
    assert len({shared.space.training_key(architecture) for architecture in found}) == 5
    assert [probability(a) for a in found] == sorted((probability(a) for a in found), reverse=True)
    whole = {shared.space.training_key(a): 0.0 for a in shared.space.enumerate()}
    for values in np.ndindex(*(5,) * 6):
        path = {name: shared.decisions[name][i] for name, i in zip(shared.decisions, values, strict=True)}
        if feasible(path) is None:
            key = shared.space.training_key(path)
            whole[key] = max(whole[key], probability(path))
    assert probability(found[0]) == pytest.approx(max(whole.values()))
    assert probability(found[4]) == pytest.approx(sorted(whole.values())[-5])


def test_limits_that_nothing_meets_are_said_in_one_line() -> None:
    shared = supernet("nasbench201")
    uniform = {name: torch.full((5,), 0.2) for name in shared.decisions}
    with pytest.raises(LimitError, match="only 0 of 1 architectures within the limits were found"):
        most_probable(shared, uniform, 1, lambda architecture: "it is too large")
    assert entropy(uniform) == pytest.approx(1.0)
    assert entropy({"a": torch.tensor([1.0, 0.0])}) == pytest.approx(0.0)
