"""How much a layer, an attention head or a hidden channel matters: by its weights, or to first order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sugata.compression.calibration import Calibration
from sugata.nn import LanguageModel

Array = NDArray[Any]


def layer_magnitudes(model: LanguageModel) -> Array:
    """L2 norm of the matrices by which each layer writes to the stream, over their root of the width."""
    scores = []
    for layer in layers_of(model):
        written = [
            p.detach().float()
            for name, p in layer.named_parameters()
            if name in ("mixer.output.weight", "mixer.out_proj.weight", "ffn.down.weight")
        ]
        scores.append(sum(float(p.square().sum()) / p.shape[1] for p in written) ** 0.5)
    return np.array(scores)


def layer_taylor(model: LanguageModel, calibration: Calibration) -> Array:
    """|sum of gradient times what the layer adds|, the mean over windows: the loss without it, first order.

    Molchanov et al. 2019 (Importance estimation for neural network pruning), equation 6 with a gate on the
    layer's residual branch.
    """
    scores = np.zeros(len(model.layers))
    for tokens in calibration.parts():
        inputs: list[Tensor] = []
        outputs: list[Tensor] = []

        def look(
            _module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor,
            inputs: list[Tensor] = inputs, outputs: list[Tensor] = outputs,
        ) -> None:  # fmt: skip
            output.retain_grad()
            inputs.append(arguments[0])
            outputs.append(output)

        hooks = [layer.register_forward_hook(look) for layer in layers_of(model)]
        try:
            _loss(model, tokens).backward()
        finally:
            for hook in hooks:
                hook.remove()
        for index, (before, after) in enumerate(zip(inputs, outputs, strict=True)):
            assert after.grad is not None
            scores[index] += float((after.grad * (after - before).detach()).flatten(1).sum(1).abs().sum())
    model.zero_grad(set_to_none=True)
    return scores / len(calibration.tokens)


@torch.no_grad()
def head_magnitudes(model: LanguageModel, index: int) -> Array:
    """Frobenius norm of what each head of a layer makes of its input: output columns times value rows.

    What the criterion of feed-forward channels (`channel_strength`) is for a channel, whose product has rank
    one: it does not change when a factor, or here any invertible matrix, moves from one side to the other.
    """
    mixer = layers_of(model)[index].mixer
    heads, groups = model.config.heads_of(model.config.layers[index])
    width = mixer.head_dim
    values = mixer.qkv.weight.detach().float()[-groups * width :].view(groups, width, -1)
    values = values.repeat_interleave(heads // groups, dim=0)
    outputs = mixer.output.weight.detach().float().view(-1, heads, width).transpose(0, 1)
    strength: Array = torch.linalg.matrix_norm(outputs @ values).numpy()
    return strength


def outgoing_taylor(
    model: LanguageModel, calibration: Calibration, outgoing: Mapping[int, nn.Linear], width: int = 1
) -> dict[int, Array]:
    """|sum of gradient times weight| over the columns of each unit, the mean over windows.

    That sum is the one of gradient times activation: the loss without the unit, to first order. Michel et al.
    2019 (Are sixteen heads really better than one?), equation 2, where the unit is a head; Molchanov et al.
    2019, equation 6, where it is a channel.

    Args:
        model: its gradients are thrown away.
        calibration: what it reads.
        outgoing: the linear layer that reads the units, by number of the layer.
        width: columns of a unit: 1 for channels, the width of a head.
    """
    scores = {index: np.zeros(linear.in_features // width) for index, linear in outgoing.items()}
    for tokens in calibration.tokens.split(1):
        model.zero_grad(set_to_none=True)
        _loss(model, tokens).backward()
        for index, linear in outgoing.items():
            assert linear.weight.grad is not None
            change = (linear.weight.grad * linear.weight.detach()).sum(0)
            scores[index] += change.view(-1, width).sum(1).abs().numpy()
    model.zero_grad(set_to_none=True)
    return {index: score / len(calibration.tokens) for index, score in scores.items()}


def layers_of(model: LanguageModel) -> list[Any]:
    """The layers, without a type: their parts are looked up by name."""
    return list(model.layers)


def _loss(model: LanguageModel, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum") / tokens.shape[1]
