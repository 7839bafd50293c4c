"""Accounts that send, and what they have signed. Signing is the engine's, on all cores, before any clock starts.

The accounts of a load are its own: derived from the key that pays for them, so that a second run finds them funded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devnet._engine import address_of, keccak256, sign_transfers

DOMAIN = b"megaeth bench sender"


@dataclass
class Sender:
    """An account and its next nonce."""

    address: bytes
    key: bytes
    nonce: int = 0

    @classmethod
    def of(cls, key: bytes) -> Sender:
        """The account of a key."""
        return cls(address_of(key), key)


@dataclass(frozen=True)
class Terms:
    """What all transactions of a load have in common."""

    chain_id: int
    gas_limit: int
    max_fee_wei: int
    tip_wei: int = 0


def derived(funder: bytes, count: int) -> list[Sender]:
    """Accounts that belong to a funder's key and to nothing else."""
    return [Sender.of(keccak256(DOMAIN + funder + index.to_bytes(4, "big"))) for index in range(count)]


def sign(
    group: Sequence[Sender],
    count: int,
    terms: Terms,
    recipients: Sequence[bytes],
    data: Sequence[bytes] = (),
    value: int = 0,
) -> list[bytes]:
    """`count` calls, round-robin over the senders, whose nonces go on; recipients and calldata take turns too."""
    raws = sign_transfers(
        [sender.key for sender in group],
        [sender.nonce for sender in group],
        list(recipients),
        count,
        chain_id=terms.chain_id,
        value=value,
        gas_limit=terms.gas_limit,
        max_fee_per_gas=terms.max_fee_wei,
        max_priority_fee_per_gas=terms.tip_wei,
        data=list(data),
    )
    for index, sender in enumerate(group):
        sender.nonce += (count - index + len(group) - 1) // len(group)
    return raws


def dealt(senders: Sequence[Sender], parts: int) -> list[list[Sender]]:
    """The senders dealt out to connections: each has its own, so that nonces arrive in order."""
    return [list(senders[part::parts]) for part in range(parts)]
