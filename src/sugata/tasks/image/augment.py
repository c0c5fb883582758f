"""Augmentation of whole batches of images, in torch, every draw from the generator of the batches.

Images are ``(batch, channels, height, width)`` float32 from 0 to 1; what comes in from outside is black.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sugata.errors import RecipeError

Augmentation = Callable[[Tensor, np.random.Generator], Tensor]

_CROP = 1 / 8  # padding, as a share of the side: 4 pixels of 32 (He et al. 2016, section 4.2)
_CUTOUT = 1 / 2  # side of the square, as a share of the image's: 16 pixels of 32 (DeVries & Taylor 2017)
_ANGLE = 10.0  # degrees
_SCALE = 0.1
_SHIFT = 0.08  # of the side


def crop(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Shift by up to an eighth of the side, each image on its own: a random crop after padding."""
    batch, _, height, width = images.shape
    pad_y, pad_x = max(1, round(height * _CROP)), max(1, round(width * _CROP))
    padded = F.pad(images, (pad_x, pad_x, pad_y, pad_y)).permute(0, 2, 3, 1)
    rows = torch.from_numpy(rng.integers(0, 2 * pad_y + 1, (batch, 1)) + np.arange(height))
    columns = torch.from_numpy(rng.integers(0, 2 * pad_x + 1, (batch, 1)) + np.arange(width))
    chosen = padded[torch.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return chosen.permute(0, 3, 1, 2)


def flip(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirror every second image, left to right."""
    chosen = torch.from_numpy(rng.random(len(images)) < 0.5)
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def cutout(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Blacken a square of half the side around a random pixel (DeVries & Taylor 2017).

    Departure: black, where they set the mean of the data.
    """
    batch, _, height, width = images.shape
    rows = _outside(rng.integers(0, height, batch), height)
    columns = _outside(rng.integers(0, width, batch), width)
    return images * (rows[:, None, :, None] | columns[:, None, None, :])


def _outside(centres: np.ndarray, size: int) -> Tensor:
    """``(batch, size)``: which positions are not within the square around each centre."""
    start = centres[:, None] - max(1, round(size * _CUTOUT)) // 2
    positions = np.arange(size)
    return torch.from_numpy((positions < start) | (positions >= start + max(1, round(size * _CUTOUT))))


def affine(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Turn by up to 10 degrees, scale by up to a tenth and shift by up to 8 %: for digits and signs."""
    batch = len(images)
    angle = np.deg2rad(rng.uniform(-_ANGLE, _ANGLE, batch))
    scale = np.exp(rng.uniform(-1, 1, (batch, 2)) * math.log1p(_SCALE))
    shift = 2 * rng.uniform(-_SHIFT, _SHIFT, (batch, 2))
    matrices = np.empty((batch, 2, 3), np.float32)
    matrices[:, 0, 0], matrices[:, 0, 1] = scale[:, 0] * np.cos(angle), -scale[:, 0] * np.sin(angle)
    matrices[:, 1, 0], matrices[:, 1, 1] = scale[:, 1] * np.sin(angle), scale[:, 1] * np.cos(angle)
    matrices[:, :, 2] = shift
    grid = F.affine_grid(torch.from_numpy(matrices), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {"crop": crop, "flip": flip, "cutout": cutout, "affine": affine}
)


def augmentations(names: tuple[str, ...]) -> tuple[Augmentation, ...]:
    """The functions of these names, in their order.

    Raises:
        RecipeError: one is unknown.
    """
    for name in names:
        if name not in AUGMENTATIONS:
            raise RecipeError(f"task.augment: {name!r} is unknown; use {', '.join(AUGMENTATIONS)}")
    return tuple(AUGMENTATIONS[name] for name in names)
