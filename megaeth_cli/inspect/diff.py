"""A state diff with names: which variables of which contracts changed, from what to what.

Takes the node's answer to `mega_getStateDiff`, the transactions behind it and the storage layouts that are known.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from megaeth_cli.abi import DecodingError, Interface
from megaeth_cli.abi.types import AbiType, AbiValue, Array, Scalar, Tuple
from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.layout import Field, Layout, Text
from megaeth_cli.inspect.origins import Origins
from megaeth_cli.units import quantity

Json = Any
WORD = 32
EMPTY_CODE = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
_CONSTRUCTOR_TAIL = 64 * WORD
"""How much of creation code's end is searched for constructor arguments."""
_LONGEST_TEXT = 1024
"""Slots of a string that is shown as a whole."""

Read = Callable[[str, Sequence[int]], Mapping[int, int]]
"""Slots of an account that did not change, as they were all the while."""


@dataclass(frozen=True)
class Variable:
    """A part of a slot that has a name."""

    path: str
    type: str
    before: str
    after: str


@dataclass(frozen=True)
class SlotChange:
    """One changed slot; without variables when nobody knows what it is."""

    slot: int
    before: int
    after: int
    variables: tuple[Variable, ...] = ()
    origin: str = ""
    """Which constant or hash a nameless slot is, where that is known."""


@dataclass(frozen=True)
class AccountState:
    """An account at one moment."""

    nonce: int = 0
    balance: int = 0
    code_hash: str = EMPTY_CODE

    @classmethod
    def read(cls, body: Mapping[str, Any] | None) -> "AccountState":
        """From the node's answer; null is an account that does not exist."""
        if body is None:
            return cls()
        return cls(
            quantity(body.get("nonce")), quantity(body.get("balance")), body.get("codeHash") or EMPTY_CODE
        )


@dataclass(frozen=True)
class AccountChange:
    """One account of a diff."""

    address: str
    before: AccountState
    after: AccountState
    existed: bool
    exists: bool
    slots: tuple[SlotChange, ...] = field(default=())


def keys_of(
    transactions: Iterable[Json],
    receipts: Iterable[Json],
    diff: Json,
    find: Callable[[str], Interface | None],
) -> Keys:
    """Everything in transactions, logs and the diff itself that may have been used as a mapping key."""
    keys = Keys()
    for data in diff.get("preimages") or ():
        keys.add_preimage(_bytes(data))
    for transaction in transactions:
        _add_transaction(keys, transaction, find)
    for receipt in receipts:
        if created := receipt.get("contractAddress"):
            keys.add_address(_bytes(created))
        for log in receipt.get("logs", ()):
            keys.add_address(_bytes(log["address"]))
            keys.add_words(b"".join(_bytes(topic) for topic in log["topics"]))
            keys.add_words(_bytes(log["data"]))
    for account in diff["accounts"]:
        keys.add_address(_bytes(account["address"]))
        for slot in account.get("storage", ()):
            for value in (quantity(slot["before"]), quantity(slot["after"])):
                keys.add_number(value)
    return keys


def changes(
    diff: Json, layout_at: Callable[[str], Layout | None], keys: Keys, read: Read = lambda *_: {}
) -> list[AccountChange]:
    """The accounts of a diff with their slots named."""
    found = []
    for account in diff["accounts"]:
        slots = {
            quantity(one["slot"]): (quantity(one["before"]), quantity(one["after"]))
            for one in account.get("storage", ())
        }
        address = account["address"]
        found.append(
            AccountChange(
                address,
                AccountState.read(account.get("before")),
                AccountState.read(account.get("after")),
                account.get("before") is not None,
                account.get("after") is not None,
                tuple(_named(slots, layout_at(address), keys, partial(read, address))),
            )
        )
    return found


def _named(
    slots: dict[int, tuple[int, int]],
    layout: Layout | None,
    keys: Keys,
    read: Callable[[Sequence[int]], Mapping[int, int]],
) -> list[SlotChange]:
    fields_of: dict[int, list[Field]] = {}
    if layout is not None:
        # Numbers in packed fields may be keys as well (a counter that shares its slot).
        for slot, fields in layout.name(slots, Keys()).items():
            for one in fields:
                for value in slots[slot]:
                    keys.add_number(one.cut(value))
        fields_of = layout.name(slots, keys)
    origins = Origins(keys.preimages, layout.constants if layout is not None else {})
    texts = _Texts(slots, fields_of, read)
    named = []
    for slot, (before, after) in slots.items():
        variables = (
            tuple(_variables(layout, slot, before, after, fields_of[slot], texts))
            if slot in fields_of
            else ()
        )
        origin = "" if variables else origins.of(slot)
        named.append(SlotChange(slot, before, after, variables, origin))
    # In the order of the source as far as names say it; nameless slots come last.
    return sorted(named, key=lambda one: (not one.variables, one.slot if not one.variables else 0))


def _variables(
    layout: Layout | None, slot: int, before: int, after: int, fields: Iterable[Field], texts: "_Texts"
) -> Iterator[Variable]:
    if layout is None:
        return
    for one in fields:
        if one.cut(before) == one.cut(after):
            continue
        if one.text is not None and texts.is_shown_at(one.text, slot):
            label = layout.label(one.text.type)
            old, new = (layout.contents(one.text, words) for words in texts.words)
            yield Variable(one.text.path, label, old, new)
        if one.text is None or one.path != one.text.path or not texts.is_whole(one.text):
            yield Variable(
                one.path, layout.label(one.type), layout.text(one, before), layout.text(one, after)
            )


class _Texts:
    """The strings and byte strings that changed, with those of their slots that did not."""

    def __init__(
        self,
        slots: Mapping[int, tuple[int, int]],
        fields: Mapping[int, Iterable[Field]],
        read: Callable[[Sequence[int]], Mapping[int, int]],
    ) -> None:
        self.words = tuple({slot: pair[n] for slot, pair in slots.items()} for n in range(2))
        """Before and after."""
        self._places: dict[Text, list[int]] = {}
        for slot in sorted(fields):
            for one in fields[slot]:
                if one.text is not None:
                    self._places.setdefault(one.text, []).append(slot)
        self._fill({text.head for text in self._places}, read)
        self._fill({slot for text in self._places for slot in self._data(text)}, read)

    def is_whole(self, text: Text) -> bool:
        """Whether all its slots are known."""
        return all(slot in words for words in self.words for slot in (text.head, *self._data(text)))

    def is_shown_at(self, text: Text, slot: int) -> bool:
        """Whether this is the slot that is shown with the whole text: its first, or else the first that changed."""
        places = self._places[text]
        return self.is_whole(text) and slot == (text.head if text.head in places else places[0])

    def _data(self, text: Text) -> Iterator[int]:
        for words in self.words:
            if text.head in words and len(places := text.slots(words[text.head])) <= _LONGEST_TEXT:
                yield from places

    def _fill(self, wanted: set[int], read: Callable[[Sequence[int]], Mapping[int, int]]) -> None:
        if missing := sorted(wanted.difference(self.words[0])):
            found = read(missing)
            for words in self.words:
                words.update(found)


def _add_transaction(keys: Keys, transaction: Json, find: Callable[[str], Interface | None]) -> None:
    keys.add_address(_bytes(transaction["from"]))
    data = _bytes(transaction.get("input") or "0x")
    to = transaction.get("to")
    if not to:
        # Arguments stand at the end of creation code, whole words.
        keys.add_words(data[-(min(len(data), _CONSTRUCTOR_TAIL) // WORD * WORD) :])
        return
    keys.add_address(_bytes(to))
    keys.add_words(data[4:])
    interface = find(to)
    entry = interface.function(data[:4]) if interface is not None else None
    if entry is not None:
        try:
            values = entry.decode_inputs(data)
        except DecodingError:
            return
        for one, value in zip(entry.inputs, values, strict=True):
            _add_value(keys, one.type, value)


def _add_value(keys: Keys, kind: AbiType, value: AbiValue) -> None:
    match kind:
        case Array(element, _):
            for item in value:
                _add_value(keys, element, item)
        case Tuple(members):
            for member, item in zip(members, value, strict=True):
                _add_value(keys, member.type, item)
        case Scalar(kind="string"):
            keys.add_blob(value.encode())
        case Scalar(kind="bytes"):
            keys.add_blob(value)
        case Scalar(kind="address"):
            keys.add_address(value)
        case Scalar(kind="bytesN"):
            keys.add_number(int.from_bytes(value.ljust(WORD, b"\0"), "big"))
        case _:
            keys.add_number(int(value) % (1 << 256))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
