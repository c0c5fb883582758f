"""One decision of a supernet: all options side by side."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from sugata.trial import Value


class MixedOperation(nn.Module):
    """The options of a decision, of which one or a weighted sum is computed.

    Args:
        options: A module for each, in the order of the decision's options; None gives nothing (a zero).
    """

    def __init__(self, options: Mapping[Value, nn.Module | None]) -> None:
        super().__init__()
        self.options = nn.ModuleList(
            nn.Identity() if module is None else module for module in options.values()
        )
        self.empty = tuple(module is None for module in options.values())

    def option(self, position: int) -> nn.Module:
        """The module of one option."""
        return self.options[position]

    def forward(self, x: Tensor, selected: int | Tensor) -> Tensor | None:
        """The chosen option of `x`, or the sum of options by their weights `(options,)`; None is zero."""
        if isinstance(selected, int):
            return None if self.empty[selected] else self.options[selected](x)
        total: Tensor | None = None
        for option, empty, weight in zip(self.options, self.empty, selected, strict=True):
            if empty or float(weight.detach()) == 0.0:  # a method that samples paths means: do not compute
                continue
            term = weight * option(x)
            total = term if total is None else total + term
        return total


def without_affine(module: nn.Module) -> None:
    """Take scale and shift from all batch norms: weights of options can then be compared."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.affine, norm.weight, norm.bias = False, None, None  # type: ignore[assignment]


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy parameters and buffers between modules of the same structure.

    Batch norms of a search may have no scale and shift; the target's are then the identity's.
    """
    values = source.state_dict()
    for name, tensor in target.state_dict().items():
        if name in values:
            tensor.copy_(values[name])
        else:
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of all batch norms to the mean over these inputs.

    Needed before a path of a supernet is evaluated: its statistics are those of many paths (Guo et al. 2020,
    section 3.4).

    Args:
        network: Left in evaluation mode; without batch norms that is all.
        batches: Inputs, as `network` takes them.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    if not norms:
        network.eval()
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    network.train()
    for inputs in batches:
        network(inputs)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
