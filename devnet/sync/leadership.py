"""Who leads a chain that has standbys: a value that travels in the log, and by itself.

    term u64 | key's address 20 | node: length u8, text | http: length u8, text | voucher 65

The voucher is the word of the devnet's authority that this node leads with that key (`devnet/succession/keys.py`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Self

from devnet.proving.signatures import SIGNATURE_BYTES

_TERM: Final = struct.Struct(">Q")
ADDRESS_BYTES: Final = 20
MAX_TEXT_BYTES: Final = 255


@dataclass(frozen=True)
class Leadership:
    """A time of leading."""

    term: int
    """From 1; every leadership has a higher one than those before it."""
    node: str
    key: bytes
    """The address of the key that its mini-blocks are sealed with."""
    http: str
    """Where the leader answers JSON-RPC."""
    voucher: bytes
    """The authority's signature, 65 bytes."""

    def encode(self) -> bytes:
        """For the disk and the wire. ValueError for texts that are too long."""
        return _TERM.pack(self.term) + self.key + _packed(self.node) + _packed(self.http) + self.voucher

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """ValueError for anything else."""
        key_end = _TERM.size + ADDRESS_BYTES
        if len(data) < key_end:
            raise ValueError("a leadership ends too early")
        [term] = _TERM.unpack_from(data)
        node, rest = _unpacked(data[key_end:])
        http, voucher = _unpacked(rest)
        if len(voucher) != SIGNATURE_BYTES or not term or not node:
            raise ValueError("this is no leadership")
        return cls(term, node, data[_TERM.size : key_end], http, voucher)


def _packed(text: str) -> bytes:
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"a text of {len(data)} bytes")
    return bytes((len(data),)) + data


def _unpacked(data: bytes) -> tuple[str, bytes]:
    """A text, and what comes after it."""
    end = 1 + data[0] if data else 1
    if len(data) < end:
        raise ValueError("a text ends too early")
    return data[1:end].decode(), data[end:]
