"""Mobile networks in parts that are timed one by one: stem, layers, head."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from sugata.space import NetworkPart, Signature, image_sizes
from sugata.space.network_part import shown

if TYPE_CHECKING:
    from torch import nn

    from sugata.nn.mobile import MobileNetwork


@dataclass(frozen=True)
class TimedLayer:
    """What the time of a layer depends on besides its input.

    Attributes:
        operation: such as ``mbconv_5x5_e6``; empty where it passes its input on.
        outputs: channels that leave it.
        added: whether the input is added.
    """

    operation: str
    outputs: int
    stride: int
    added: bool


def network_parts(
    build: "Callable[[], MobileNetwork]",
    signature: Signature,
    stem: tuple[int, int],
    layers: Iterable[TimedLayer],
    head: int,
) -> tuple[NetworkPart, ...]:
    """The parts of a network, which is built when the first module is asked for.

    Args:
        stem: channels and stride of the first convolution.
        layers: those between stem and head, in their order.
        head: features of the classifier.

    Raises:
        InvalidArchitecture: the signature is not that of an image task.
    """
    sizes, network = image_sizes(signature), cache(build)
    image = (sizes.channels, sizes.height, sizes.width)
    shape = _after(image, *stem)
    parts = [NetworkPart(f"stem {shown(image)} -> {shown(shape)}", image, lambda: network().stem)]
    for position, layer in enumerate(layers):
        after = _after(shape, layer.outputs, layer.stride)
        if layer.operation:
            name = f"{layer.operation} {shown(shape)} -> {shown(after)}" + " + input" * layer.added
            parts.append(NetworkPart(name, shape, partial(_layer, network, position)))
        shape = after
    name = f"head {shown(shape)} -> {head} -> {sizes.outputs}"
    return (*parts, NetworkPart(name, shape, lambda: _head(network())))


def _after(shape: tuple[int, ...], channels: int, stride: int) -> tuple[int, ...]:
    """The shape behind a convolution that pads by half its kernel."""
    _, height, width = shape
    return channels, -(-height // stride), -(-width // stride)


def _layer(network: "Callable[[], MobileNetwork]", position: int) -> "nn.Module":
    return network().layers[position]


def _head(network: "MobileNetwork") -> "nn.Module":
    """Last convolution, mean over positions, classifier."""
    from torch import nn

    from sugata.nn.steps import PositionMean

    return nn.Sequential(network.head, PositionMean(), network.classifier)
