"""A network in parts that are timed one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class NetworkPart:
    """A part of a network whose latency is added to those of the others.

    Attributes:
        name: readable, and equal only for parts that take equally long, such as
            ``mbconv_5x5_e6 24x32x32 -> 40x16x16``.
        shape: of its input, without the batch.
        build: makes its module, or gives that of a network.
    """

    name: str
    shape: tuple[int, ...]
    build: "Callable[[], nn.Module]"


def shown(shape: tuple[int, ...]) -> str:
    """A shape as in names of parts: ``24x32x32``."""
    return "x".join(map(str, shape))
