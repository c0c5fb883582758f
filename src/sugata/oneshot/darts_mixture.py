"""The mixture of a DARTS cell, computed together where its fourteen edges have something in common.

The numbers are those of the edges one by one. What is saved: edges from one state share its ReLU, its pools
and their batch norms; depthwise convolutions use the fast kernels of :mod:`sugata.nn.depthwise`, the dilated
ones on the phases of an image, where the results stay until those of a node are added up; the weight of an
operation is the scale of its last batch norm; channels lie last in memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.nn.batch_norm import batch_norm, follow, normalized
from sugata.nn.depthwise import depthwise, from_phases, phases

_SKIP, _SEPARABLE, _DILATED, _POOLS = 3, (4, 5), (6, 7), (1, 2)


@dataclass
class Sum:
    """What has been added up for a node: of images, and of their phases."""

    images: Tensor | None = None
    phases: Tensor | None = None

    def add(self, term: Tensor) -> None:
        """Add images that nothing else uses."""
        self.images = term if self.images is None else self.images.add_(term)

    def add_phases(self, term: Tensor) -> None:
        """Add phases that nothing else uses."""
        self.phases = term if self.phases is None else self.phases.add_(term)

    def total(self, like: Tensor) -> Tensor:
        """The state of the node; zeros `like` where nothing was added."""
        if self.phases is not None:
            height, width = like.shape[2:]
            self.add(from_phases(self.phases, height, width))
        return torch.zeros_like(like) if self.images is None else self.images


class Source:
    """A state, and what the edges that leave it share.

    Args:
        x: `(batch, channels, height, width)`.
        stride: Of its edges.
    """

    def __init__(self, x: Tensor, stride: int) -> None:
        self.x = x
        self.stride = stride
        self.positive = F.relu(x)
        # The phases of an image of odd size are continued by zeros, which are not to be normalized over.
        self.even = stride == 1 and not (x.shape[2] % 2 or x.shape[3] % 2)
        if stride == 1:
            self.spread = phases(self.positive)
        else:  # a dilated kernel at every other position takes every other position
            self.spread = self.positive[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        self.pools: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def add_edge(self, options: nn.ModuleList, weights: Tensor, node: Sum) -> None:
        """Add the options of an edge by their weights `(8,)` to a node."""
        used = [float(weight) != 0.0 for weight in weights.detach()]
        for i in _SEPARABLE:
            if used[i]:
                node.add(self._separable(options[i], weights[i]))
        for i in _DILATED:
            if used[i]:
                term = self._dilated(options[i], weights[i])
                node.add_phases(term) if self.even else node.add(term)
        for i in _POOLS:
            if used[i]:
                node.add(weights[i] * self._pooled(i, options[i]))
        if used[_SKIP]:
            node.add(self._skipped(options[_SKIP], weights[_SKIP]))

    def _separable(self, operation: Any, weight: Tensor) -> Tensor:
        _, first, mix, norm, _, second, last, end = operation.children()
        middle = F.relu_(
            batch_norm(norm, pointwise(depthwise(self.positive, first.weight, self.stride), mix))
        )
        return _weighted(end, pointwise(depthwise(middle, second.weight), last), weight)

    def _dilated(self, operation: Any, weight: Tensor) -> Tensor:
        _, first, mix, norm = operation.children()
        middle = depthwise(self.spread, first.weight)
        if self.stride == 1 and not self.even:
            middle = from_phases(middle, *self.x.shape[2:])
        return _weighted(norm, pointwise(middle, mix), weight)

    def _skipped(self, operation: Any, weight: Tensor) -> Tensor:
        if isinstance(operation, nn.Identity):
            return weight * self.x
        height, width = self.x.shape[2:]
        shifted = F.pad(self.positive, (0, width % 2, 0, height % 2))[:, :, 1:, 1:]
        halves = torch.cat([operation.even(self.positive), operation.odd(shifted)], dim=1)
        return _weighted(operation.norm, halves, weight)

    def _pooled(self, which: int, operation: Any) -> Tensor:
        """A pool with its batch norm, whose statistics are those of every edge's."""
        pool, norm = operation.children()
        if which not in self.pools:
            x = pool(self.x)
            self.pools[which] = normalized(x, eps=norm.eps)
        y, mean, variance = self.pools[which]
        follow(norm, mean, variance, y.numel() // y.shape[1])
        return y


def pointwise(x: Tensor, convolution: Any) -> Tensor:
    """A 1x1 convolution."""
    return F.conv2d(x, convolution.weight)


def in_turn(modules: nn.Module, x: Tensor) -> Tensor:
    """The modules of a sequence; in training its batch norms in their precise form."""
    if not (isinstance(modules, nn.Sequential) and modules.training):
        return modules(x)
    for module in modules:
        x = batch_norm(module, x) if isinstance(module, nn.BatchNorm2d) else module(x)
    return x


def _weighted(norm: Any, x: Tensor, weight: Tensor) -> Tensor:
    """A batch norm without scale and shift times the weight of its operation."""
    return batch_norm(norm, x, weight.expand(x.shape[1]))


def mixture(
    states: list[Tensor],
    edges: Mapping[tuple[int, int], tuple[nn.ModuleList, Tensor]],
    nodes: int,
    stride: int,
) -> list[Tensor]:
    """The states of a cell's nodes.

    Args:
        states: The two inputs, `(batch, channels, height, width)`.
        edges: Of source and target, the options and their weights.
        nodes: How many.
        stride: Of the edges from the inputs.
    """
    states = [state.contiguous(memory_format=torch.channels_last) for state in states]
    like = states[0][:, :, ::stride, ::stride]
    sums = [Sum() for _ in range(nodes)]
    for number in range(2 + nodes):
        if number >= 2:
            states.append(sums[number - 2].total(like))
        targets = [target for source, target in edges if source == number]
        if targets:
            source = Source(states[number], stride if number < 2 else 1)
            for target in targets:
                options, weights = edges[number, target]
                source.add_edge(options, weights, sums[target - 2])
    return states[2:]
