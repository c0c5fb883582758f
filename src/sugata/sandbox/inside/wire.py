"""Values between judge and candidate, as JSON: no bytes of an untrusted process are ever unpickled."""

from __future__ import annotations

import builtins
import datetime
import decimal
import fractions
import json
import math
import sys
import types
from collections.abc import Callable
from typing import Any, BinaryIO

_TEXTUAL: dict[str, Any] = {"decimal": decimal.Decimal, "fraction": fractions.Fraction}
_DATES: dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}
_COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_MOST = 32_000_000  # bytes of a message


def encode(value: Any, other: Callable[[Any], Any]) -> Any:
    """A value as JSON; subclasses of plain types become plain.

    Args:
        other: encodes what is not plain.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        return number if abs(number) < 1 << 62 else {"t": "int", "v": format(number, "x")}
    if isinstance(value, float):
        real = float.__float__(value)
        return real if math.isfinite(real) else {"t": "float", "v": repr(real)}
    if isinstance(value, list):
        return [encode(item, other) for item in list.__iter__(value)]
    for tag, kind in _COLLECTIONS.items():
        if isinstance(value, kind):
            return {"t": tag, "v": [encode(item, other) for item in kind.__iter__(value)]}
    if isinstance(value, dict):
        pairs = [[encode(key, other), encode(item, other)] for key, item in dict.items(value)]
        return {"t": "dict", "v": pairs}
    return _rarer(value, other)


def _rarer(value: Any, other: Callable[[Any], Any]) -> Any:
    if isinstance(value, complex):
        return {"t": "complex", "v": [repr(value.real), repr(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"t": "bytes", "v": bytes(value).hex()}
    if type(value) is range:
        return {"t": "range", "v": [value.start, value.stop, value.step]}
    for tag, kind in _TEXTUAL.items():
        if type(value) is kind:
            return {"t": tag, "v": str(value)}
    for tag, date in _DATES.items():
        if type(value) is date:
            return {"t": tag, "v": value.isoformat()}
    if isinstance(value, types.ModuleType):
        return {"t": "module", "v": value.__name__}
    name = str(getattr(value, "__name__", ""))
    if isinstance(value, type) and vars(builtins).get(name) is value:
        return {"t": "type", "v": name}
    return other(value)


def decode(data: Any, reference: Callable[[int], Any]) -> Any:
    """The value that ``encode`` wrote.

    Args:
        reference: gives what stands for a value that is not plain.

    Raises:
        ValueError: no encoded value.
    """
    if isinstance(data, list):
        return [decode(item, reference) for item in data]
    if not isinstance(data, dict):
        return data
    tag: str = data.get("t", "")
    value: Any = data.get("v")
    if tag == "ref":
        return reference(int(value))
    if tag in _COLLECTIONS:
        return _COLLECTIONS[tag]([decode(item, reference) for item in value])
    if tag == "dict":
        return {decode(key, reference): decode(item, reference) for key, item in value}
    if tag == "int":
        return int(value, 16)
    if tag == "float":
        return float(value)
    if tag == "complex":
        return complex(float(value[0]), float(value[1]))
    if tag == "bytes":
        return bytes.fromhex(value)
    if tag == "range":
        return range(*map(int, value))
    if tag in _TEXTUAL:
        return _TEXTUAL[tag](value)
    if tag in _DATES:
        return _DATES[tag].fromisoformat(value)
    if tag == "type" and isinstance(kind := getattr(builtins, value), type):
        return kind
    if tag == "module" and value.partition(".")[0] in sys.stdlib_module_names:
        return __import__(value, fromlist=["_"])
    raise ValueError(f"not a value: {tag!r}")


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message."""
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message.

    Raises:
        EOFError: the other side is gone, or its message is too long.
    """
    line = stream.readline(_MOST)
    if not line.endswith(b"\n"):
        raise EOFError("the program ended before it answered" if len(line) < _MOST else "an answer too long")
    return json.loads(line)
