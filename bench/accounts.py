"""Senders and their pre-signed transfers. Signing is the engine's, on all cores, before any clock starts."""

from __future__ import annotations

from dataclasses import dataclass

from devnet._engine import sign_transfers
from devnet.genesis import DEFAULT_MNEMONIC, derive

GAS_LIMIT = 100_000  # more than a transfer costs anywhere here (21,000 on Ethereum, 60,000 on MegaETH)
MAX_FEE_WEI = 2_000_000_000  # above anvil's base fee of 1 gwei


@dataclass
class Sender:
    """An account and its next nonce."""

    address: str
    key: bytes
    nonce: int = 0


def senders(count: int) -> list[Sender]:
    """The first accounts of the well-known mnemonic: every target starts with them funded."""
    return [Sender(account.address, account.key) for account in derive(DEFAULT_MNEMONIC, count)]


def transfers(group: list[Sender], count: int, chain_id: int) -> list[bytes]:
    """`count` transfers, round-robin over the senders, to addresses that exist already (the next sender's)."""
    keys = [sender.key for sender in group]
    recipients = [bytes.fromhex(sender.address[2:]) for sender in group[1:] + group[:1]]
    raws = sign_transfers(
        keys,
        [sender.nonce for sender in group],
        recipients,
        count,
        chain_id=chain_id,
        gas_limit=GAS_LIMIT,
        max_fee_per_gas=MAX_FEE_WEI,
    )
    for index, sender in enumerate(group):
        sender.nonce += (count - index + len(group) - 1) // len(group)
    return raws
