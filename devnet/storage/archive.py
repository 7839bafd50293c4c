"""The engine's questions about what left its memory, answered from the store. Called from any of the engine's
threads.
"""

from __future__ import annotations

from devnet.storage.store import Store


class StoreArchive:
    """`devnet._engine.Archive` over LevelDB."""

    def __init__(self, store: Store) -> None:
        self.tx_location = store.tx_location
        self.block_number = store.block_number
        self.mini = store.mini
        self.minis = store.mini_records
        self.blocks = store.block_records
        self.value_at = store.value_at
        self.tx_total = store.tx_total
        self.code = store.code
        self._store = store

    def block(self, number: int) -> bytes | None:
        """The record of a block."""
        found = self._store.block(number)
        return found[1] if found else None

    def begins_after(self) -> tuple[int, int] | None:
        """Where the log begins, if not with the chain."""
        return self._store.first
