"""Rows of the database's tables on their way elsewhere: to a peer, or into a file.

chunk = row*        row = table u8 | key length u16 | value length u32 | key | value
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final

ROW_HEAD: Final = struct.Struct(">HI")

Row = tuple[bytes, bytes]
"""Key with its table's byte, and value."""

Pairs = list[tuple[bytes, bytes]]
Fold = Callable[[list[bytes]], tuple[Pairs, Pairs]]
"""`devnet._engine.fold_diffs`: records in order -> last value of each key, and code by hash."""

Index = Callable[[list[bytes]], tuple[list[bytes], list[bytes], list[bytes]]]
"""`devnet._engine.index_records`: records -> hashes of transactions, hashes of blocks, plain keys and buckets."""


class BadRows(ValueError):
    """Bytes that are something else than rows."""


def encode_rows(rows: Iterable[Row]) -> bytes:
    """A chunk."""
    parts: list[bytes] = []
    for key, value in rows:
        parts += (key[:1], ROW_HEAD.pack(len(key) - 1, len(value)), key[1:], value)
    return b"".join(parts)


def decode_rows(data: bytes) -> list[Row]:
    """The rows of a chunk, if it is nothing but rows. Raises `BadRows`."""
    rows: list[Row] = []
    at = 0
    while at < len(data):
        if len(data) - at < 1 + ROW_HEAD.size:
            raise BadRows("a chunk ends within a row")
        key_size, value_size = ROW_HEAD.unpack_from(data, at + 1)
        begin = at + 1 + ROW_HEAD.size
        end = begin + key_size + value_size
        if end > len(data):
            raise BadRows("a chunk ends within a row")
        rows.append((data[at : at + 1] + data[begin : begin + key_size], data[begin + key_size : end]))
        at = end
    return rows


def in_chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """As many rows at a time as make about `size` bytes."""
    chunk: list[Row] = []
    so_far = 0
    for row in rows:
        chunk.append(row)
        so_far += len(row[0]) + len(row[1]) + ROW_HEAD.size
        if so_far >= size:
            yield chunk
            chunk, so_far = [], 0
    if chunk:
        yield chunk
