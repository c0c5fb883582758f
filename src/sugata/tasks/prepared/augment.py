"""Augmentation policies of an image input: what a search may choose from."""

import numpy as np
from torch import Tensor

from sugata.errors import TaskError
from sugata.tasks.image.augment import AUGMENTATIONS, Augmentation, crop

NONE = "none"
#: The names that a policy is joined of with +; shift is the random crop after padding.
STEPS = {"shift": crop, **AUGMENTATIONS}


def policy(name: str, where: str) -> tuple[Augmentation, ...]:
    """The functions of a policy such as ``shift+flip``, in their order.

    Args:
        where: the field or choice that names it, for the message.

    Raises:
        TaskError: a step is unknown.
    """
    if name == NONE:
        return ()
    for step in name.split("+"):
        if step not in STEPS:
            raise TaskError(
                f"{where}: {step!r} is unknown; use none, or steps joined with +: {', '.join(STEPS)}"
            )
    return tuple(STEPS[step] for step in name.split("+"))


def augmented(images: Tensor, steps: tuple[Augmentation, ...], rng: np.random.Generator) -> Tensor:
    """Images ``(batch, channels, height, width)`` after each step."""
    for step in steps:
        images = step(images, rng)
    return images
