"""Image networks as blocks for drawing, on modules without storage."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sugata.space import Block, ImageSizes


@dataclass(frozen=True)
class Part:
    """One module of a network and how it is called; the parts of a network share no parameters."""

    name: str
    kind: str
    detail: str
    module: nn.Module


def image_outline(network: nn.Module, parts: Sequence[Part], sizes: ImageSizes) -> tuple[Block, ...]:
    """The parts with the shapes that leave them and their parameters, found by one pass of a single image.

    Args:
        network: on the meta device, so that nothing is computed.
    """
    shapes: dict[int, tuple[int, ...]] = {}

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        shapes[id(module)] = tuple(output.shape[1:])

    handles = [part.module.register_forward_hook(note) for part in parts]
    with torch.no_grad():
        network.eval()(torch.zeros(1, sizes.channels, sizes.height, sizes.width, device="meta"))
    for handle in handles:
        handle.remove()
    return tuple(
        Block(part.name, part.kind, part.detail, ("batch", *shapes[id(part.module)]), _count(part.module))
        for part in parts
    )


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
