"""Names for storage slots, by the storage layout that the compiler gives.

A slot number alone says nothing: mappings and dynamic data lie at hashes. So the search goes the other way:
from the variables outwards, through every key that the transaction could have used, until each changed slot
is met. https://docs.soliditylang.org/en/latest/internals/layout_in_storage.html
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from megaeth_cli.inspect.keys import Keys
from megaeth_cli.units import checksummed, keccak

WORD = 32
SLOTS = 1 << 256
MAX_REGIONS = 200_000
"""Where the search gives up: about a second."""
MAX_ELEMENTS_ENTERED = 64
"""Elements of an array in which mappings and dynamic data are looked for, besides those that keys name."""
_PIECE = "t_bytes32 piece"
_ENDLESS = 1 << 64
"""More elements than any array can get."""


@dataclass(frozen=True)
class Field:
    """A variable, or a part of one, within a slot."""

    path: str
    type: str
    """Id in the layout's types."""
    offset: int
    """Bytes from the low end of the slot."""
    size: int

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


class Layout:
    """One contract's storage layout."""

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self._types: Mapping[str, Mapping[str, Any]] = layout.get("types") or {}
        self._variables = list(layout.get("storage") or ())
        self._deep: dict[str, bool] = {}

    def name(self, slots: Mapping[int, object], keys: Keys) -> dict[int, list[Field]]:
        """The fields in each of the slots that can be named."""
        wanted = sorted(slots)
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
        return _text(field.type, self.label(field), field.cut(word), field.size)

    def label(self, field: Field) -> str:
        """The source's name of a field's type."""
        if field.path.endswith(".length") and self._encoding(field.type) == "dynamic_array":
            return "uint256"
        if field.type == _PIECE:
            return "bytes32"
        return str(self._types.get(field.type, {}).get("label", field.type))

    def is_text_head(self, field: Field) -> bool:
        """Whether the field is the first slot of `bytes` or `string`."""
        return self._encoding(field.type) == "bytes"

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
                first = (slot - region.start) * WORD
                yield Field(f"{region.path}[{first}..{first + WORD - 1}]", _PIECE, 0, WORD)
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
                yield Field(f"{path}.length", kind, 0, WORD)
            case "bytes":
                yield Field(path, kind, 0, WORD)
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
                    # A type that the compiler describes by its size only (Vyper's).
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
                for encoded, text in keys.of(info["key"], self._types[info["key"]]):
                    place = _mapped(info, start.to_bytes(WORD, "big"), encoded)
                    yield _Region(place, slots, f"{path}[{text}]", info["value"])
            case "dynamic_array":
                place = _hash(start.to_bytes(WORD, "big"))
                yield _Region(place, _ENDLESS, path, kind, part="elements")
            case "bytes":
                yield _Region(_hash(start.to_bytes(WORD, "big")), _ENDLESS, path, kind, part="bytes")
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
        far = sorted(number for number in keys.numbers if len(near) <= number < min(limit, 1 << 32))
        for index in (*near, *far):
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

    def _is_leaf(self, kind: str) -> bool:
        info = self._types[kind]
        return info.get("encoding") == "inplace" and "members" not in info and "base" not in info

    def _slots(self, kind: str) -> int:
        return max(1, -(-int(self._types[kind]["numberOfBytes"]) // WORD))

    def _encoding(self, kind: str) -> str:
        return str(self._types.get(kind, {}).get("encoding", "inplace"))


def piece_of(path: str) -> str | None:
    """The string or byte string whose piece a path names; None for every other path."""
    found = re.fullmatch(r"(.*)\[\d+\.\.\d+\]", path)
    return found[1] if found else None


def long_text_length(word: int) -> int | None:
    """Length of a `bytes` or `string` whose data lies elsewhere; None when it is in the slot itself."""
    return (word - 1) // 2 if word & 1 else None


def data_slot(head: int) -> int:
    """Where the data of a long `bytes` or `string` begins."""
    return _hash(head.to_bytes(WORD, "big"))


def show_bytes(type_label: str, raw: bytes) -> str:
    """The contents of a `bytes` or `string`."""
    if type_label.startswith("string"):
        import json

        return json.dumps(raw.decode(errors="replace"), ensure_ascii=False)
    return "0x" + raw.hex()


def _hash(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")


def _mapped(mapping: Mapping[str, Any], slot: bytes, key: bytes) -> int:
    """Where a mapping keeps a key's value."""
    return _hash(slot + key if mapping.get("slotFirst") else key + slot)


def _array_length(info: Mapping[str, Any]) -> int:
    label = str(info.get("label", ""))
    return int(label[label.rindex("[") + 1 : -1])


def _text(kind: str, label: str, value: int, size: int) -> str:
    """A value by its type id: `t_uint8`, `t_contract(Token)12`, `t_enum(Side)3` ..."""
    name = kind.removeprefix("t_")
    if name.startswith("bool") or label == "bool":
        return {0: "false", 1: "true"}.get(value, str(value))
    if name.startswith(("address", "contract")) or label == "address":
        return checksummed(value.to_bytes(20, "big")) if value >> 160 == 0 else hex(value)
    if name.startswith("int") or label.startswith("int"):
        return str(value - (1 << 8 * size) if value >> (8 * size - 1) else value)
    if name.startswith(("string", "bytes_")):
        length = long_text_length(value)
        if length is not None:
            return f"<{length} bytes>"
        return show_bytes(label, value.to_bytes(WORD, "big")[: min((value & 0xFF) // 2, WORD - 1)])
    if name.startswith(("bytes", "function")) or label.startswith("bytes"):
        return f"0x{value.to_bytes(size, 'big').hex()}"
    return str(value)
