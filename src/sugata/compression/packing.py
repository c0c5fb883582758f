"""Tensors as they are stored: 16-bit floats or 8- and 4-bit integers, dense or as mask and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sugata.compression.quantization import dequantize, pack_nibbles, quantize_columns, unpack_nibbles
from sugata.errors import SugataError

Array = NDArray[Any]
Storage = Literal["fp16", "int8", "int4"]

GROUP_SIZE = 32  # columns that share one scale in int4 storage


@dataclass(frozen=True)
class Layout:
    """What a tensor looks like in a file, known from shapes alone, before there are values.

    Attributes:
        shape: the tensor's shape as the model sees it.
        storage: number format of the values.
        kept: how many values pruning leaves, or None for a tensor that is not pruned.
    """

    shape: tuple[int, ...]
    storage: Storage = "fp16"
    kept: int | None = None

    @property
    def sparse(self) -> bool:
        """Whether a bit mask and the kept values take fewer bytes than all values."""
        count = prod(self.shape)
        if self.kept is None:
            return False
        return _value_bytes(self.storage, self.kept) + -(-count // 8) < _value_bytes(self.storage, count)

    def parts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The arrays this tensor consists of: part name -> (safetensors dtype, shape); "" are the values."""
        count = prod(self.shape)
        stored = (self.kept or 0,) if self.sparse else self.shape
        parts: dict[str, tuple[str, tuple[int, ...]]] = {}
        if self.storage == "fp16":
            parts[""] = ("F16", stored)
        elif self.storage == "int8":
            parts[""] = ("I8", stored)
            parts["scale"] = ("F16", (self.shape[0], 1))
        else:
            parts[""] = ("U8", (-(-prod(stored) // 2),))
            parts["scale"] = ("F16", (self.shape[0], -(-self.shape[1] // GROUP_SIZE)))
        if self.sparse:
            parts["mask"] = ("U8", (-(-count // 8),))
        return parts

    def describe(self) -> str:
        """One line for the file's metadata, e.g. "int4 256x128 kept 19661"; read back by `parse`."""
        return f"{self.storage} {'x'.join(map(str, self.shape))}{f' kept {self.kept}' if self.sparse else ''}"

    @classmethod
    def parse(cls, text: str) -> Layout:
        """The layout behind a line of `describe`."""
        storage, shape, *rest = text.split()
        if storage not in ("fp16", "int8", "int4"):
            raise SugataError(f"unknown tensor storage '{storage}': the file was written by a newer sugata")
        kept = int(rest[1]) if rest else None
        return cls(tuple(map(int, shape.split("x"))), cast(Storage, storage), kept)


@dataclass(frozen=True)
class PackedTensor:
    """A stored tensor: its layout and the arrays of the layout's parts."""

    layout: Layout
    parts: Mapping[str, Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the restored tensor."""
        return self.layout.shape

    @property
    def scales(self) -> Array:
        """Float32 scales `(rows, groups)` of an int8 or int4 tensor."""
        return self.parts["scale"].astype(np.float32)

    def values(self) -> Array:
        """All values as stored, dense: float16, or int8 codes between -127 and 127 or -7 and 7."""
        layout, values = self.layout, self.parts[""]
        count = prod(layout.shape)
        mask = np.unpackbits(self.parts["mask"], count=count).astype(bool) if layout.sparse else None
        if layout.storage == "int4":
            values = unpack_nibbles(values, count if mask is None else int(mask.sum()))
        if mask is not None:
            dense: Array = np.zeros(count, values.dtype)
            dense[mask] = values
            values = dense
        return values.reshape(layout.shape)

    def restore(self) -> NDArray[np.float32]:
        """The float32 values that the stored ones stand for (exactly: code times scale fits into 24 bits)."""
        if self.layout.storage == "fp16":
            return self.values().astype(np.float32)
        return dequantize(self.values(), self.scales, group_size(self.layout))


def group_size(layout: Layout) -> int:
    """Columns that share one scale: a whole row for int8, 32 for int4."""
    return GROUP_SIZE if layout.storage == "int4" else layout.shape[1]


def pack(values: Array, storage: Storage = "fp16", keep: Array | None = None) -> PackedTensor:
    """Round a float tensor to a storage format and pack it.

    Args:
        values: float array; `(rows, columns)` = (output channels, inputs) for int8 and int4.
        storage: number format. int8: one scale a row; int4: one for each 32 columns of a row.
        keep: boolean array of the same shape, False where pruning removed the value.

    Raises:
        SugataError: values that are not finite or exceed what 16-bit floats can hold (65504).
    """
    limit = float(np.abs(values).max(initial=0.0))
    if not limit <= 65504:  # also true of NaN
        raise SugataError(f"a weight of {limit:g} cannot be stored in 16 bits: the training diverged")
    if keep is not None:
        values = np.where(keep, values, 0)
    if storage == "fp16":
        return pack_codes(values.astype(np.float16), None, storage, keep)
    columns = GROUP_SIZE if storage == "int4" else values.shape[1]
    codes, scales = quantize_columns(values, 8 if storage == "int8" else 4, columns)
    return pack_codes(codes, scales, storage, keep)


def pack_codes(
    codes: Array, scales: Array | None, storage: Storage, keep: Array | None = None
) -> PackedTensor:
    """Pack what has been rounded already.

    Args:
        codes: float16 values, or int8 codes between -127 and 127 (int8) or -7 and 7 (int4).
        scales: float16 `(rows, groups)` of int8 and int4, groups as in `Layout`; None for fp16.
        storage: number format.
        keep: boolean array of the same shape, False where pruning removed the value.
    """
    layout = Layout(codes.shape, storage, None if keep is None else int(keep.sum()))
    parts: dict[str, Array] = {} if scales is None else {"scale": scales}
    if layout.sparse and keep is not None:
        parts["mask"] = np.packbits(keep)
        codes = codes[keep]
    parts[""] = pack_nibbles(codes) if storage == "int4" else codes
    return PackedTensor(layout, parts)


def _value_bytes(storage: Storage, count: int) -> int:
    """Bytes of `count` values without scales."""
    return {"fp16": 2 * count, "int8": count, "int4": -(-count // 2)}[storage]
