"""Images: arrays in either layout, Pillow images, paths and folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from sugata.errors import DataError, InputError
from sugata.space import TensorSpec
from sugata.tasks.image.decode import decode, eight_bits
from sugata.tasks.image.samples import Samples
from sugata.tasks.prepared.adapters import Array, InputAdapter
from sugata.tasks.prepared.array_input import moments

_CHANNELS = (1, 2, 3, 4)


@dataclass(frozen=True)
class ImageAdapter(InputAdapter):
    """Images as ``(rows, channels, height, width)``: bytes where they are whole numbers to 255, else float32.

    A network sees bytes as floats from 0 to 1, other numbers as they are.

    Attributes:
        channels: 1 for grey images.
        eight_bits: whether they are stored in bytes.
        resize: height and width that images are brought to; None: all have one size.
        most: the largest value of those that were fitted; None: not known.
    """

    kind: ClassVar[str] = "image"
    channels: int
    height: int
    width: int
    eight_bits: bool = True
    resize: int | None = None
    most: float | None = None

    @classmethod
    def fit(cls, raw: Any, *, resize: int | None = None) -> Self:
        """Take size and type of the images.

        Args:
            raw: an array ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``; or a sequence of arrays, Pillow
                images or paths, which may differ in size where ``resize`` is given.

        Raises:
            InputError: no images, or images of mixed sizes without ``resize``.
        """
        pixels = _pixels(raw, resize)
        _, channels, height, width = pixels.shape
        return cls(channels, height, width, pixels.dtype == np.uint8, resize, float(pixels.max()))

    def transform(self, raw: Any) -> Array:
        """``(rows, channels, height, width)``, uint8 or float32."""
        pixels = _pixels(raw, self.resize)
        if pixels.shape[1] != self.channels and {pixels.shape[1], self.channels} == {1, 3}:
            pixels = _recoloured(pixels)
        if pixels.shape[1:] != (self.channels, self.height, self.width):
            channels, height, width = pixels.shape[1:]
            raise InputError(
                f"images: {height} x {width} pixels with {_named(channels)}; the model was fitted on"
                f" {self.height} x {self.width} with {_named(self.channels)}"
            )
        if not self.eight_bits:
            if self.most is not None and self.most <= 1 < pixels.max() and pixels.dtype == np.uint8:
                raise InputError(
                    f"images: whole numbers from 0 to 255; the model was fitted on values up to"
                    f" {self.most:g}: divide by 255"
                )
            return pixels.astype(np.float32)
        found = pixels.astype(np.uint8)
        if not np.array_equal(found, pixels):
            raise InputError(
                f"images: values from {pixels.min():g} to {pixels.max():g}; the model was fitted on whole"
                " numbers from 0 to 255"
            )
        return found

    def spec(self, name: str) -> TensorSpec:
        """``(batch, channels, height, width)``."""
        return TensorSpec(name, ("batch", self.channels, self.height, self.width), "float32")

    def tensor(self, stored: Array) -> Tensor:
        """Floats; bytes from 0 to 1."""
        found = torch.from_numpy(np.ascontiguousarray(stored))
        return found.float() / 255 if self.eight_bits else found

    def statistics(self, stored: Array) -> dict[str, Any]:
        """Mean and deviation of each channel, as the network sees it."""
        if not self.eight_bits:
            return moments(stored, 1)
        levels = np.arange(256) / 255
        found: dict[str, Any] = {"mean": [], "std": []}
        for channel in range(self.channels):
            counts = np.bincount(stored[:, channel].ravel(), minlength=256)
            mean = float(counts @ levels / counts.sum())
            found["mean"].append(mean)
            found["std"].append(max(float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())), 1 / 255))
        return found

    def describe(self) -> str:
        """Size and channels."""
        return f"images of {self.height} x {self.width} pixels, {_named(self.channels)}"


def _named(channels: int) -> str:
    return "1 channel" if channels == 1 else f"{channels} channels"


def _recoloured(pixels: Array) -> Array:
    """Grey as three equal channels; colours as their luma (ITU-R BT.601, as Pillow converts)."""
    if pixels.shape[1] == 1:
        return np.repeat(pixels, 3, axis=1)
    grey = np.tensordot(pixels, np.array([0.299, 0.587, 0.114]), (1, 0))[:, None]
    return np.round(grey).astype(np.uint8) if pixels.dtype == np.uint8 else grey


def _pixels(raw: Any, resize: int | None) -> Array:
    """Images of any form as ``(rows, channels, height, width)``."""
    if isinstance(raw, str | Path):
        raise InputError(f"images: {raw} is one path; give a list of paths, or read the folder first")
    if isinstance(raw, torch.Tensor):
        raw = raw.detach().cpu().numpy()
    if not isinstance(raw, np.ndarray):
        raw = list(raw)
        if raw and all(isinstance(one, np.ndarray) and one.shape == raw[0].shape for one in raw):
            raw = np.stack(raw)
        elif raw and isinstance(raw[0], list | tuple):
            raw = np.asarray(raw)
    if not len(raw):
        raise InputError("images: there are none; give at least one")
    if not isinstance(raw, np.ndarray) or raw.dtype == object:
        return _decoded(list(raw), resize)
    pixels = _eight_bits(_channels_first(raw))
    if resize is None or pixels.shape[2:] == (resize, resize):
        return pixels
    return _resized(pixels, resize)


def _channels_first(array: Array) -> Array:
    if array.dtype.kind not in "biuf":
        raise InputError(f"images: an array of {array.dtype}; give numbers")
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4 and array.shape[3] in _CHANNELS:
        return array.transpose(0, 3, 1, 2)
    if array.ndim == 4 and array.shape[1] in _CHANNELS:
        return array
    raise InputError(
        f"images: an array of shape {array.shape}; give (n, height, width), (n, height, width, channels) or"
        " (n, channels, height, width) with 1 to 4 channels"
    )


def _eight_bits(pixels: Array) -> Array:
    """Bytes where all are whole numbers from 0 to 255."""
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if pixels.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(pixels).reshape(len(pixels), -1).all(1))
        if len(wrong):
            raise InputError("images: image {row} has NaN or infinity; replace it", int(wrong[0]))
    low, high = pixels.min(), pixels.max()
    if low >= 0 and high <= 255 and (high > 1 or pixels.dtype.kind != "f"):
        found = pixels.astype(np.uint8)
        if pixels.dtype.kind != "f" or np.array_equal(found, pixels):
            return found
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _resized(pixels: Array, side: int) -> Array:
    images = torch.from_numpy(pixels).float()
    found = torch.nn.functional.interpolate(
        images, size=(side, side), mode="bilinear", antialias=True
    ).numpy()
    return np.round(found).astype(np.uint8) if pixels.dtype == np.uint8 else found


def _decoded(raw: Sequence[Any], resize: int | None) -> Array:
    """Pillow images, paths, contents of files, and arrays of several sizes."""
    images = [_image(one, number) for number, one in enumerate(raw)]
    places = [
        str(one) if isinstance(one, str | Path) else f"image {number}" for number, one in enumerate(raw)
    ]
    samples = Samples(images, [], [], places=places)
    try:
        return decode(samples, np.arange(len(images)), resize, lambda message: None)
    except DataError as error:
        text = str(error).replace("set task.resize, such as resize: 32", "set resize, such as resize=32")
        raise InputError(text) from None


def _image(one: Any, number: int) -> bytes | Path | Array:
    if isinstance(one, bytes | Path | np.ndarray):
        return one
    if isinstance(one, str):
        return Path(one)
    if isinstance(one, torch.Tensor):
        found: Array = one.detach().cpu().numpy()
        return found
    if hasattr(one, "convert") and hasattr(one, "mode"):  # a Pillow image
        try:
            image = eight_bits(one)
        except ValueError as error:
            raise InputError(f"images: image {{row}}: {error}", number) from None
        return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    if isinstance(one, dict) and isinstance(one.get("bytes"), bytes):  # Hugging Face's undecoded image
        content: bytes = one["bytes"]
        return content
    raise InputError(f"images: image {number} is a {type(one).__name__}; give arrays, Pillow images or paths")
