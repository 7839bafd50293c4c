"""The rows that a rollback takes from a store, in one batch of LevelDB: after a kill the chain is the one before or the
one after, never a mixture.

What is taken back is told by the engine (`devnet._engine.Rewind`), key by key, so that this costs what is taken back
and not what is there. Where the snapshot stands beyond the place, it goes back with the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from devnet.storage import tables
from devnet.storage.database import Tip


class Rewind(Protocol):
    """What the engine says of a rollback."""

    @property
    def minis(self) -> int:
        """How many mini-blocks stay."""

    @property
    def block(self) -> int:
        """The last block that stays."""

    @property
    def values(self) -> list[tuple[bytes, bytes]]:
        """Plain keys and buckets that have changed since that block, with what they were at its end."""

    @property
    def codes(self) -> list[bytes]:
        """Hashes of the codes that came since that block."""

    @property
    def tx_hashes(self) -> list[bytes]:
        """Of the transactions that go."""

    @property
    def blocks(self) -> list[tuple[int, bytes, list[bytes]]]:
        """Number and hash of the blocks that go, and the keys that each has written; history may lack some."""


def forget_log(batch: Any, plan: Rewind, tip: Tip) -> None:  # noqa: ANN401 plyvel has no types
    """What was sealed after the place, and how it is found."""
    for mini in range(plan.minis, tip.mini + 1):
        batch.delete(tables.mini_key(mini))
    for transaction in plan.tx_hashes:
        batch.delete(tables.TRANSACTION + transaction)
    for block, block_hash, keys in plan.blocks:
        batch.delete(tables.block_key(block))
        batch.delete(tables.tx_total_key(block))
        batch.delete(tables.nodes_key(block))
        batch.delete(tables.BLOCK_HASH + block_hash)
        suffix = tables.number(block)
        for key in keys:
            batch.delete(tables.history_prefix(key) + suffix)


def move_snapshot(batch: Any, plan: Rewind, to: Tip) -> None:  # noqa: ANN401
    """The snapshot, which stands beyond the place, at the end of the last block that stays. Its nodes are computed
    again by the next start."""
    for key, value in plan.values:
        batch.put(tables.STATE + key, value)
    for code_hash in plan.codes:
        batch.delete(tables.CODE + code_hash)
    batch.put(tables.META_SNAPSHOT, tables.pair(*to))
    batch.delete(tables.META_NODES)


def drop_snapshot(batch: Any, keys: Iterable[bytes]) -> None:  # noqa: ANN401
    """The snapshot as a whole: the chain goes back to its beginning, which is not in it."""
    for key in keys:
        batch.delete(key)
    batch.delete(tables.META_SNAPSHOT)
    batch.delete(tables.META_NODES)
