"""Which optimizer trains a network, made from the settings."""

import torch
from torch import nn

from sugata.training.parametrization import decays, parameter_groups
from sugata.training.settings import TrainingSettings

#: What each optimizer remembers of every parameter, besides a counter of steps.
MOMENTS = {torch.optim.AdamW: ("exp_avg", "exp_avg_sq"), torch.optim.SGD: ("momentum_buffer",)}


def make_optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimizer of the settings; its groups have a `peak_lr` for the schedule to scale.

    SGD with Nesterov's momentum (Sutskever et al. 2013) has one rate for all: batch norms make the scale of
    the weights before them irrelevant. Its decay is that of convolutions and matrices only, as AdamW's.
    """
    if settings.optimizer == "adamw":
        groups = parameter_groups(model, settings.rate, settings.decay, settings.base_width)
        return torch.optim.AdamW(groups, betas=settings.betas, fused=True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if decays(p)], "weight_decay": settings.decay},
        {"params": [p for p in trained if not decays(p)], "weight_decay": 0.0},
    ]
    shared = {"lr": settings.rate, "peak_lr": settings.rate}
    return torch.optim.SGD(
        [group | shared for group in groups if group["params"]],
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        fused=True,
    )
