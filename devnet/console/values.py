"""Arguments from calldata (Solidity's ABI, as far as the console has types)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from devnet.checksum import checksummed
from devnet.console.signatures import Types

WORD: Final = 32


@dataclass(frozen=True)
class Hex:
    """An address, with its checksum (EIP-55), or bytes."""

    text: str


Value = bool | int | str | Hex


class Malformed(Exception):
    """The data is not what the types say."""


def decode(types: Types, data: bytes) -> list[Value]:
    """The arguments. What only pads a word is not looked at. Raises `Malformed`."""
    return [_value(kind, data, place * WORD) for place, kind in enumerate(types)]


def _value(kind: str, data: bytes, at: int) -> Value:
    match kind:
        case "string":
            return _dynamic(data, at).decode(errors="replace")
        case "bytes":
            return Hex("0x" + _dynamic(data, at).hex())
    word = _slice(data, at, WORD)
    match kind:
        case "uint256":
            return int.from_bytes(word)
        case "int256":
            return int.from_bytes(word, signed=True)
        case "bool":
            return any(word)
        case "address":
            return Hex(checksummed("0x" + word[12:].hex()))
    return Hex("0x" + word[: int(kind.removeprefix("bytes"))].hex())


def _dynamic(data: bytes, at: int) -> bytes:
    start = int.from_bytes(_slice(data, at, WORD))
    size = int.from_bytes(_slice(data, start, WORD))
    return _slice(data, start + WORD, size)


def _slice(data: bytes, start: int, size: int) -> bytes:
    if start + size > len(data):
        raise Malformed
    return data[start : start + size]
