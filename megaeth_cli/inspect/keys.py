"""The mapping keys that a transaction may have used: every word that it, its logs and its changes show."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from megaeth_cli.units import checksummed

WORD = 32
_SMALL = range(17)
"""Numbers that contracts use as keys without anybody naming them."""
_MAX_BLOB = 4096


class Keys:
    """Candidates, given out by key type in the form that is hashed."""

    def __init__(self) -> None:
        self.numbers: set[int] = set(_SMALL)
        self.blobs: set[bytes] = set()
        self._prepared: dict[str, list[tuple[bytes, str]]] = {}

    def add_number(self, number: int) -> None:
        """A value, and its neighbours: contracts take the next or the last number of a counter."""
        self.numbers.add(number)
        if 0 < number < 1 << 64:
            self.numbers.update((number - 1, number + 1))

    def add_address(self, address: bytes) -> None:
        """An account."""
        self.numbers.add(int.from_bytes(address, "big"))

    def add_blob(self, data: bytes) -> None:
        """A string or byte string."""
        if len(data) <= _MAX_BLOB:
            self.blobs.add(data)

    def add_words(self, data: bytes) -> None:
        """Each word of ABI-encoded data, and what looks like a byte string in it."""
        words = [data[at : at + WORD] for at in range(0, len(data) - WORD + 1, WORD)]
        for index, word in enumerate(words):
            number = int.from_bytes(word, "big")
            self.add_number(number)
            start = (index + 1) * WORD
            if 0 < number <= min(_MAX_BLOB, len(data) - start):
                self.blobs.add(data[start : start + number])

    def renew(self) -> None:
        """Forget what was prepared, after adding candidates."""
        self._prepared.clear()

    def of(self, type_id: str, info: Mapping[str, Any]) -> Iterator[tuple[bytes, str]]:
        """Encoded key and how people read it, for each candidate that the key type can hold."""
        if type_id not in self._prepared:
            self._prepared[type_id] = list(self._candidates(type_id.removeprefix("t_"), info))
        return iter(self._prepared[type_id])

    def _candidates(self, name: str, info: Mapping[str, Any]) -> Iterable[tuple[bytes, str]]:
        label, size = str(info.get("label", "")), int(info.get("numberOfBytes", WORD))
        if info.get("encoding") == "bytes":
            # A key of dynamic type is hashed as it is, without padding.
            text = label.startswith("string")
            return [
                (one, repr(one.decode(errors="replace")) if text else f"0x{one.hex()}") for one in self.blobs
            ]
        if name == "bool" or label == "bool":
            return [(_word(0), "false"), (_word(1), "true")]
        numbers = sorted(self.numbers)
        if name.startswith(("address", "contract")) or label == "address":
            return [(_word(n), checksummed(n.to_bytes(20, "big"))) for n in numbers if n >> 160 == 0]
        if name.startswith("bytes") or label.startswith("bytes"):
            # Left-aligned: the value of a bytesN lies in the high bytes of the word.
            shift = 8 * (WORD - size)
            return [(_word(n), f"0x{_word(n)[:size].hex()}") for n in numbers if n & ((1 << shift) - 1) == 0]
        if name.startswith("int") or label.startswith("int"):
            half = 1 << (8 * size - 1)
            signed = ((n, n - (1 << 256) if n >> 255 else n) for n in numbers)
            return [(_word(n), str(s)) for n, s in signed if -half <= s < half]
        return [(_word(n), str(n)) for n in numbers if n >> (8 * size) == 0]


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")
