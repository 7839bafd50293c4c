"""What differs between two states: account by account, slot by slot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from megaeth_cli.snapshots.opened import Account
from megaeth_cli.units import keccak

Json = Any


@dataclass(frozen=True)
class AccountDifference:
    """An account that is not the same in both."""

    address: str
    before: Account | None
    """None: it is not there."""
    after: Account | None
    slots: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Those that differ, before and after; 32 bytes each."""

    def to_json(self) -> Json:
        """As `mega_getStateDiff` tells of an account."""
        return {
            "address": self.address,
            "before": _body(self.before),
            "after": _body(self.after),
            "storage": [
                {"slot": slot, "before": before, "after": after}
                for slot, (before, after) in self.slots.items()
            ],
        }


ZERO: Final = "0x" + "00" * 32
BOOKKEEPING: Final = frozenset(
    {
        "0x0000f90827f1c53a10cb7a02335b175320002935",
        "0x000f3df6d732807ef1319fb7b8bb8522d0beac02",
        "0xfffffffffffffffffffffffffffffffffffffffe",
    }
)
"""Accounts that every block changes by itself: the hashes of blocks (EIP-2935), beacon roots (EIP-4788), and who makes
the chain's own calls. What they hold belongs to the blocks, not to what anybody did."""


def differences(
    before: Iterator[tuple[str, Account]], after: Iterator[tuple[str, Account]]
) -> Iterator[AccountDifference]:
    """Of two states whose accounts come in the order of their addresses, without the chain's own bookkeeping."""
    return (one for one in _all(before, after) if one.address not in BOOKKEEPING)


def _all(
    before: Iterator[tuple[str, Account]], after: Iterator[tuple[str, Account]]
) -> Iterator[AccountDifference]:
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old[0] < new[0]):
            assert old is not None
            yield _difference(old[0], old[1], None)
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            yield _difference(new[0], None, new[1])
            new = next(after, None)
        else:
            if old[1] != new[1]:
                yield _difference(old[0], old[1], new[1])
            old, new = next(before, None), next(after, None)


def _difference(address: str, before: Account | None, after: Account | None) -> AccountDifference:
    old = before["storage"] if before is not None else {}
    new = after["storage"] if after is not None else {}
    slots = {
        slot: (old.get(slot, ZERO), new.get(slot, ZERO))
        for slot in sorted(old.keys() | new.keys())
        if old.get(slot, ZERO) != new.get(slot, ZERO)
    }
    return AccountDifference(address, before, after, slots)


def _body(account: Account | None) -> Json:
    if account is None:
        return None
    return {
        "nonce": hex(account["nonce"]),
        "balance": account["balance"],
        "codeHash": f"0x{keccak(bytes.fromhex(account['code'][2:])).hex()}",
    }
