"""Accounts that every target starts with: those of the well-known mnemonic."""

from __future__ import annotations

from devnet.genesis import DEFAULT_MNEMONIC, derive
from megaeth_cli.load.senders import Sender


def senders(count: int) -> list[Sender]:
    """The first accounts of the well-known mnemonic."""
    return [Sender.of(account.key) for account in derive(DEFAULT_MNEMONIC, count)]
