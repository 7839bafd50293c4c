"""A signed transaction as JSON, for `eth_signTransaction`: the fields that were signed, and the signature.

Not here: transactions of the chain, which the engine renders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SIGNATURE_FIELDS: Final = 3
_LEGACY_FIRST: Final = 0xC0
_LONG: Final = 55


def signed_fields(transaction: Mapping[str, object], raw: bytes, digest: bytes) -> dict[str, object]:
    """Return the object of a signed transaction, given what was signed and its raw bytes."""
    kind = 0 if raw[0] >= _LEGACY_FIRST else raw[0]
    fields = {name: value for name, value in transaction.items() if name not in ("from", "chainId")}
    v, r, s = (int.from_bytes(item) for item in _last_items(raw if kind == 0 else raw[1:]))
    fields |= {"type": hex(kind), "hash": "0x" + digest.hex(), "r": hex(r), "s": hex(s), "v": hex(v)}
    fields["chainId"] = transaction["chainId"]
    if kind != 0:
        fields["yParity"] = hex(v)
        fields.setdefault("accessList", [])
    if kind > 1:
        fields.setdefault("gasPrice", transaction["maxFeePerGas"])
    fields.setdefault("to", None)
    return fields


def _last_items(rlp: bytes) -> list[bytes]:
    """Return the strings at the end of an RLP list; lists among its items are passed over."""
    position, end = _span(rlp, 0)
    items: list[bytes] = []
    while position < end:
        start, position = _span(rlp, position)
        items.append(rlp[start:position])
    return items[-SIGNATURE_FIELDS:]


def _span(rlp: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the item at a position begins and ends."""
    first = rlp[at]
    if first < 0x80:
        return at, at + 1
    offset = 0x80 if first < _LEGACY_FIRST else _LEGACY_FIRST
    size = first - offset
    if size <= _LONG:
        return at + 1, at + 1 + size
    start = at + 1 + size - _LONG
    return start, start + int.from_bytes(rlp[at + 1 : start])
