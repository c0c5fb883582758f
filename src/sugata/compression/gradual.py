"""Pruning bit by bit while a model trains, and keeping what was pruned at zero."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sugata.compression.model import matrix_kinds
from sugata.compression.steps import Scope, zero_smallest

UPDATES = 32  # new masks until the wanted share is reached


class GradualPruning:
    """Called before training and after each step: more and more of the smallest weights are zero.

    Zhu & Gupta 2017 (To prune, or not to prune), equation 1 from 0: the share s (1 - (1 - t)^3) of the time
    t, which here ends after `until` of the training; what is left of it trains the weights that stay. Masks
    change `UPDATES` times; a weight that was zeroed may come back with the next one.

    The state is in the weights: what is zero at the first call stays so until the next mask. So a training
    that goes on from a checkpoint prunes as it would have without the interruption, and one that is given
    more time opens the masks again and closes them along the new schedule.

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
        self.updates = 0

    def ratio_at(self, share: float) -> float:
        """The wanted share of zeros after this share of the training."""
        return float(self.ratio * (1 - (1 - min(share / self.until, 1.0)) ** 3))

    @torch.no_grad()
    def __call__(self, share: float) -> None:
        """Zero weights in place after this share of the training."""
        due = int(UPDATES * min(share / self.until, 1.0))
        if not self.masks:
            self.updates = due
            self.masks = [matrix != 0 for matrix in self.matrices]
        elif due > self.updates:
            self.updates = due
            zero_smallest(self.matrices, self.ratio_at(share), self.scope)
            self.masks = [matrix != 0 for matrix in self.matrices]
        for matrix, mask in zip(self.matrices, self.masks, strict=True):
            matrix.mul_(mask)


class KeepZeros:
    """Called after each step: weights of linear layers that were zero at first stay zero."""

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
