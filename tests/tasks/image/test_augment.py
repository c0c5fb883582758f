"""Augmentations of batches of images."""

import numpy as np
import pytest
import torch

from sugata.tasks.image import AUGMENTATIONS


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(64, 3, 16, 12, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_and_range_are_kept_and_images_differ_in_what_happens_to_them(
    name: str, images: torch.Tensor
) -> None:
    before = images.clone()
    changed = AUGMENTATIONS[name](images, np.random.default_rng(0))
    assert torch.equal(images, before)
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 1 + 1e-5
    same = AUGMENTATIONS[name](images[:1].expand_as(images), np.random.default_rng(0))
    assert len({tuple(one.flatten().tolist()) for one in same}) >= 2


def test_a_crop_is_a_shift_with_black_borders(images: torch.Tensor) -> None:
    changed = AUGMENTATIONS["crop"](images, np.random.default_rng(0))
    for before, after in zip(images[:8], changed, strict=False):
        shifts = [
            torch.roll(torch.nn.functional.pad(before, (2, 2, 2, 2)), (dy, dx), (1, 2))[:, 2:-2, 2:-2]
            for dy in range(-2, 3)
            for dx in range(-2, 3)
        ]
        assert any(torch.equal(after, shift) for shift in shifts)


def test_half_of_the_images_are_mirrored(images: torch.Tensor) -> None:
    changed = AUGMENTATIONS["flip"](images, np.random.default_rng(0))
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(changed, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(changed, images, strict=True)]
    assert 16 < sum(mirrored) < 48
    assert sum(mirrored) + sum(kept) == 64


def test_cutout_blackens_at_most_a_quarter_and_nothing_else(images: torch.Tensor) -> None:
    changed = AUGMENTATIONS["cutout"](images, np.random.default_rng(0))
    black = (changed == 0).all(1)
    assert torch.equal(changed[~black[:, None].expand_as(changed)], images[~black[:, None].expand_as(images)])
    shares = black.float().mean((1, 2))
    assert shares.max() == 0.25
    assert shares.min() >= 1 / 16 - 0.02


def test_an_affine_change_is_small() -> None:
    dot = torch.zeros(200, 1, 29, 29)
    dot[:, :, 13:16, 13:16] = 1
    changed = AUGMENTATIONS["affine"](dot, np.random.default_rng(0))
    grid = torch.arange(29.0)
    mass = changed.sum((1, 2, 3))
    centres = (changed.sum((1, 3)) @ grid / mass - 14).abs()
    assert centres.max() < 0.08 * 29 * 1.2
    assert centres.max() > 1
