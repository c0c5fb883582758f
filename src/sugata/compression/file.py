"""The safetensors format, written here so that a file's exact size follows from shapes alone.

Any reader of safetensors opens these files. Ours differ from the library's own writer only in the order of
the header's entries, which the library does not fix: the same tensors always give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

_BYTES = {"F32": 4, "F16": 2, "I8": 1, "U8": 1}

Parts = Mapping[str, tuple[str, tuple[int, ...]]]


def header(parts: Parts, metadata: Mapping[str, str]) -> bytes:
    """The file's beginning: the length of the header as 8 bytes, then JSON, padded to a multiple of 8.

    Args:
        parts: name -> (safetensors dtype, shape), in the order of the data.
        metadata: string -> string, shown by every safetensors reader.
    """
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    start = 0
    for name, (dtype, shape) in parts.items():
        end = start + _BYTES[dtype] * prod(shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def file_size(parts: Parts, metadata: Mapping[str, str]) -> int:
    """Bytes of the file that `write` makes of arrays with these types and shapes."""
    return len(header(parts, metadata)) + sum(_BYTES[dtype] * prod(shape) for dtype, shape in parts.values())


def write(path: Path, parts: Parts, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays as a safetensors file.

    Args:
        path: the file.
        parts: name -> (dtype, shape); 16-bit parts first keep every array aligned.
        arrays: the values of every part, little-endian.
        metadata: string -> string.
    """
    with path.open("wb") as file:
        file.write(header(parts, metadata))
        for name, (_, shape) in parts.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name}: the array has shape {arrays[name].shape}, its layout says {shape}")
            file.write(arrays[name].tobytes())
