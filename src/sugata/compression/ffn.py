"""Structured pruning of feed-forward networks: hidden channels go, and matrices really get smaller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.compression.pruning import strongest_channels
from sugata.nn import LanguageModelConfig

Array = NDArray[Any]


def remove_channels(values: Mapping[str, Array], config: LanguageModelConfig) -> dict[str, Array]:
    """Keep the strongest hidden channels of every feed-forward network, RWKV's channel mixing included.

    Args:
        values: parameters of a language model by name.
        config: the wanted configuration: the model's own with other `ffn_dim`s.

    Returns:
        The parameters of the smaller model. Unchanged arrays are shared.
    """
    smaller = dict(values)
    for index, layer in enumerate(config.layers):
        up, down = f"layers.{index}.ffn.up.weight", f"layers.{index}.ffn.down.weight"
        if up in values:
            smaller[up], smaller[down] = _smaller(values[up], values[down], layer.ffn_dim)
    return smaller


def _smaller(into: Array, out_of: Array, count: int) -> tuple[Array, Array]:
    """The strongest `count` channels of `into` `(ffn_dim or 2 ffn_dim, dim)` and `out_of` `(dim, ffn_dim)`.

    Gated networks hold the gate's rows above those of what it gates, in one matrix.
    """
    halves = np.split(into, len(into) // out_of.shape[1])
    chosen = strongest_channels(halves, out_of, count)
    return np.concatenate([half[chosen] for half in halves]), np.ascontiguousarray(out_of[:, chosen])
