"""Structured pruning: layers, attention heads or hidden channels of feed-forward networks go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sugata.compression.calibration import Calibration
from sugata.compression.importance import (
    head_magnitudes,
    layer_magnitudes,
    layer_taylor,
    layers_of,
    outgoing_taylor,
)
from sugata.compression.pruning import channel_strength, kept_channels
from sugata.errors import SugataError
from sugata.nn import LanguageModel, LayerConfig

Array = NDArray[Any]
Unit = Literal["channels", "heads", "layers"]
Importance = Literal["magnitude", "taylor"]


def remove(model: LanguageModel, ratio: float, unit: Unit, calibration: Calibration | None) -> LanguageModel:
    """The model without its least important channels, heads or layers.

    At least 8 channels, one head and one layer stay.

    Args:
        model: not changed.
        ratio: share that goes.
        unit: what goes.
        calibration: for first-order importance; None: by magnitude.

    Raises:
        SugataError: the model has no heads, or too few heads or layers for one to go.
    """
    if unit == "layers":
        scores = layer_magnitudes(model) if calibration is None else layer_taylor(model, calibration)
        count = max(1, len(scores) - round(len(scores) * ratio))
        if ratio and count == len(scores):
            raise SugataError(f"layers: none goes at {ratio:.0%} of {count}; give a larger share")
        return keep_layers(model, _strongest(scores, count))
    if unit == "heads":
        return _without_heads(model, ratio, calibration)
    chosen = {}
    outgoing = {i: layer.ffn.down for i, layer in enumerate(layers_of(model)) if layer.ffn is not None}
    taylor = {} if calibration is None else outgoing_taylor(model, calibration, outgoing)
    for index, linear in outgoing.items():
        down = linear.weight.detach().float().numpy()
        up = layers_of(model)[index].ffn.up.weight.detach().float().numpy()
        halves = np.split(up, len(up) // down.shape[1])
        strength = channel_strength(halves, down) if calibration is None else taylor[index]
        chosen[index] = _strongest(strength, kept_channels(down.shape[1], ratio))
    return keep_channels(model, chosen)


def _without_heads(model: LanguageModel, ratio: float, calibration: Calibration | None) -> LanguageModel:
    config = model.config
    with_heads = {i: layer for i, layer in enumerate(config.layers) if config.heads_of(layer)[0]}
    if not with_heads:
        mixers = ", ".join(sorted({layer.mixer for layer in config.layers}))
        raise SugataError(f"heads: no layer of {mixers} has attention heads; prune structured or layers")
    outgoing = {index: layers_of(model)[index].mixer.output for index in with_heads}
    taylor = {} if calibration is None else outgoing_taylor(model, calibration, outgoing, config.head_dim)
    chosen = {}
    for index, layer in with_heads.items():
        heads, groups = config.heads_of(layer)
        scores = head_magnitudes(model, index) if calibration is None else taylor[index]
        left = heads_left(groups, heads // groups, ratio)
        if left[0] * left[1] < heads:
            chosen[index] = _strongest_heads(scores.reshape(groups, -1), left)
    if ratio and not chosen:
        heads, groups = max(config.heads_of(layer) for layer in with_heads.values())
        raise SugataError(
            f"heads: none goes at {ratio:.0%} of {heads} query heads on {groups} key-value heads; "
            "give a larger share"
        )
    return keep_heads(model, chosen)


def heads_left(groups: int, share: int, ratio: float) -> tuple[int, int]:
    """Key-value heads that stay of `groups`, and query heads of each of them of `share`.

    Their product is as near as can be to what the ratio leaves; of equally near ones the larger, of equal
    ones that with more key-value heads. So each key-value head serves equally many, as kernels want it.
    """
    wanted = groups * share * (1 - ratio)
    found = [(g, s) for g in range(1, groups + 1) for s in range(1, share + 1)]
    return min(found, key=lambda one: (abs(one[0] * one[1] - wanted), -one[0] * one[1], -one[0]))


def _strongest_heads(scores: Array, left: tuple[int, int]) -> NDArray[np.intp]:
    """The strongest of every group of `(groups, share)`, of those groups where they sum up to most."""
    groups, share = left
    in_groups = np.sort(np.argsort(-scores, axis=1, kind="stable")[:, :share], axis=1)
    best = _strongest(np.take_along_axis(scores, in_groups, axis=1).sum(1), groups)
    return (best[:, None] * scores.shape[1] + in_groups[best]).ravel()


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


def keep_heads(model: LanguageModel, chosen: dict[int, Array]) -> LanguageModel:
    """Only these query heads, by number of the layer and place among its heads, and what they read.

    The others go from queries and output; a key-value head goes with the last query head that uses it.
    """
    values = dict(model.state_dict())
    layers = list(model.config.layers)
    width = model.config.head_dim
    for index, places in chosen.items():
        heads, groups = model.config.heads_of(layers[index])
        pairs = np.unique(places // (heads // groups))
        qkv, output = f"layers.{index}.mixer.qkv.weight", f"layers.{index}.mixer.output.weight"
        blocks = np.concatenate([places, heads + pairs, heads + groups + pairs])
        values[qkv] = values[qkv].view(heads + 2 * groups, width, -1)[torch.from_numpy(blocks)].flatten(0, 1)
        columns = values[output].view(-1, heads, width)
        values[output] = columns[:, torch.from_numpy(places)].flatten(1)
        numbers = layers[index].heads or tuple(range(heads))
        layers[index] = replace(layers[index], heads=tuple(numbers[int(place)] for place in places))
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


def _strongest(scores: Array, count: int) -> NDArray[np.intp]:
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def _built(model: LanguageModel, layers: list[LayerConfig], values: dict[str, Tensor]) -> LanguageModel:
    config = replace(model.config, layers=tuple(layers))
    smaller = LanguageModel(config, device="meta")
    smaller.load_state_dict({n: v.detach().clone() for n, v in values.items()}, assign=True)
    for parameter in smaller.parameters():
        parameter.requires_grad_()
    if config.tie_embeddings:
        smaller.head.weight = smaller.embedding.weight
    return smaller.train(model.training)
