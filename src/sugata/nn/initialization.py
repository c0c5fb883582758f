"""Initialization that lets one learning rate serve every width (muP)."""

import math

import torch
from torch import nn

#: Standard deviation of what a token embedding puts into the residual stream, the same at every width. That
#: of a sinusoidal encoding is 0.7; tokens much weaker than it are long drowned by their positions.
EMBEDDING_STD = 1.0


@torch.no_grad()
def initialize_linear(linear: nn.Linear, generator: torch.Generator, depth: int = 0) -> None:
    """Hidden matrix: variance 1/fan_in (Yang et al. 2022, table 8).

    Args:
        linear: The projection to fill.
        generator: Source of the draws.
        depth: Number of layers if the projection writes to the residual stream: its standard deviation is
            divided by sqrt(2 depth), as in GPT-2, so that the stream's variance does not grow with depth.
    """
    std = linear.in_features**-0.5
    if depth:
        std /= math.sqrt(2 * depth)
    linear.weight.normal_(0.0, std, generator=generator)


@torch.no_grad()
def initialize_embedding(embedding: nn.Embedding, generator: torch.Generator, scale: float) -> None:
    """Input weights: once multiplied by `scale`, of the same variance at any width (Yang et al., table 8)."""
    embedding.weight.normal_(0.0, EMBEDDING_STD / scale, generator=generator)


@torch.no_grad()
def initialize_head(head: nn.Linear, generator: torch.Generator) -> None:
    """Output weights: variance 1/fan_in^2 (Yang et al. 2022, table 3, the form without multipliers)."""
    head.weight.normal_(0.0, 1.0 / head.in_features, generator=generator)


@torch.no_grad()
def initialize_convolutional(network: nn.Module, generator: torch.Generator) -> None:
    """Fill every parameter of an image network, and reset the running statistics of its batch norms.

    Convolutions are normal with variance 2/fan_in (He et al. 2015, equation 10; fan_in heeds groups, so that
    depthwise convolutions are not drawn too small), linear layers normal with variance 1/fan_in, biases zero,
    normalizations the identity.

    Args:
        network: Made of convolutions, batch, group or layer norms and linear layers.
        generator: Source of the draws, on the network's device.

    Raises:
        TypeError: A module has parameters of its own and is none of these.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            fan_in = module.weight[0].numel()
            gain = 1.0 if isinstance(module, nn.Linear) else 2.0
            module.weight.normal_(0.0, math.sqrt(gain / fan_in), generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(
            module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.GroupNorm | nn.LayerNorm
        ):
            module.reset_parameters()
        elif list(module.parameters(recurse=False)):
            raise TypeError(f"{type(module).__name__} has parameters that are not known how to initialize")
