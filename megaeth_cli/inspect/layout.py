"""Names for storage slots, by the storage layout that the compiler gives.

A slot number alone says nothing: mappings and dynamic data lie at hashes. So the search goes the other way:
from the variables outwards, through every key that the transaction could have used, until each changed slot
is met. https://docs.soliditylang.org/en/latest/internals/layout_in_storage.html
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.value_types import TextType, ValueType, is_text, text_type, value_type
from megaeth_cli.units import keccak

WORD = 32
SLOTS = 1 << 256
MAX_REGIONS = 200_000
"""Where the search gives up: about a second."""
MAX_ELEMENTS_ENTERED = 64
"""Elements of an array in which mappings and dynamic data are looked for, besides those that keys name."""
_PIECE = "t_bytes32"
"""The type of a slot with a piece of a string."""
_LENGTH = "t_uint256"
"""The type of an array's length."""
_ENDLESS = 1 << 64
"""More elements than any array can get."""


@dataclass(frozen=True)
class Text:
    """A variable of type `bytes` or `string`, whose value lies in several slots."""

    path: str
    type: str
    """Id in the layout's types."""
    head: int
    """The slot of its length."""
    is_bounded: bool
    """Vyper's: the data follow in the next slots, however short."""

    def length(self, head: int) -> int:
        """Bytes, by the value of the first slot."""
        if self.is_bounded:
            return head
        return (head - 1) // 2 if head & 1 else min((head & 0xFF) // 2, WORD - 1)

    def slots(self, head: int) -> range:
        """Where the data are; empty when the first slot holds them too."""
        if not self.is_bounded and not head & 1:
            return range(0)
        first = self.head + 1 if self.is_bounded else _hash(self.head.to_bytes(WORD, "big"))
        return range(first, first + -(-self.length(head) // WORD))

    def contents(self, words: Mapping[int, int]) -> bytes:
        """The value, from those slots."""
        head = words[self.head]
        data = b"".join(words[slot].to_bytes(WORD, "big") for slot in self.slots(head))
        return (data or head.to_bytes(WORD, "big"))[: self.length(head)]


@dataclass(frozen=True)
class Field:
    """A variable, or a part of one, within a slot."""

    path: str
    type: str
    """Id in the layout's types."""
    offset: int
    """Bytes from the low end of the slot."""
    size: int
    text: Text | None = None
    """The string or byte string that the slot is a part of."""

    def cut(self, word: int) -> int:
        """The field's bits of a slot's value."""
        return (word >> 8 * self.offset) & ((1 << 8 * self.size) - 1)


@dataclass(frozen=True)
class _Region:
    """A run of slots that belongs to one thing."""

    start: int
    slots: int
    path: str
    type: str
    offset: int = 0
    """Of a variable that shares its slot with others."""
    part: str = "value"
    """`value`; `elements`: the data of a dynamic array; `bytes`: the data of a long string."""
    head: int = 0
    """Of `bytes`: the slot of the length."""


class Layout:
    """One contract's storage layout; its ABI tells what a layout without a syntax tree leaves open."""

    def __init__(self, layout: Mapping[str, Any], abi: Sequence[Mapping[str, Any]] = ()) -> None:
        self._types: Mapping[str, Mapping[str, Any]] = layout.get("types") or {}
        self._variables = list(layout.get("storage") or ())
        self._deep: dict[str, bool] = {}
        self._underlying = dict(_declared(abi))
        literals = layout.get("literals") or {}
        self._words = [int(one, 16) for one in literals.get("words", ())]
        self._blobs = [bytes.fromhex(one[2:]) for one in literals.get("texts", ())]
        self.constants = {int(value, 16): name for value, name in (layout.get("constants") or {}).items()}
        """Names of the source's constants, by value."""

    def name(self, slots: Mapping[int, object], keys: Keys) -> dict[int, list[Field]]:
        """The fields in each of the slots that can be named."""
        wanted = sorted(slots)
        named = self._search(wanted, keys.recorded())
        if len(named) == len(wanted):
            return named
        return self._search(wanted, keys.with_literals(self._words, self._blobs))

    def _search(self, wanted: list[int], keys: Keys) -> dict[int, list[Field]]:
        named: dict[int, list[Field]] = {}
        waiting = deque(self._top)
        for region in self._top:
            self._meet(region, wanted, named)
        count = len(waiting)
        while waiting and len(named) < len(wanted) and count < MAX_REGIONS:
            for child in self._children(waiting.popleft(), keys):
                self._meet(child, wanted, named)
                count += 1
                if count >= MAX_REGIONS:
                    break
                waiting.append(child)
        return named

    def text(self, field: Field, word: int) -> str:
        """What a field holds, given the whole slot."""
        info = self._types.get(field.type, {"numberOfBytes": field.size})
        if is_text(info):
            text = Text("", field.type, 0, info["encoding"] != "bytes")
            return f"<{text.length(word)} bytes>" if text.slots(word) else self.contents(text, {0: word})
        kind = value_type(field.type, info, self._underlying.get(str(info.get("label")), ""))
        return kind.text(field.cut(word), field.size)

    def contents(self, text: Text, words: Mapping[int, int]) -> str:
        """What a string or byte string holds, given all its slots."""
        return text_type(self._types[text.type]).text(text.contents(words))

    def label(self, type_id: str) -> str:
        """The source's name of a type."""
        return str(self._types.get(type_id, {}).get("label", type_id.removeprefix("t_")))

    @cached_property
    def _top(self) -> list[_Region]:
        return [
            _Region(
                int(one["slot"]),
                self._slots(one["type"]),
                str(one["label"]),
                one["type"],
                int(one.get("offset", 0)),
            )
            for one in self._variables
        ]

    def _meet(self, region: _Region, wanted: list[int], named: dict[int, list[Field]]) -> None:
        """Name those of the wanted slots that lie in the region."""
        position = bisect_left(wanted, region.start)
        while position < len(wanted) and wanted[position] < region.start + region.slots:
            slot = wanted[position]
            if fields := list(self._fields(region, slot)):
                named.setdefault(slot, []).extend(fields)
            position += 1

    # -- which fields a slot of a region holds

    def _fields(self, region: _Region, slot: int) -> Iterator[Field]:
        match region.part:
            case "bytes":
                text = Text(region.path, region.type, region.head, False)
                yield _piece(text, slot - region.start)
            case "elements":
                yield from self._in_array(
                    self._types[region.type]["base"], region.start, region.path, slot, None
                )
            case _:
                yield from self._in_value(region.type, region.start, region.offset, region.path, slot)

    def _in_value(self, kind: str, start: int, offset: int, path: str, slot: int) -> Iterator[Field]:
        if not start <= slot < start + self._slots(kind):
            return
        info = self._types[kind]
        match info.get("encoding"):
            case "dynamic_array":
                yield Field(f"{path}.length", _LENGTH, 0, WORD)
            case "bounded_array" if slot == start:
                yield Field(f"{path}.length", _LENGTH, 0, WORD)
            case "bounded_array":
                yield from self._in_array(info["base"], start + 1, path, slot, None)
            case "bytes" | "bounded_bytes" if slot == start:
                text = Text(path, kind, start, info["encoding"] != "bytes")
                yield Field(path, kind, 0, WORD, text)
            case "bounded_bytes":
                yield _piece(Text(path, kind, start, True), slot - start - 1)
            case "mapping":
                return
            case _ if "members" in info:
                for member in info["members"]:
                    yield from self._in_value(
                        member["type"],
                        start + int(member["slot"]),
                        int(member["offset"]),
                        f"{path}.{member['label']}",
                        slot,
                    )
            case _ if "base" in info:
                yield from self._in_array(info["base"], start, path, slot, _array_length(info))
            case _:
                size = int(info["numberOfBytes"])
                if slot == start:
                    yield Field(path, kind, offset, min(size, WORD))
                else:
                    # A type of which only the size is known.
                    yield Field(f"{path} (+{slot - start})", kind, 0, WORD)

    def _in_array(self, base: str, start: int, path: str, slot: int, length: int | None) -> Iterator[Field]:
        size = int(self._types[base]["numberOfBytes"])
        if size <= WORD // 2 and self._is_leaf(base):
            each = WORD // size
            first = (slot - start) * each
            for place in range(each):
                if length is None or first + place < length:
                    yield Field(f"{path}[{first + place}]", base, place * size, size)
            return
        slots = self._slots(base)
        index = (slot - start) // slots
        if length is None or index < length:
            yield from self._in_value(base, start + index * slots, 0, f"{path}[{index}]", slot)

    # -- where a region leads

    def _children(self, region: _Region, keys: Keys) -> Iterator[_Region]:
        if region.part == "bytes":
            return
        if region.part == "elements":
            base = self._types[region.type]["base"]
            yield from self._through_array(base, region.start, region.path, None, keys)
        else:
            yield from self._through(region.type, region.start, region.path, keys)

    def _through(self, kind: str, start: int, path: str, keys: Keys) -> Iterator[_Region]:
        info = self._types[kind]
        match info.get("encoding"):
            case "mapping":
                slots = self._slots(info["value"])
                for place, text in keys.places(self._key(info["key"]), start, bool(info.get("slotFirst"))):
                    yield _Region(place, slots, f"{path}[{text}]", info["value"])
            case "dynamic_array":
                place = _hash(start.to_bytes(WORD, "big"))
                yield _Region(place, _ENDLESS, path, kind, part="elements")
            case "bytes":
                place = _hash(start.to_bytes(WORD, "big"))
                yield _Region(place, _ENDLESS, path, kind, part="bytes", head=start)
            case "bounded_array":
                yield from self._through_array(info["base"], start + 1, path, _bound(info), keys)
            case _ if "members" in info:
                for member in info["members"]:
                    if self._leads_on(member["type"]):
                        there = start + int(member["slot"])
                        yield from self._through(member["type"], there, f"{path}.{member['label']}", keys)
            case _ if "base" in info:
                yield from self._through_array(info["base"], start, path, _array_length(info), keys)

    def _through_array(
        self, base: str, start: int, path: str, length: int | None, keys: Keys
    ) -> Iterator[_Region]:
        if not self._leads_on(base):
            return
        slots = self._slots(base)
        limit = _ENDLESS if length is None else length
        near = range(min(limit, MAX_ELEMENTS_ENTERED))
        reached = keys.hashed_between(start, min(start + limit * slots, SLOTS))
        far = {(slot - start) // slots for slot in reached} | {
            n for n in keys.numbers if n < min(limit, 1 << 32)
        }
        for index in (*near, *sorted(far.difference(near))):
            yield from self._through(base, (start + index * slots) % SLOTS, f"{path}[{index}]", keys)

    def _leads_on(self, kind: str) -> bool:
        """Whether something in a type lies elsewhere than in its own slots."""
        if kind not in self._deep:
            info = self._types[kind]
            if info.get("encoding") in ("mapping", "dynamic_array", "bytes"):
                self._deep[kind] = True
            elif "members" in info:
                self._deep[kind] = any(self._leads_on(member["type"]) for member in info["members"])
            else:
                self._deep[kind] = "base" in info and self._leads_on(info["base"])
        return self._deep[kind]

    def _key(self, kind: str) -> ValueType | TextType:
        info = self._types[kind]
        if is_text(info):
            return text_type(info)
        return value_type(kind, info, self._underlying.get(str(info.get("label")), ""))

    def _is_leaf(self, kind: str) -> bool:
        info = self._types[kind]
        return info.get("encoding") == "inplace" and "members" not in info and "base" not in info

    def _slots(self, kind: str) -> int:
        return max(1, -(-int(self._types[kind]["numberOfBytes"]) // WORD))


def piece_of(path: str) -> str | None:
    """The string or byte string whose piece a path names; None for every other path."""
    found = re.fullmatch(r"(.*)\[\d+\.\.\d+\]", path)
    return found[1] if found else None


def _hash(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")


def _array_length(info: Mapping[str, Any]) -> int:
    label = str(info.get("label", ""))
    return int(label[label.rindex("[") + 1 : -1])


def _bound(info: Mapping[str, Any]) -> int:
    """The most elements of a Vyper `DynArray[T, N]`."""
    return int(str(info["label"]).rpartition(",")[2].rstrip("]"))


def _piece(text: Text, index: int) -> Field:
    first = index * WORD
    return Field(f"{text.path}[{first}..{first + WORD - 1}]", _PIECE, 0, WORD, text)


def _declared(abi: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The types behind the names of user-defined value types, as far as an ABI mentions them."""
    waiting = [one for item in abi for one in (*item.get("inputs", ()), *item.get("outputs", ()))]
    while waiting:
        one = waiting.pop()
        waiting += one.get("components", ())
        base, name = (re.sub(r"(\[\d*\])+$", "", str(one.get(key, ""))) for key in ("type", "internalType"))
        if name and name != base and " " not in name:
            yield name, f"t_{base}"
