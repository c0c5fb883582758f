"""From image files and arrays to one array of pixels."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.tasks.image.samples import Image, Samples

Pixels = NDArray[np.uint8]
_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"})
_DEEP = frozenset(
    {"I", "I;16", "I;16B", "I;16L", "F"}
)  # grey with more than 8 bits, which Pillow would cut off


def decode(
    samples: Samples, numbers: NDArray[np.int64], resize: int | None, say: Callable[[str], None]
) -> Pixels:
    """Some of the images, ``(images, channels, height, width)`` uint8: one channel if all are grey, else 3.

    Args:
        numbers: which images.
        resize: height and width to bring every image to; as they are when None.

    Raises:
        DataError: an image is unreadable, or sizes are mixed and ``resize`` is not given.
    """
    if resize is not None and resize < 1:
        raise DataError(f"task.resize: {resize} is not positive; try 32")
    say(f"decoding {len(numbers):,} images")
    described = [_checked(_describe, samples.images[i], samples.place(i)) for i in numbers]
    found = [(height, width) for height, width, _ in described]
    sizes = {size: int(numbers[found.index(size)]) for size in set(found)}
    if len(sizes) > 1 and resize is None:
        (one, first), (two, second) = sorted(sizes.items(), key=lambda item: item[1])[:2]
        raise DataError(
            f"data: images of mixed sizes: {samples.place(first)} is {one[0]} x {one[1]}, "
            f"{samples.place(second)} is {two[0]} x {two[1]}; set task.resize, such as resize: 32"
        )
    channels = 1 if all(grey for _, _, grey in described) else 3
    height, width = next(iter(sizes)) if resize is None else (resize, resize)
    pixels = np.empty((len(described), channels, height, width), np.uint8)
    for row, number in enumerate(numbers):
        read = partial(_read, channels=channels, resize=resize)
        pixels[row] = _checked(read, samples.images[number], samples.place(number))
    return pixels


def _checked(read: Callable[[Image], Any], image: Image, place: str) -> Any:
    from PIL import UnidentifiedImageError

    try:
        return read(image)
    except UnidentifiedImageError:
        raise DataError(f"data: {place} is not an image that can be read; remove or replace it") from None
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises of damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"data: {place} cannot be read as an image ({reason}); remove or replace it"
        ) from None


def _describe(image: Image) -> tuple[int, int, bool]:
    """Height, width, and whether it is grey."""
    from PIL import Image as Pillow

    if isinstance(image, np.ndarray):
        height, width, *channels = _channels_last(image).shape
        return height, width, channels in ([], [1])
    with Pillow.open(_file(image)) as opened:
        return opened.height, opened.width, opened.mode in _GREY


def _read(image: Image, channels: int, resize: int | None) -> Pixels:
    """One image, ``(channels, height, width)``."""
    from PIL import Image as Pillow

    if isinstance(image, np.ndarray):
        array = _eight_bits(_channels_last(image))
        opened = Pillow.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    else:
        opened = eight_bits(Pillow.open(_file(image)))
    with opened:
        converted = opened.convert("L" if channels == 1 else "RGB")
        if resize is not None and converted.size != (resize, resize):
            converted = converted.resize((resize, resize), Pillow.Resampling.BILINEAR)
        found = np.asarray(converted)
    return found[None] if channels == 1 else found.transpose(2, 0, 1)


def eight_bits(image: Any) -> Any:
    """A Pillow image as one of 8 bits a channel: 16 bits are scaled, and so are floats from 0 to 1.

    Raises:
        ValueError: other numbers, whose range is not known.
    """
    from PIL import Image as Pillow

    if image.mode not in _DEEP:
        return image
    levels = np.asarray(image)
    return Pillow.fromarray(_eight_bits(levels / 65535 if image.mode.startswith("I;16") else levels))


def _file(image: bytes | Path) -> Any:
    return io.BytesIO(image) if isinstance(image, bytes) else image


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """``(height, width)`` or ``(height, width, channels)``; arrays with channels first are turned."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        return array
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        return array.transpose(1, 2, 0)
    raise ValueError(f"its shape is {array.shape}; give height, width and 1, 3 or no channels")


def _eight_bits(array: NDArray[Any]) -> Pixels:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
        return np.round(array * 255).astype(np.uint8)
    if array.dtype.kind in "iuf" and array.min() >= 0 and array.max() <= 255:
        return np.round(array).astype(np.uint8)
    raise ValueError(
        f"its values go from {array.min():g} to {array.max():g}; give 0 to 255, or floats from 0 to 1"
    )
