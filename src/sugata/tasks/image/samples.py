"""Images that are not decoded yet, with their labels and splits: what every source is read into."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {"train": "train", "training": "train", "validation": "validation", "valid": "validation",
               "val": "validation", "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip

Label = int | float | str | Sequence[float]
Image = bytes | Path | NDArray[Any]


@dataclass(frozen=True)
class Samples:
    """Images that are not decoded yet, with their labels.

    Attributes:
        images: content of image files, paths of image files, or arrays of pixels.
        labels: class numbers or names, or values.
        splits: the split that the source gives each of them, or None.
        names: of the classes, where the source says them; labels are numbers of these then.
        places: what to call each image in an error; its number where empty.
    """

    images: Sequence[Image]
    labels: Sequence[Label]
    splits: Sequence[str | None]
    names: tuple[str, ...] = ()
    places: Sequence[str] = field(default=())

    def place(self, number: int) -> str:
        """What to call an image in an error."""
        return self.places[number] if self.places else f"image {number}"


def split_of(name: str) -> str | None:
    """The split in a file's name such as ``test-00000-of-00001.parquet`` or ``x_val``."""
    words = name.lower().replace(".", "-").replace("_", "-").split("-")
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def in_split(samples: Samples, split: str) -> Iterator[int]:
    """Numbers of the images that the source puts into a split."""
    return (number for number, own in enumerate(samples.splits) if own == split)
