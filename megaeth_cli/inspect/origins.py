"""Where slots that no variable explains come from: constants of the source, and hashes that were seen being made.

A contract may put values at slots of its own choice (solady, diamond storage, proxies), and of many contracts no layout
is known. `_OWNER_SLOT`, `DIAMOND_STORAGE_POSITION + 2` or `keccak256(0xf39F..., 3)` still say what is meant.
"""

from bisect import bisect_right
from collections.abc import Mapping

from megaeth_cli.units import checksummed

WORD = 32
_FARTHEST = 1024
"""How far from a constant or hash a slot may lie to be counted from it."""
_DEEPEST = 8
"""Nested hashes."""
_NUMBER_BITS, _ADDRESS_BITS = 64, 160
_LEAST_ADDRESS = 1 << 96
"""Smaller numbers are hardly addresses, except precompiles'."""


class Origins:
    """Descriptions of slots."""

    def __init__(self, preimages: Mapping[int, bytes], constants: Mapping[int, str]) -> None:
        self._preimages = preimages
        self._constants = constants
        self._bases = sorted({*preimages, *(one for one in constants if one >> _NUMBER_BITS)})
        self._seeds = sorted(
            ((_shortest(value), name) for value, name in constants.items()), key=lambda seed: -len(seed[0])
        )

    def of(self, slot: int) -> str:
        """Where a slot comes from; empty when nothing tells."""
        return self._slot(slot, 0)

    def _slot(self, slot: int, depth: int) -> str:
        at = bisect_right(self._bases, slot) - 1
        if at < 0 or depth > _DEEPEST or (distance := slot - self._bases[at]) > _FARTHEST:
            return ""
        base = self._bases[at]
        text = self._constants.get(base) or f"keccak256({self._hashed(self._preimages[base], depth + 1)})"
        return f"{text} + {distance}" if distance else text

    def _hashed(self, data: bytes, depth: int) -> str:
        words = [data[at : at + WORD] for at in range(0, len(data), WORD)]
        if len(data) % WORD == 0 and all(texts := [self._word(one, depth) for one in words]):
            return ", ".join(texts)
        if split := self._at_seed(data):
            return split
        # The key of a mapping may be a text, without padding, before the slot.
        head, last = data[:-WORD], self._word(data[-WORD:], depth)
        if head and last and head.isascii() and head.decode().isprintable():
            return f"{head.decode()!r}, {last}"
        return ", ".join(f"0x{one.hex()}" for one in words)

    def _word(self, word: bytes, depth: int) -> str:
        number = int.from_bytes(word, "big")
        if number in self._constants:
            return self._constants[number]
        if number >> _NUMBER_BITS == 0:
            return str(number)
        if _LEAST_ADDRESS <= number < 1 << _ADDRESS_BITS:
            return checksummed(word[-20:])
        return self._slot(number, depth)

    def _at_seed(self, data: bytes) -> str:
        """Packed by hand around a constant, as solady does: addresses before and after it, and zeroes in between."""
        for seed, name in self._seeds:
            at = data.rfind(seed)
            if at < 0:
                continue
            # A seed that was stored as a word has zeroes before it.
            before, after = data[:at], data[at + len(seed) :]
            head = before[:20] if len(before) >= 20 and not any(before[20:]) else before
            return ", ".join(_piece(one) for one in (head, seed, after) if one).replace(_piece(seed), name)
        return ""


def _piece(data: bytes) -> str:
    return checksummed(data) if len(data) == 20 else f"0x{data.hex()}"


def _shortest(value: int) -> bytes:
    return value.to_bytes(-(-value.bit_length() // 8), "big")
