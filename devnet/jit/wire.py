"""Messages between the service and its worker: a JSON header and a body of bytes, each with its length before it."""

from __future__ import annotations

import json
import struct
from typing import IO, Any, Final

_LENGTH: Final = struct.Struct(">I")
MOST: Final = 64 * 1024 * 1024
"""Bytes of a header or a body."""


class BadMessage(Exception):
    """What came is not a message; what comes after it can't be understood either."""


def write(stream: IO[bytes], header: dict[str, Any], body: bytes) -> None:
    """Sends a message."""
    head = json.dumps(header).encode()
    stream.write(_LENGTH.pack(len(head)) + head + _LENGTH.pack(len(body)) + body)
    stream.flush()


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None when there are no more."""
    head = _part(stream)
    if head is None:
        return None
    body = _part(stream)
    if body is None:
        raise BadMessage("a header without a body")
    try:
        header = json.loads(head)
    except ValueError as error:
        raise BadMessage("a header that isn't JSON") from error
    if not isinstance(header, dict):
        raise BadMessage("a header that isn't an object")
    return header, body


def _part(stream: IO[bytes]) -> bytes | None:
    raw = stream.read(_LENGTH.size)
    if not raw:
        return None
    if len(raw) < _LENGTH.size:
        raise BadMessage("the end of the stream within a length")
    (length,) = _LENGTH.unpack(raw)
    if length > MOST:
        raise BadMessage(f"{length} bytes")
    data = stream.read(length)
    if len(data) < length:
        raise BadMessage("the end of the stream within a message")
    return data
