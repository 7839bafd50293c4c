"""A state diff with names: which variables of which contracts changed, from what to what.

Takes the node's answer to `mega_getStateDiff`, the transactions behind it and the storage layouts that are known.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from megaeth_cli.abi import DecodingError, Interface
from megaeth_cli.abi.types import AbiType, AbiValue, Array, Scalar, Tuple
from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.layout import Field, Layout, data_slot, long_text_length, show_bytes
from megaeth_cli.units import quantity

Json = Any
WORD = 32
EMPTY_CODE = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
_CONSTRUCTOR_TAIL = 64 * WORD
"""How much of creation code's end is searched for constructor arguments."""


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


def changes(diff: Json, layout_at: Callable[[str], Layout | None], keys: Keys) -> list[AccountChange]:
    """The accounts of a diff with their slots named."""
    found = []
    for account in diff["accounts"]:
        slots = {
            quantity(one["slot"]): (quantity(one["before"]), quantity(one["after"]))
            for one in account.get("storage", ())
        }
        found.append(
            AccountChange(
                account["address"],
                AccountState.read(account.get("before")),
                AccountState.read(account.get("after")),
                account.get("before") is not None,
                account.get("after") is not None,
                tuple(_named(slots, layout_at(account["address"]), keys)),
            )
        )
    return found


def _named(slots: dict[int, tuple[int, int]], layout: Layout | None, keys: Keys) -> Iterable[SlotChange]:
    if layout is None:
        return [SlotChange(slot, before, after) for slot, (before, after) in sorted(slots.items())]
    # Numbers in packed fields may be keys as well (a counter that shares its slot).
    for slot, fields in layout.name(slots, Keys()).items():
        for one in fields:
            for value in slots[slot]:
                keys.add_number(one.cut(value))
    keys.renew()
    fields_of = layout.name(slots, keys)
    named = [
        SlotChange(
            slot,
            before,
            after,
            tuple(
                Variable(
                    one.path,
                    layout.label(one),
                    _shown(layout, one, slot, {place: pair[0] for place, pair in slots.items()}),
                    _shown(layout, one, slot, {place: pair[1] for place, pair in slots.items()}),
                )
                for one in fields_of.get(slot, ())
                if one.cut(before) != one.cut(after)
            ),
        )
        for slot, (before, after) in slots.items()
    ]
    # In the order of the source as far as names say it; nameless slots come last.
    return sorted(named, key=lambda one: (not one.variables, one.slot if not one.variables else 0))


def _shown(layout: Layout, one: Field, slot: int, words: Mapping[int, int]) -> str:
    """A field's value; a long string is put together when all its pieces changed with it."""
    if layout.is_text_head(one) and (length := long_text_length(words[slot])) is not None:
        first = data_slot(slot)
        places = range(first, first + -(-length // WORD))
        if all(place in words for place in places):
            raw = b"".join(words[place].to_bytes(WORD, "big") for place in places)
            return show_bytes(layout.label(one), raw[:length])
    return layout.text(one, words[slot])


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
