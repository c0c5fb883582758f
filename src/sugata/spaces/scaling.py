"""Compound scaling of a found network (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling", section 3.3).

A network is made deeper by alpha^phi, wider by beta^phi, and given images larger by gamma^phi. Its cost grows
by (alpha beta^2 gamma^2)^phi, about 2^phi. The paper finds alpha, beta and gamma by a small grid search with
phi = 1, then keeps them and raises phi. The factors in its code for B1 to B3 are those of phi = 0.5, 1 and 2;
those for B4 to B7 follow no single phi.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sugata.errors import InvalidArchitecture
from sugata.space import Architecture, SearchSpace, Signature, image_sizes
from sugata.trial import Value

if TYPE_CHECKING:
    from torch import nn

#: Parameters of spaces that say how wide a network is: numbers of channels, rounded, and a plain factor.
_CHANNELS = ("channels", "head_channels")
_WIDTH = "width"
#: The same of depth: numbers of layers, one or several, rounded up, and a plain factor.
_LAYERS = ("cells", "stages")
_DEPTH = "depth"


@dataclass(frozen=True)
class CompoundScaling:
    """Coefficients; the defaults are those of EfficientNet.

    Attributes:
        alpha: of the depth.
        beta: of the width.
        gamma: of the resolution.

    Raises:
        InvalidArchitecture: one is below 1.
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            if not 1 <= value < math.inf:
                raise InvalidArchitecture(f"{name}={value:g}: scaling makes larger; give 1 or more")

    @property
    def cost(self) -> float:
        """By how much phi = 1 multiplies the multiply-accumulates: alpha beta^2 gamma^2, near 2."""
        return self.alpha * self.beta**2 * self.gamma**2

    def depth(self, phi: float) -> float:
        """By how much there are more layers."""
        return self.alpha**phi

    def width(self, phi: float) -> float:
        """By how much there are more channels."""
        return self.beta**phi

    def resolution(self, phi: float) -> float:
        """By how much images are higher and wider."""
        return self.gamma**phi


@dataclass(frozen=True)
class ScaledNetwork:
    """A network at one phi, not built yet.

    Attributes:
        space: the found network's space with more channels and layers; its architectures are the same.
        signature: with larger images.
    """

    space: SearchSpace
    architecture: Architecture
    signature: Signature
    scaling: CompoundScaling
    phi: float

    def build(self) -> "nn.Module":
        """The network."""
        return self.space.build(self.architecture, self.signature)

    def counts(self) -> tuple[int, int]:
        """Parameters, and multiply-accumulates for one image."""
        import torch

        from sugata.measure import multiply_accumulates

        with torch.device("meta"):
            network = self.build().eval()
        sizes = image_sizes(self.signature)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return parameters, multiply_accumulates(network, (1, sizes.channels, sizes.height, sizes.width))


def scale(
    space: SearchSpace,
    architecture: Mapping[str, Value],
    signature: Signature,
    scaling: CompoundScaling,
    phi: float,
    divisor: int = 8,
) -> ScaledNetwork:
    """A found network, larger by ``phi``; with phi = 0 as it is.

    Channels are rounded to multiples of 8, layers up, resolutions to whole pixels.

    Args:
        space: of the network, as it was searched.
        signature: of the task, with the images' size before scaling.
        divisor: as of :func:`scaled_space`.

    Raises:
        InvalidArchitecture: the space has no parameter for its width or its depth, the architecture is not in
            it, or the task is not one of images.
    """
    if not 0 <= phi < math.inf:
        raise InvalidArchitecture(f"phi={phi:g}: scaling makes larger; give 0 or more")
    _check_scalable(space, width=scaling.beta > 1, depth=scaling.alpha > 1)
    return ScaledNetwork(
        scaled_space(space, width=scaling.width(phi), depth=scaling.depth(phi), divisor=divisor),
        space.architecture(architecture),
        _resized(signature, scaling.resolution(phi)),
        scaling,
        phi,
    )


def coefficient_grid(step: float = 0.05, tolerance: float = 0.1) -> tuple[CompoundScaling, ...]:
    """All coefficients on a grid from 1 whose cost is near 2.

    Args:
        step: between neighbours.
        tolerance: how far the cost may be from 2. EfficientNet's is 1.92.

    Raises:
        InvalidArchitecture: the step is not positive, or nothing is near enough.
    """
    if not 0.001 <= step <= 1:
        raise InvalidArchitecture(f"step={step:g}: give one from 0.001 to 1")
    most = 2 + tolerance
    values = [round(1 + i * step, 9) for i in range(int((most - 1) / step) + 1)]
    near = tuple(
        CompoundScaling(alpha, beta, gamma)
        for alpha, beta, gamma in itertools.product(values, repeat=3)
        if abs(alpha * beta**2 * gamma**2 - 2) <= tolerance
    )
    if not near:
        raise InvalidArchitecture(
            f"step={step:g}, tolerance={tolerance:g}: no cost is near 2; make one finer"
        )
    return near


def grid_search(
    space: SearchSpace,
    architecture: Mapping[str, Value],
    signature: Signature,
    evaluate: Callable[[ScaledNetwork], float],
    grid: Iterable[CompoundScaling] | None = None,
    divisor: int = 8,
) -> list[tuple[CompoundScaling, float]]:
    """Evaluate the network with phi = 1 at every coefficient; all with their scores, the best first.

    Args:
        evaluate: trains the network (``network.build()``) and gives its quality, higher is better.
        grid: which coefficients; default: :func:`coefficient_grid`.
        divisor: as of :func:`scaled_space`.

    Raises:
        InvalidArchitecture: as :func:`scale`.
    """
    scored = [
        (scaling, float(evaluate(scale(space, architecture, signature, scaling, 1.0, divisor))))
        for scaling in (coefficient_grid() if grid is None else grid)
    ]
    return sorted(scored, key=lambda pair: -math.inf if math.isnan(pair[1]) else pair[1], reverse=True)


def scaled_space(space: SearchSpace, *, width: float, depth: float, divisor: int = 8) -> SearchSpace:
    """The space with more channels and layers, through the parameters of its constructor.

    Those are ``channels`` and ``head_channels`` or ``width``, and ``cells`` or ``stages`` or ``depth``.

    Args:
        divisor: of numbers of channels. 8 is coarse where there are few: 16 x 1.1 is 16 again. A space with a
            plain ``width`` rounds by itself, to 8.

    Raises:
        InvalidArchitecture: the space has no such parameter for what is to grow.
    """
    _check_scalable(space, width=width != 1, depth=depth != 1)
    parameters: dict[str, Any] = dict(space.parameters)
    for name in _CHANNELS:
        if name in parameters and width != 1:
            parameters[name] = rounded_channels(parameters[name] * width, divisor)
    for name in _LAYERS:
        if name in parameters:
            parameters[name] = _deeper(parameters[name], depth)
    for name, factor in ((_WIDTH, width), (_DEPTH, depth)):
        if name in parameters:
            parameters[name] *= factor
    return type(space)(**parameters) if parameters != space.parameters else space


def rounded_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of 8, but not less than 90 % (Tan & Le 2019, the published code's rule)."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


def rounded_layers(layers: float) -> int:
    """The next whole number (Tan & Le 2019, the published code's rule)."""
    return math.ceil(layers - 1e-9)  # 25 x 2.2 is 55.00000000000001


def _check_scalable(space: SearchSpace, *, width: bool, depth: bool) -> None:
    for what, wanted, names in (
        ("width", width, (*_CHANNELS, _WIDTH)),
        ("depth", depth, (*_LAYERS, _DEPTH)),
    ):
        if wanted and not any(name in space.parameters for name in names):
            raise InvalidArchitecture(
                f"space {space.name} cannot be scaled: no parameter for its {what} ({', '.join(names)})"
            )


def _deeper(layers: int | Sequence[int], depth: float) -> int | list[int]:
    if isinstance(layers, int):
        return rounded_layers(layers * depth)
    return [rounded_layers(count * depth) for count in layers]


def _resized(signature: Signature, factor: float) -> Signature:
    """The signature with images of another height and width."""
    sizes = image_sizes(signature)
    (image,) = signature.inputs
    shape = ("batch", sizes.channels, round(sizes.height * factor), round(sizes.width * factor))
    return replace(signature, inputs=(replace(image, shape=shape),))
