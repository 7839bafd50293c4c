"""Interventions among a diff's transactions: what the user of a devnet did to its state (`anvil_setBalance` and so on).

On a chain that allows them they are deposits from the chain itself to one address; nobody else can send them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from megaeth_cli.abi import DecodingError, Interface, to_json, to_text

SENDER = "0xfffffffffffffffffffffffffffffffffffffffe"
ADDRESS = "0x6465766e65742d696e74657276656e74696f6e73"
_INTERFACE = Interface.of_signatures(
    (
        "setBalance(address account, uint256 amount)",
        "addBalance(address account, uint256 amount)",
        "setNonce(address account, uint64 nonce)",
        "setCode(address account, bytes code)",
        "setStorageAt(address account, uint256 slot, uint256 value)",
        "setAccounts(bytes accounts)",
    )
)


@dataclass(frozen=True)
class Intervention:
    """One that stands in the chain; whether it was refused its receipt tells."""

    transaction: str
    """The hash."""
    text: str
    name: str
    arguments: dict[str, Any]


def interventions_of(transactions: Sequence[dict[str, Any]]) -> list[Intervention]:
    """Those among transactions as `eth_getTransactionByHash` tells them."""
    found = (_read(one) for one in transactions)
    return [one for one in found if one is not None]


def _read(transaction: dict[str, Any]) -> Intervention | None:
    if (transaction["from"].lower(), (transaction.get("to") or "").lower()) != (SENDER, ADDRESS):
        return None
    data = bytes.fromhex(transaction["input"][2:])
    entry = _INTERFACE.function(data[:4])
    if entry is None:
        return None
    try:
        values = entry.decode_inputs(data)
    except DecodingError:
        return None
    if entry.name == "setAccounts":
        return _of_many(transaction["hash"], values[0])
    pairs = list(zip(entry.inputs, values, strict=True))
    shown = ", ".join(f"{one.name}: {to_text(one, value)}" for one, value in pairs)
    arguments = {one.name: to_json(one.type, value) for one, value in pairs}
    return Intervention(transaction["hash"], f"{entry.name}({shown})", entry.name, arguments)


def _of_many(transaction: str, piece: bytes) -> Intervention | None:
    """A piece of a state file: how much it writes. What, the diff itself shows."""
    from devnet._engine import StateContents

    try:
        contents = StateContents.from_pieces([piece])
    except ValueError:
        return None
    counts = {"accounts": contents.accounts, "slots": contents.slots}
    shown = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return Intervention(transaction, f"setAccounts({shown})", "setAccounts", counts)
