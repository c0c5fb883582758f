"""Pruning bit by bit while a model trains, and keeping what was pruned at zero."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sugata.compression.model import matrix_kinds
from sugata.compression.steps import Scope, zero_smallest

EVERY = 10  # steps between new masks


class GradualPruning:
    """Called after each step of the optimizer: more and more of the smallest weights are zero.

    Zhu & Gupta 2017 (To prune, or not to prune), equation 1 from 0: the share s (1 - (1 - t)^3) of the time
    t, which here ends after `until` of the training; what is left of it trains the weights that stay. A
    weight that was zeroed may come back until then.

    Args:
        model: the one that trains.
        ratio: share of the weights of linear layers that are zero at the end.
        scope: "layer" or "global", as in `prune_magnitude`.
        until: share of the training after which the mask stays.
    """

    def __init__(self, model: nn.Module, ratio: float, *, scope: Scope = "layer", until: float = 0.7) -> None:
        self.ratio, self.scope, self.until = ratio, scope, until
        self.matrices = _matrices(model)
        self.masks: list[Tensor] = []
        self.calls, self.settled = 0, False

    def ratio_at(self, share: float) -> float:
        """The wanted share of zeros after this share of the training."""
        return float(self.ratio * (1 - (1 - min(share / self.until, 1.0)) ** 3))

    @torch.no_grad()
    def __call__(self, share: float) -> None:
        """Zero weights in place after this share of the training."""
        due = share >= self.until
        if not self.settled and (due or self.calls % EVERY == 0):
            zero_smallest(self.matrices, self.ratio_at(share), self.scope)
            self.masks = [matrix != 0 for matrix in self.matrices]
            self.settled = due
        self.calls += 1
        for matrix, mask in zip(self.matrices, self.masks, strict=True):
            matrix.mul_(mask)


class KeepZeros:
    """Called after each step of the optimizer: weights of linear layers that were zero at first stay zero."""

    def __init__(self, model: nn.Module) -> None:
        self.matrices = _matrices(model)
        self.masks = [matrix != 0 for matrix in self.matrices]

    @torch.no_grad()
    def __call__(self, share: float) -> None:
        """Zero them again, in place."""
        for matrix, mask in zip(self.matrices, self.masks, strict=True):
            matrix.mul_(mask)


def _matrices(model: nn.Module) -> list[nn.Parameter]:
    kinds = matrix_kinds(model)
    return [parameter for name, parameter in model.named_parameters() if kinds[name] == "linear"]
