"""Image tasks: reading, decoding and dividing images once, augmenting and scoring them in batches."""

from sugata.tasks.image.augment import AUGMENTATIONS
from sugata.tasks.image.cache import ImageSettings, PreparedImages, open_images
from sugata.tasks.image.sources import find_source
from sugata.tasks.image.task import CROSS_ENTROPY, MEAN_ABSOLUTE_ERROR, ROOT_MEAN_SQUARED_ERROR, ImageTask

__all__ = [
    "AUGMENTATIONS",
    "CROSS_ENTROPY",
    "MEAN_ABSOLUTE_ERROR",
    "ROOT_MEAN_SQUARED_ERROR",
    "ImageSettings",
    "ImageTask",
    "PreparedImages",
    "find_source",
    "open_images",
]
