"""What `eth_syncing` says: false, or how far a node that catches up with the chain has come.

Not here: when a node counts as catching up (`devnet/roles/network_service.py`), and who is told (`subscriptions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import orjson

from devnet.rpc.routes import Health

NOT_SYNCING: Final = b"false"

SyncStatus = Callable[[], bytes]
"""Renders what `eth_syncing` says now."""


def sync_status(health: Health) -> SyncStatus:
    """Return what renders the status of the node whose health this is."""
    return partial(_rendered, health)


def _rendered(health: Health) -> bytes:
    behind = health().get("catching_up")
    if not isinstance(behind, Mapping):
        return NOT_SYNCING
    names = {"startingBlock": "first_block", "currentBlock": "block", "highestBlock": "last_block"}
    return orjson.dumps({shown: hex(behind[name]) for shown, name in names.items()})
