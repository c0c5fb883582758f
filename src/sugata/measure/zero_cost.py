"""Zero-cost proxies: scores of an untrained network from one batch.

The set of Abdelfattah et al. 2021 ("Zero-Cost Proxies for Lightweight NAS", section 3) with NASWOT (Mellor et
al. 2021), Zen-score (Lin et al. 2021) and the norm of the weights. They were published for convolutional
networks; what they mean for networks that read tokens is said at each. Larger is meant to be better
everywhere. None of them reliably beats counting parameters and operations, so print those beside them.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HESSIAN_STEP = 1e-2  # of the central differences, relative to the weights' norm
_JACOBIAN_FLOOR = 1e-5
_ZEN_NOISE = 1e-2
_ZEN_REPEATS = 2  # the batch is an average already


@dataclass(frozen=True)
class Probe:
    """A freshly initialized network and one batch.

    Attributes:
        model: scores work on copies; it stays as it is.
        inputs: images ``(batch, channels, height, width)`` or tokens ``(batch, length)`` int64.
        targets: classes ``(batch,)`` or ``(batch, length)``; for regression, values like the outputs.
        seed: of the draws that a score makes.
    """

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    seed: int = 0

    def loss(self, model: nn.Module) -> Tensor:
        """Cross-entropy of classes, or the mean squared error of values."""
        outputs = model(self.inputs)
        if self.targets.is_floating_point():
            return F.mse_loss(outputs, self.targets)
        return F.cross_entropy(outputs.flatten(0, -2), self.targets.flatten())

    def copy(self) -> nn.Module:
        """A copy in training mode: batch norms use the statistics of the batch."""
        return copy.deepcopy(self.model).train()


def gradient_norm(probe: Probe) -> float:
    """Sum over matrices of the Euclidean norm of the loss's gradient."""
    return sum(float(gradient.norm()) for _, gradient in _gradients(probe, probe.copy()))


def snip(probe: Probe) -> float:
    """Sum of |weight x gradient| (Lee et al. 2019, equation 6, not normalized)."""
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in _gradients(probe, probe.copy()))


def grasp(probe: Probe) -> float:
    """Sum of -weight x (Hessian x gradient) (Wang et al. 2020, equation 8).

    Departure: the product with the Hessian by central differences of the gradient, because fused attention
    has no second derivative.
    """
    model = probe.copy()
    weights = matrices(model)
    gradients = [gradient for _, gradient in _gradients(probe, model)]
    length = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
    if length == 0.0:
        return 0.0
    step = (
        _HESSIAN_STEP * math.sqrt(sum(float(weight.detach().square().sum()) for weight in weights)) / length
    )
    sides = []
    for sign in (1.0, -2.0):  # to the one side, then to the other
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.add_(gradient, alpha=sign * step)
        sides.append([gradient for _, gradient in _gradients(probe, model)])
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient, alpha=step)
    return -sum(
        float((weight.detach() * (plus - minus)).sum()) / (2 * step)
        for weight, plus, minus in zip(weights, *sides, strict=True)
    )


def fisher(probe: Probe) -> float:
    """Half the squared (activation x its gradient), summed over space, then channels (Turner et al. 2020).

    Activations are the outputs of convolutions and linear layers; a token model's sum runs over its length.
    """
    model = probe.copy()
    outputs: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> None:
        output.retain_grad()
        outputs.append(output)

    with _hooked(model, (nn.Conv2d, nn.Linear), keep):
        probe.loss(model).backward()
    total = 0.0
    for output in outputs:
        if output.grad is None:
            continue
        product = (output.detach() * output.grad).double()
        if product.ndim == 4:
            channels = product.sum((2, 3))
        else:  # (batch, length, channels), or (batch, channels)
            channels = product.reshape(len(product), -1, product.shape[-1]).sum(1)
        total += float(channels.square().mean(0).sum()) / 2
    return total


def synflow(probe: Probe) -> float:
    """Natural logarithm of the sum of |weight x dR/dweight|, R the output of ones through absolute weights.

    Tanaka et al. 2020, equation 4, in double precision and without batch norms. The raw sum spans tens of
    orders of magnitude; the logarithm keeps its order. In a token model ones take the place of the embedded
    tokens and the norms stay: without them states of recurrent mixers overflow. So single precision does.
    """
    model = probe.copy()
    if probe.inputs.is_floating_point():
        model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    weights = matrices(model)
    with _hooked(model, (nn.modules.batchnorm._BatchNorm,), lambda module, inputs, output: inputs[0]):
        one = replace(probe, inputs=probe.inputs[:1])
        _continuous(model, one, _ones(model))[0].sum().backward()
    flows = (weight.detach() * weight.grad for weight in weights if weight.grad is not None)
    total = sum(float(flow.abs().sum()) for flow in flows)
    return math.log(total) if total > 0 else -math.inf


def jacobian_covariance(probe: Probe) -> float:
    """How different the inputs' Jacobians are (Mellor et al. 2020, version 1; Abdelfattah et al. 2021).

    From the eigenvalues of the correlation matrix of the gradients of each sample's summed output by its own
    input; of a token model, by its embedded tokens.
    """
    model = probe.copy()
    outputs, inputs = _continuous(model, probe, None)
    (jacobian,) = torch.autograd.grad(outputs.sum(), inputs)
    correlation = torch.corrcoef(jacobian.flatten(1).double()).nan_to_num()
    eigenvalues = torch.linalg.eigvalsh(correlation) + _JACOBIAN_FLOOR
    eigenvalues = eigenvalues.clamp_min(_JACOBIAN_FLOOR)
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())


def naswot(probe: Probe) -> float:
    """Log-determinant of the kernel of activation patterns (Mellor et al. 2021, equation 2).

    A pattern is which rectified units are on. Where a network has no ReLU, the signs of the outputs of its
    linear layers but the last take their place.
    """
    model = probe.copy()
    kernel = torch.zeros(len(probe.inputs), len(probe.inputs), dtype=torch.float64)
    rectified = any(isinstance(module, nn.ReLU) for module in model.modules())
    patterns: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        on = (inputs[0] if rectified else output).detach() > 0
        patterns.append(on.flatten(1).double())

    with _hooked(model, (nn.ReLU,) if rectified else (nn.Linear,), keep), torch.no_grad():
        model(probe.inputs)
    for on in patterns if rectified else patterns[:-1]:
        kernel += on @ on.T + (1 - on) @ (1 - on).T
    sign, log_determinant = torch.linalg.slogdet(kernel)
    return float(log_determinant) if sign > 0 else -math.inf


def zen_score(probe: Probe) -> float:
    """Log of how far a small change of Gaussian inputs moves the features, batch norms compensated.

    Lin et al. 2021, algorithm 1: Gaussian weights, the features before pooling, plus the logarithms of the
    deviations that batch norms divide by. A token model keeps its weights, its inputs are embedded tokens
    and its features what the last linear layer reads.
    """
    generator = torch.Generator().manual_seed(probe.seed)
    model = probe.copy()
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for module in model.modules() if norms else ():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.normal_(generator=generator)
        shape = tuple(_continuous(model, probe, None)[1].shape)
        scores = [_zen_once(model, probe, shape, generator) for _ in range(_ZEN_REPEATS)]
    return sum(scores) / len(scores)


def weight_norm(probe: Probe) -> float:
    """Sum over matrices of the Euclidean norm of the weights."""
    return sum(float(weight.detach().norm()) for weight in matrices(probe.model))


Proxy = Callable[[Probe], float]

#: Every proxy by name; parameters and FLOPs are counted elsewhere, without a batch.
PROXIES: Mapping[str, Proxy] = MappingProxyType(
    {
        "gradient_norm": gradient_norm,
        "snip": snip,
        "grasp": grasp,
        "fisher": fisher,
        "synflow": synflow,
        "jacobian_covariance": jacobian_covariance,
        "naswot": naswot,
        "zen_score": zen_score,
        "weight_norm": weight_norm,
    }
)


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """Trainable weights with two or more axes, without those of embeddings."""
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    return [
        parameter
        for parameter in model.parameters()
        if parameter.requires_grad and parameter.ndim > 1 and id(parameter) not in embeddings
    ]


def decoder_parameters(model: nn.Module) -> int:
    """Parameters without embeddings and head, the proxy of Javaheripi et al. 2022 for language models.

    The head is the last linear layer; where it is tied to an embedding both are left out.
    """
    outside = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    left_out = {id(parameter) for module in [*outside, *linear[-1:]] for parameter in module.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in left_out)


def _gradients(probe: Probe, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Each matrix with the gradient of the loss; zeros where it has no effect."""
    weights = matrices(model)
    found = torch.autograd.grad(probe.loss(model), weights, allow_unused=True)
    return [
        (weight.detach(), torch.zeros_like(weight) if gradient is None else gradient)
        for weight, gradient in zip(weights, found, strict=True)
    ]


def _continuous(
    model: nn.Module, probe: Probe, make: Callable[[tuple[int, ...]], Tensor] | None
) -> tuple[Tensor, Tensor]:
    """Outputs, and the real-valued inputs that they depend on: images, or embedded tokens.

    Args:
        make: gives other inputs of that shape; None takes those of the batch.
    """
    embedding = next((module for module in model.modules() if isinstance(module, nn.Embedding)), None)
    if embedding is None:
        inputs = probe.inputs if make is None else make(tuple(probe.inputs.shape))
        inputs = inputs.clone().requires_grad_()
        return model(inputs), inputs
    given: list[Tensor] = []

    def take_place(module: nn.Module, arguments: object, output: Tensor) -> Tensor:
        value = output.detach().clone() if make is None else make(tuple(output.shape))
        given.append(value.requires_grad_())
        return given[-1]

    handle = embedding.register_forward_hook(take_place)
    try:
        return model(probe.inputs), given[0]
    finally:
        handle.remove()


def _ones(model: nn.Module) -> Callable[[tuple[int, ...]], Tensor]:
    dtype = next(model.parameters()).dtype
    return lambda shape: torch.ones(shape, dtype=dtype)


def _zen_once(model: nn.Module, probe: Probe, shape: tuple[int, ...], generator: torch.Generator) -> float:
    """One draw of the Zen-score, with inputs of that shape."""
    noise = torch.empty(shape).normal_(generator=generator)
    moved = noise + _ZEN_NOISE * torch.empty(shape).normal_(generator=generator)
    variances: list[float] = []

    def spread(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        variances.append(float(inputs[0].var((0, *range(2, inputs[0].ndim)), unbiased=False).mean()))

    with _hooked(model, (nn.modules.batchnorm._BatchNorm,), spread):
        before = _features(model, probe, noise)
    after = _features(model, probe, moved)
    distance = float((before - after).abs().flatten(1).sum(1).mean())
    if distance <= 0 or min(variances, default=1.0) <= 0:
        return -math.inf
    return math.log(distance) + sum(0.5 * math.log(variance) for variance in variances)


def _features(model: nn.Module, probe: Probe, inputs: Tensor) -> Tensor:
    """The last feature maps before pooling; of a network without any, what its last linear layer reads."""
    maps: list[Tensor] = []
    read: list[Tensor] = []

    def keep(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Linear):
            read.append(arguments[0])
        elif output.ndim == 4 and output.shape[-1] > 1:
            maps.append(output)

    with _hooked(model, (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm), keep):
        _continuous(model, probe, lambda shape: inputs.clone())
    return maps[-1] if maps else read[-1]


@contextmanager
def _hooked(
    model: nn.Module, kinds: tuple[type[nn.Module], ...], hook: Callable[..., Tensor | None]
) -> Iterator[None]:
    """A forward hook on every module of these kinds."""
    handles = [module.register_forward_hook(hook) for module in model.modules() if isinstance(module, kinds)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
