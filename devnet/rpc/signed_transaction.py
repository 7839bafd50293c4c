"""Transactions that are in no block as JSON: signed ones for `eth_signTransaction`, with their signature, and filled
ones for `eth_fillTransaction`, without.

Not here: transactions of the chain, which the engine renders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devnet import rlp

SIGNATURE_FIELDS: Final = 3
_LEGACY_FIRST: Final = 0xC0


def filled_fields(transaction: Mapping[str, object]) -> dict[str, object]:
    """Return the object of a complete transaction that nobody has signed."""
    kind = transaction.get("type") or _kind(transaction)
    fields = {name: value for name, value in transaction.items() if name != "from"}
    fields["type"] = kind
    if kind != "0x0":
        fields.setdefault("accessList", [])
    if "maxFeePerGas" in fields:
        fields.setdefault("gasPrice", fields["maxFeePerGas"])
    fields.setdefault("to", None)
    return fields


def _kind(transaction: Mapping[str, object]) -> str:
    """The type that the fields of a transaction ask for."""
    if "authorizationList" in transaction:
        return "0x4"
    if "gasPrice" in transaction:
        return "0x1" if "accessList" in transaction else "0x0"
    return "0x2"


def signed_fields(transaction: Mapping[str, object], raw: bytes, digest: bytes) -> dict[str, object]:
    """Return the object of a signed transaction, given what was signed and its raw bytes."""
    kind = 0 if raw[0] >= _LEGACY_FIRST else raw[0]
    fields = {name: value for name, value in transaction.items() if name not in ("from", "chainId")}
    signature = rlp.members(raw if kind == 0 else raw[1:])[-SIGNATURE_FIELDS:]
    v, r, s = (int.from_bytes(rlp.content(item)) for item in signature)
    fields |= {"type": hex(kind), "hash": "0x" + digest.hex(), "r": hex(r), "s": hex(s), "v": hex(v)}
    fields["chainId"] = transaction["chainId"]
    if kind != 0:
        fields["yParity"] = hex(v)
        fields.setdefault("accessList", [])
    if kind > 1:
        fields.setdefault("gasPrice", transaction["maxFeePerGas"])
    fields.setdefault("to", None)
    return fields
