"""Taking apart RLP that the engine encoded: which members a list has. For data of our own, which is well formed.

The library of that name takes a quarter of a second to import, which no node shall stand still for.
"""

from __future__ import annotations

from typing import Final

_STRING: Final = 0x80
_LIST: Final = 0xC0
_SHORT: Final = 55
"""Bytes at most whose count fits into the first byte."""


def members(encoded: bytes) -> list[bytes]:
    """The members of a list, each encoded as it stands."""
    at, end = _content(encoded, 0)
    found = []
    while at < end:
        _, after = _content(encoded, at)
        found.append(encoded[at:after])
        at = after
    return found


def content(encoded: bytes) -> bytes:
    """The bytes of a string, or the members of a list in a row."""
    begin, end = _content(encoded, 0)
    return encoded[begin:end]


def _content(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the item at a place begins and ends."""
    first = data[at]
    if first < _STRING:
        return at, at + 1
    size = first - (_STRING if first < _LIST else _LIST)
    begin = at + 1
    if size > _SHORT:
        begin += size - _SHORT
        size = int.from_bytes(data[at + 1 : begin])
    return begin, begin + size
