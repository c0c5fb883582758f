"""Calibration data: windows of a text, and what the linear layers of a model see while it reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sugata.errors import SugataError

WINDOWS_AT_ONCE = 8


@dataclass(frozen=True)
class Calibration:
    """Windows that a model reads so that compression knows what its matrices are multiplied by.

    Attributes:
        tokens: `(windows, length)` int64.
    """

    tokens: Tensor

    @cached_property
    def fingerprint(self) -> str:
        """Of shape and tokens: equal data, equal text."""
        digest = hashlib.sha256(str(tuple(self.tokens.shape)).encode())
        digest.update(np.ascontiguousarray(self.tokens.numpy()).tobytes())
        return digest.hexdigest()[:16]

    def parts(self) -> Iterator[Tensor]:
        """A few windows at a time."""
        yield from self.tokens.split(WINDOWS_AT_ONCE)


def calibration_windows(
    text: ArrayLike, *, windows: int = 32, length: int = 256, seed: int = 0
) -> Calibration:
    """Windows that begin at random tokens of a text.

    Args:
        text: its tokens, in one stream.
        windows: how many.
        length: tokens of each.
        seed: of the draw.

    Raises:
        SugataError: the text is shorter than a window.
    """
    stream = np.asarray(text)
    if len(stream) < length:
        raise SugataError(
            f"calibration: the text has {len(stream):,} tokens, fewer than a sequence of {length:,}; "
            "give more text or shorter sequences"
        )
    starts = np.random.default_rng((seed, 0xCA11B)).integers(0, len(stream) - length + 1, windows)
    chosen = stream[starts[:, None] + np.arange(length)].astype(np.int64)
    return Calibration(torch.from_numpy(chosen))


@dataclass
class Inputs:
    """Statistics of what a linear layer is given.

    Attributes:
        products: sum over tokens of x x^T, `(columns, columns)` float64: half the Hessian of the squared
            output error, the same for every row.
        magnitudes: sum over tokens of |x|, `(columns,)` float64.
        count: tokens.
    """

    products: Tensor
    magnitudes: Tensor
    count: int = 0

    def add(self, x: Tensor) -> None:
        """Tokens `(..., columns)`."""
        flat = x.detach().flatten(0, -2).float()
        self.products += (flat.T @ flat).double()
        self.magnitudes += flat.abs().sum(0).double()
        self.count += len(flat)


@contextmanager
def watched(modules: dict[str, nn.Linear]) -> Iterator[dict[str, Inputs]]:
    """Collect the inputs of these layers, by name, while the context lasts."""
    seen = {
        name: Inputs(
            torch.zeros(module.in_features, module.in_features, dtype=torch.float64),
            torch.zeros(module.in_features, dtype=torch.float64),
        )
        for name, module in modules.items()
    }
    hooks = [module.register_forward_pre_hook(_adding(seen[name])) for name, module in modules.items()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _adding(inputs: Inputs) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs.add(arguments[0])

    return hook
