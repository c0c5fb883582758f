"""What a language model computes inside: logits, hidden states, attention."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sugata.nn import LanguageModel
from sugata.nn.attention import Attention


@dataclass(frozen=True)
class Seen:
    """One forward pass.

    Attributes:
        logits: ``(batch, length, vocabulary)``.
        hidden: after every layer, ``(batch, length, dim)``; empty where nobody asked.
        attention: of every layer that has it, ``(batch, heads, length, length)``; empty where nobody asked.
    """

    logits: Tensor
    hidden: tuple[Tensor, ...] = ()
    attention: tuple[Tensor, ...] = ()


def observe(model: LanguageModel, tokens: Tensor, *, hidden: bool, attention: bool) -> Seen:
    """The forward pass of a model over tokens ``(batch, length)``; gradients flow through all of it."""
    states: list[Tensor] = []
    weights: list[Tensor] = []

    def keep_state(module: nn.Module, inputs: Any, output: Tensor) -> None:
        states.append(output)

    def keep_attention(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, Attention)
        weights.append(module.weights(inputs[0]))

    with ExitStack() as hooks:
        for layer in model.layers:
            mixer = layer.mixer
            if hidden:
                hooks.callback(layer.register_forward_hook(keep_state).remove)
            if attention and isinstance(mixer, Attention):
                hooks.callback(mixer.register_forward_pre_hook(keep_attention).remove)
        logits = model(tokens)
    return Seen(logits, tuple(states), tuple(weights))


def device_of(model: nn.Module) -> torch.device:
    """Where the model lies."""
    return next(model.parameters()).device
