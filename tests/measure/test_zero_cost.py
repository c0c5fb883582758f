"""Zero-cost proxies: against closed forms and derivatives computed another way."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian

from sugata.measure import PROXIES, Probe, decoder_parameters
from sugata.measure.zero_cost import (
    fisher,
    gradient_norm,
    grasp,
    jacobian_covariance,
    naswot,
    snip,
    synflow,
    weight_norm,
    zen_score,
)
from sugata.nn import LanguageModel
from sugata.spaces.language import LanguageSpace


def convolutional(width: int = 4, depth: int = 2) -> nn.Module:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Conv2d(width if i else 3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5))


def image_probe(model: nn.Module | None = None, batch: int = 8) -> Probe:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    images = torch.randn(batch, 3, 8, 8, generator=generator)
    return Probe(model or convolutional(), images, torch.arange(batch) % 5)


def dense_probe() -> Probe:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.Tanh(), nn.Linear(6, 3, bias=False)).double()
    return Probe(model, torch.randn(7, 4).double(), torch.arange(7) % 3)


def language_probe(**choices: object) -> Probe:
    space = LanguageSpace("tiny", {"hidden_dim": [64], "num_layers": [2], "vocab_size": [512]})
    values = {choice.name: choice.default for choice in space.choices} | choices
    torch.manual_seed(0)
    tokens = torch.randint(512, (4, 17))
    model = LanguageModel(space.config(space.architecture(values)))  # type: ignore[arg-type]
    return Probe(model, tokens[:, :-1], tokens[:, 1:])


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_scores_images_and_leaves_the_network_alone(name: str) -> None:
    probe = image_probe()
    before = {key: value.clone() for key, value in probe.model.state_dict().items()}
    score = PROXIES[name](probe)
    assert math.isfinite(score)
    assert score == PROXIES[name](probe)
    assert all(torch.equal(before[key], value) for key, value in probe.model.state_dict().items())
    assert all(parameter.grad is None for parameter in probe.model.parameters())


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("mixer", ["transformer", "linear_transformer", "mamba", "rwkv"])
def test_a_proxy_scores_language_models(name: str, mixer: str) -> None:
    assert math.isfinite(PROXIES[name](language_probe(architecture=mixer)))


def test_gradient_proxies_are_sums_over_the_matrices() -> None:
    probe = dense_probe()
    probe.loss(probe.model).backward()
    weights = list(probe.model.parameters())
    assert gradient_norm(probe) == pytest.approx(sum(float(w.grad.norm()) for w in weights))
    assert snip(probe) == pytest.approx(sum(float((w * w.grad).abs().sum()) for w in weights))
    assert weight_norm(probe) == pytest.approx(sum(float(w.norm()) for w in weights))


def test_grasp_agrees_with_the_exact_hessian() -> None:
    probe = dense_probe()
    names = [name for name, _ in probe.model.named_parameters()]
    values = [parameter.detach() for parameter in probe.model.parameters()]
    sizes = [value.numel() for value in values]

    def loss(flat: Tensor) -> Tensor:
        parts = [part.view_as(value) for part, value in zip(flat.split(sizes), values, strict=True)]
        outputs = functional_call(probe.model, dict(zip(names, parts, strict=True)), (probe.inputs,))
        return nn.functional.cross_entropy(outputs, probe.targets)

    flat = torch.cat([value.flatten() for value in values])
    exact = hessian(loss)(flat) @ torch.func.grad(loss)(flat)
    assert grasp(probe) == pytest.approx(-float(exact @ flat), rel=1e-2)


def test_synflow_is_the_layers_count_times_the_flow_through_absolute_weights() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 3, bias=False))
    first, second = (parameter.detach().abs() for parameter in model.parameters())
    flow = float((second @ first @ torch.ones(4)).sum())  # the same in every layer: theorem 1
    probe = Probe(model, torch.randn(5, 4), torch.arange(5) % 3)
    assert synflow(probe) == pytest.approx(math.log(2 * flow), rel=1e-6)


def test_synflow_does_not_see_the_data() -> None:
    probe = image_probe()
    other = Probe(probe.model, probe.inputs * 3 + 1, probe.targets)
    assert synflow(probe) == synflow(other)


def test_fisher_is_half_the_squared_product_of_activation_and_gradient() -> None:
    probe = dense_probe()
    hidden = probe.inputs @ probe.model[0].weight.detach().T  # type: ignore[index]
    hidden.requires_grad_()
    outputs = torch.tanh(hidden) @ probe.model[2].weight.detach().T  # type: ignore[index]
    outputs.retain_grad()
    nn.functional.cross_entropy(outputs, probe.targets).backward()
    both = [(hidden.detach() * hidden.grad), (outputs.detach() * outputs.grad)]
    assert fisher(probe) == pytest.approx(sum(float(p.square().mean(0).sum()) / 2 for p in both))


def test_naswot_is_the_log_determinant_of_shared_patterns() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    inputs = torch.randn(6, 4)
    on = (model[0](inputs) > 0).double()
    shared = torch.tensor([[float((a == b).sum()) for b in on] for a in on])
    expected = float(torch.logdet(shared))
    assert naswot(Probe(model, inputs, torch.arange(6) % 3)) == pytest.approx(expected, rel=1e-5)


def test_equal_inputs_have_the_worst_jacobian_covariance_and_no_pattern_determinant() -> None:
    probe = image_probe()
    same = Probe(probe.model, probe.inputs[:1].expand(8, -1, -1, -1).clone(), probe.targets)
    assert jacobian_covariance(same) < jacobian_covariance(probe)
    assert naswot(same) == -math.inf


def test_the_zen_score_grows_with_depth() -> None:
    torch.manual_seed(0)
    shallow, deep = image_probe(convolutional(8, 1)), image_probe(convolutional(8, 5))
    assert zen_score(deep) > zen_score(shallow)


def test_a_regression_network_is_scored_by_its_squared_error() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    probe = Probe(model, torch.randn(6, 4), torch.randn(6, 1))
    assert float(probe.loss(model)) == pytest.approx(
        float((model(probe.inputs) - probe.targets).square().mean())
    )
    assert gradient_norm(probe) > 0


@pytest.mark.parametrize("tied", [True, False])
def test_decoder_parameters_leave_out_embedding_and_head(tied: bool) -> None:
    model = language_probe(tie_embeddings=tied).model
    expected = sum(p.numel() for p in model.layers.parameters()) + sum(  # type: ignore[union-attr]
        p.numel()
        for p in model.norm.parameters()  # type: ignore[union-attr]
    )
    assert decoder_parameters(model) == expected
