"""Normalizations whose statistics are those of one token: they never cross time steps."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.config import LanguageModelConfig

_SMALLEST_GROUP = 4


class GroupNorm(nn.Module):
    """Group normalization over the channels of each token alone (Wu & He 2018, without their spatial axes).

    `torch.nn.GroupNorm` would take its statistics over time as well and so leak the future.

    Args:
        dim: Channels.
        groups: Groups; must divide `dim`.
        eps: Added to the variance.
    """

    def __init__(self, dim: int, groups: int, eps: float) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `(..., dim)`."""
        width = self.weight.shape[0] // self.groups
        normalized = F.layer_norm(x.reshape(*x.shape[:-1], self.groups, width), (width,), eps=self.eps)
        return normalized.flatten(-2) * self.weight + self.bias


class RMSNorm(nn.Module):
    """Root-mean-square normalization (Zhang & Sennrich 2019), without a bias.

    Args:
        dim: Channels.
        eps: Added to the mean square.
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize `(..., dim)`."""
        if torch.onnx.is_in_onnx_export():  # the form that onnxruntime turns into one operation
            return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.weight
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def make_norm(config: LanguageModelConfig) -> nn.Module:
    """The normalization that `config` names, for tokens of width `hidden_dim`."""
    dim, eps = config.hidden_dim, config.norm_eps
    if config.normalization == "layernorm":
        return nn.LayerNorm(dim, eps=eps)
    if config.normalization == "rmsnorm":
        return RMSNorm(dim, eps)
    return GroupNorm(dim, _fitting_groups(dim, config.norm_groups), eps)


def _fitting_groups(dim: int, most: int) -> int:
    """Most groups of equal width, but not so many that few channels remain in each: one alone becomes 0."""
    return max(n for n in range(1, most + 1) if n == 1 or (dim % n == 0 and dim // n >= _SMALLEST_GROUP))
