"""The mapping keys that a transaction may have used.

Best known are those that it hashed: the node records what KECCAK256 was given. Where the compiler has hashed a key
beforehand nothing was recorded; then the candidates are the words that the transaction, its logs, its changes and the
source show.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from megaeth_cli.inspect.value_types import TextType, ValueType
from megaeth_cli.units import keccak

WORD = 32
_SMALL = range(17)
"""Numbers that contracts use as keys without anybody naming them."""
_MAX_BLOB = 4096


class Keys:
    """Recorded keys by the slot of their mapping; candidates by the type of key, in the form that is hashed."""

    def __init__(self) -> None:
        self.numbers: set[int] = set(_SMALL)
        self.blobs: set[bytes] = set()
        self.preimages: dict[int, bytes] = {}
        """What was hashed, by its hash."""
        self._heads: dict[int, list[bytes]] = {}
        """What was hashed before a last word, by that word."""
        self._tails: dict[int, list[bytes]] = {}
        """What was hashed after a first word, by that word."""
        self._slots: list[int] | None = None
        self._prepared: dict[ValueType | TextType, list[tuple[bytes, str]]] = {}

    def add_preimage(self, data: bytes) -> None:
        """Something that was hashed."""
        place = int.from_bytes(keccak(data), "big")
        if place in self.preimages:
            return
        self.preimages[place] = data
        if len(data) >= WORD:
            self._heads.setdefault(int.from_bytes(data[-WORD:], "big"), []).append(data[:-WORD])
            self._tails.setdefault(int.from_bytes(data[:WORD], "big"), []).append(data[WORD:])

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

    def recorded(self) -> "Keys":
        """Only the keys that were hashed, without candidates."""
        return self._with(set(), set())

    def with_literals(self, words: Iterable[int], blobs: Iterable[bytes]) -> "Keys":
        """These, and what a source holds."""
        return self._with(self.numbers.union(words), self.blobs.union(blobs))

    def _with(self, numbers: set[int], blobs: set[bytes]) -> "Keys":
        keys = Keys()
        keys.numbers, keys.blobs = numbers, blobs
        keys.preimages, keys._heads, keys._tails = self.preimages, self._heads, self._tails
        return keys

    def places(self, key: ValueType | TextType, start: int, slot_first: bool) -> Iterator[tuple[int, str]]:
        """Where a mapping at `start` keeps the values of the keys, and how people read these."""
        word = start.to_bytes(WORD, "big")
        seen = set()
        for raw in (self._tails if slot_first else self._heads).get(start, ()):
            if (text := self._recorded(key, raw, slot_first)) is not None:
                place = _hash(word + raw if slot_first else raw + word)
                seen.add(place)
                yield place, text
        for encoded, text in self._of(key):
            if slot_first:
                # Vyper hashes a text by itself first.
                place = _hash(word + (keccak(encoded) if isinstance(key, TextType) else encoded))
            else:
                place = _hash(encoded + word)
            if place not in seen:
                yield place, text

    def hashed_between(self, start: int, end: int) -> list[int]:
        """The slots in a range from which others were reached: they were hashed, alone or with a key."""
        if self._slots is None:
            self._slots = sorted({*self._heads, *self._tails})
        return self._slots[bisect_left(self._slots, start) : bisect_left(self._slots, end)]

    def _recorded(self, key: ValueType | TextType, raw: bytes, slot_first: bool) -> str | None:
        if isinstance(key, TextType):
            text = self.preimages.get(int.from_bytes(raw, "big")) if slot_first else raw
            return key.key_text(text) if text is not None else None
        return key.key_text(int.from_bytes(raw, "big")) if len(raw) == WORD else None

    def _of(self, key: ValueType | TextType) -> Iterable[tuple[bytes, str]]:
        if key not in self._prepared:
            self._prepared[key] = list(self._candidates(key))
        return self._prepared[key]

    def _candidates(self, key: ValueType | TextType) -> Iterator[tuple[bytes, str]]:
        if isinstance(key, TextType):
            yield from ((blob, key.key_text(blob)) for blob in sorted(self.blobs))
            return
        for number in sorted(self.numbers.union(range(len(key.members) if key.kind == "enum" else 0))):
            if (text := key.key_text(number)) is not None:
                yield number.to_bytes(WORD, "big"), text


def _hash(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")
