"""Prepared images on disk: decoded, divided and stored once, opened by every worker.

Layout of the cache folder::

    image_sources/KEY.json           which images a listing of files and the settings give
    images-FINGERPRINT/images.json   what they are: sizes, classes, statistics of the training images
                       SPLIT.images.npy   (images, channels, height, width) uint8
                       SPLIT.targets.npy  class numbers (images,) int64, or values (images, outputs) float32
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.tasks.cache import new_folder, write_text
from sugata.tasks.image.decode import Pixels, decode
from sugata.tasks.image.labels import class_numbers, real_values
from sugata.tasks.image.sources import find_source
from sugata.tasks.image.split import divide

FORMAT = 1  # of what is stored and how it is made: a change makes everything anew
Predict = Literal["class", "value"]


@dataclass(frozen=True)
class ImageSettings:
    """What decides the prepared images.

    Attributes:
        data: as `find_source` takes it.
        predict: a class, or one or more values.
        resize: height and width to bring every image to; as they are when None.
        max_samples: at most so many images train; all when None.
        validation_share: part of the images held out for validation, where the source gives no such split.
        test_share: the same for test.
        validation_images: so many, in place of the share.
        classes: how many classes the data must have; None: as many as they have.
    """

    data: str = "digits"
    predict: Predict = "class"
    resize: int | None = None
    max_samples: int | None = None
    validation_share: float = 0.1
    test_share: float = 0.2
    validation_images: int | None = None
    classes: int | None = None

    def __post_init__(self) -> None:
        if self.predict not in ("class", "value"):
            raise DataError(f"task.predict: {self.predict!r} is unknown; use class or value")
        for name in ("validation_share", "test_share"):
            if not 0 < getattr(self, name) <= 0.5:
                raise DataError(f"task.{name}: {getattr(self, name)} is not between 0 and 0.5; try 0.1")
        if self.max_samples is not None and self.max_samples < 2:
            raise DataError(
                f"task.max_samples: {self.max_samples} is too few to learn from; leave it out for all"
            )


@dataclass(frozen=True)
class PreparedImages:
    """Prepared images in their folder."""

    folder: Path

    @property
    def fingerprint(self) -> str:
        """A name for the pixels, their targets and their division into splits."""
        return self.folder.name.removeprefix("images-")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The contents of ``images.json``."""
        facts: dict[str, Any] = json.loads((self.folder / "images.json").read_text("utf-8"))
        return facts

    def images(self, split: str) -> Pixels:
        """``(images, channels, height, width)``, memory-mapped."""
        return np.load(self.folder / f"{split}.images.npy", mmap_mode="r")

    def targets(self, split: str) -> NDArray[Any]:
        """Class numbers ``(images,)``, or values ``(images, outputs)``."""
        return np.load(self.folder / f"{split}.targets.npy")


def open_images(
    settings: ImageSettings, cache_dir: Path, *, say: Callable[[str], None] = lambda message: None
) -> PreparedImages:
    """The images that the settings describe, from the cache where their source has not changed.

    Raises:
        DataError: the source is missing, empty, unreadable or wrong; names the image and the remedy.
    """
    source = find_source(settings.data)
    described = json.dumps([FORMAT, source.listing(), asdict(settings)])
    key = hashlib.blake2b(described.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    index = cache_dir / "image_sources" / f"{key}.json"
    try:
        prepared = PreparedImages(cache_dir / json.loads(index.read_text("utf-8"))["images"])
        if prepared.folder.is_dir():
            return prepared
    except (OSError, ValueError, KeyError):
        pass  # not prepared yet, or an index that was damaged: it is written anew
    say(f"reading images of {settings.data}")
    samples = source.read()
    classes, names = class_numbers(samples) if settings.predict == "class" else (None, ())
    if settings.classes is not None and classes is not None and len(names) != settings.classes:
        raise DataError(
            f"task.classes: {settings.data} has {len(names)} classes, not {settings.classes}; give other"
            " data, or leave it out"
        )
    targets = real_values(samples) if classes is None else classes
    held = settings.validation_images or settings.validation_share
    shares = {"validation": held, "test": settings.test_share}
    numbers = divide(samples, classes, shares, settings.max_samples)
    used = np.unique(np.concatenate(list(numbers.values())))
    pixels = decode(samples, used, settings.resize, say)
    splits = {
        split: (pixels[np.searchsorted(used, chosen)], targets[chosen]) for split, chosen in numbers.items()
    }
    facts = {
        "source": settings.data,
        "shape": list(pixels.shape[1:]),
        "classes": list(names),
        "outputs": len(names) if classes is not None else targets.shape[1],
        "counts": {split: len(chosen) for split, chosen in numbers.items()},
        **_statistics(*splits["train"], classes is None),
    }
    prepared = _store(splits, facts, cache_dir)
    write_text(index, json.dumps({"images": prepared.folder.name, "source": settings.data}))
    return prepared


def _statistics(pixels: Pixels, targets: NDArray[Any], values: bool) -> dict[str, list[float]]:
    """Mean and deviation of training images, by channel, in [0, 1]; of the targets, where they are values."""
    found: dict[str, list[float]] = {"mean": [], "std": [], "target_mean": [], "target_std": []}
    levels = np.arange(256) / 255
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[:, channel].ravel(), minlength=256)
        mean = float(counts @ levels / counts.sum())
        found["mean"].append(mean)
        found["std"].append(max(float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())), 1 / 255))
    if values:
        found["target_mean"] = targets.mean(0).tolist()
        found["target_std"] = np.maximum(targets.std(0), 1e-12).tolist()
    return found


def _store(
    splits: dict[str, tuple[Pixels, NDArray[Any]]], facts: dict[str, Any], cache_dir: Path
) -> PreparedImages:
    digest = hashlib.blake2b(json.dumps([FORMAT, facts["classes"]]).encode(), digest_size=8)
    for pixels, targets in splits.values():
        digest.update(np.ascontiguousarray(pixels).data)
        digest.update(np.ascontiguousarray(targets).data)
    prepared = PreparedImages(cache_dir / f"images-{digest.hexdigest()}")
    if prepared.folder.is_dir():
        return prepared
    with new_folder(prepared.folder) as folder:
        for split, (pixels, targets) in splits.items():
            np.save(folder / f"{split}.images.npy", pixels)
            np.save(folder / f"{split}.targets.npy", targets)
        (folder / "images.json").write_text(json.dumps(facts, indent=1), "utf-8")
    return prepared
