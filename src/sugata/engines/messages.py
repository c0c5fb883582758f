"""Messages on the pipes between the engine and its workers: a length, then that many bytes.

To a worker they are pickled, since the engine trusts itself; from a worker they are JSON, so that nothing
an evaluation does to its worker can reach the engine as code.
"""

import os
import struct
from typing import Any

from sugata.journal import dumps, loads

_LENGTH = struct.Struct(">I")
_MOST = 1 << 28


class Garbled(Exception):  # noqa: N818 - it says what the message is
    """Bytes that are no message."""


class Inbox:
    """Puts messages together from the pieces that a pipe delivers, without ever waiting for the rest."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._bytes = bytearray()

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages complete after one read of a readable pipe; None at its end.

        Raises:
            Garbled: something else than messages came.
        """
        piece = os.read(self.descriptor, 1 << 16)
        if not piece:
            return None
        self._bytes += piece
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> dict[str, Any] | None:
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if length > _MOST:
            raise Garbled(f"a message of {length} bytes")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        try:
            message = loads(bytes(self._bytes[_LENGTH.size : end]))
        except ValueError as error:
            raise Garbled(str(error)) from error
        del self._bytes[:end]
        if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
            raise Garbled(f"a message without a kind: {str(message)[:80]}")
        return message


def send_json(descriptor: int, message: dict[str, Any]) -> None:
    """Send a message of JSON values."""
    send_bytes(descriptor, dumps(message).encode())


def send_bytes(descriptor: int, content: bytes) -> None:
    """Send a message of bytes."""
    view = memoryview(_LENGTH.pack(len(content)) + content)
    while view:
        view = view[os.write(descriptor, view) :]


def read_bytes(descriptor: int) -> bytes | None:
    """Wait for the next message of bytes; None at the end of the pipe."""
    head = _exactly(descriptor, _LENGTH.size)
    return head and _exactly(descriptor, _LENGTH.unpack(head)[0])


def _exactly(descriptor: int, count: int) -> bytes | None:
    content = b""
    while len(content) < count:
        piece = os.read(descriptor, count - len(content))
        if not piece:
            return None
        content += piece
    return content
