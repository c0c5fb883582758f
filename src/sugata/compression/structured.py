"""Structured pruning: whole layers or hidden channels of feed-forward networks go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sugata.compression.calibration import Calibration
from sugata.compression.pruning import channel_strength, kept_channels
from sugata.nn import LanguageModel

Array = NDArray[Any]
Unit = Literal["channels", "layers"]
Importance = Literal["magnitude", "taylor"]


def remove(model: LanguageModel, ratio: float, unit: Unit, calibration: Calibration | None) -> LanguageModel:
    """The model without its least important channels or layers; at least 8 channels and one layer stay.

    Args:
        model: not changed.
        ratio: share that goes.
        unit: what goes.
        calibration: for first-order importance; None: by magnitude.
    """
    if unit == "layers":
        scores = layer_magnitudes(model) if calibration is None else layer_taylor(model, calibration)
        count = max(1, len(scores) - round(len(scores) * ratio))
        return keep_layers(model, _strongest(scores, count))
    chosen = {}
    taylor = channel_taylor(model, calibration) if calibration is not None else {}
    for index, layer in enumerate(_layers(model)):
        if layer.ffn is None:
            continue
        down = layer.ffn.down.weight.detach().float().numpy()
        halves = np.split(
            layer.ffn.up.weight.detach().float().numpy(), len(layer.ffn.up.weight) // down.shape[1]
        )
        strength = taylor[index] if calibration is not None else channel_strength(halves, down)
        chosen[index] = _strongest(strength, kept_channels(down.shape[1], ratio))
    return keep_channels(model, chosen)


def keep_channels(model: LanguageModel, chosen: dict[int, Array]) -> LanguageModel:
    """Only these hidden channels of the feed-forward networks, by number of the layer."""
    values = dict(model.state_dict())
    layers = list(model.config.layers)
    for index, channels in chosen.items():
        up, down = f"layers.{index}.ffn.up.weight", f"layers.{index}.ffn.down.weight"
        width = values[down].shape[1]
        kept = torch.from_numpy(channels)
        starts = range(0, len(values[up]), width)  # gated networks hold two matrices in one
        values[up] = values[up][torch.cat([kept + start for start in starts])]
        values[down] = values[down][:, kept]
        layers[index] = replace(layers[index], ffn_dim=len(channels))
    return _built(model, layers, values)


def keep_layers(model: LanguageModel, chosen: Array) -> LanguageModel:
    """Only these layers, in their order."""
    kept = [int(index) for index in chosen]
    values = {}
    for name, value in model.state_dict().items():
        first, _, rest = name.partition(".")
        number, _, inner = rest.partition(".")
        if first != "layers":
            values[name] = value
        elif int(number) in kept:
            values[f"layers.{kept.index(int(number))}.{inner}"] = value
    return _built(model, [model.config.layers[index] for index in kept], values)


def layer_magnitudes(model: LanguageModel) -> Array:
    """L2 norm of the matrices by which each layer writes to the stream, over their root of the width."""
    scores = []
    for layer in _layers(model):
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

        hooks = [layer.register_forward_hook(look) for layer in _layers(model)]
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


def channel_taylor(model: LanguageModel, calibration: Calibration) -> dict[int, Array]:
    """|sum of gradient times weight| over the outgoing weights of each channel, the mean over windows.

    That sum is the one of gradient times activation, the loss without the channel to first order.
    """
    scores = {
        index: np.zeros(layer.ffn.down.in_features)
        for index, layer in enumerate(_layers(model))
        if layer.ffn is not None
    }
    for tokens in calibration.tokens.split(1):
        model.zero_grad(set_to_none=True)
        _loss(model, tokens).backward()
        for index in scores:
            weight = _layers(model)[index].ffn.down.weight
            assert weight.grad is not None
            scores[index] += (weight.grad * weight.detach()).sum(0).abs().numpy()
    model.zero_grad(set_to_none=True)
    return {index: score / len(calibration.tokens) for index, score in scores.items()}


def _loss(model: LanguageModel, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="sum") / tokens.shape[1]


def _layers(model: LanguageModel) -> list[Any]:
    return list(model.layers)


def _strongest(scores: Array, count: int) -> NDArray[np.intp]:
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def _built(model: LanguageModel, layers: list[Any], values: dict[str, Tensor]) -> LanguageModel:
    config = replace(model.config, layers=tuple(layers))
    smaller = LanguageModel(config, device="meta")
    smaller.load_state_dict({n: v.detach().clone() for n, v in values.items()}, assign=True)
    for parameter in smaller.parameters():
        parameter.requires_grad_()
    if config.tie_embeddings:
        smaller.head.weight = smaller.embedding.weight
    return smaller.train(model.training)
