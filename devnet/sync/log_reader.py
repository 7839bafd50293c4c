"""Ranges of a node's own log, for peers that are behind. May be called from any thread.

Not here: the state snapshot (`snapshot.py`).
"""

from __future__ import annotations

from typing import Protocol

from devnet.storage.store import Store
from devnet.sync.chain_rollback import ChainRollback
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset


class NoSuchPlace(ValueError):
    """The log has no such place: it is of another chain, or begins later."""


class LogReader(Protocol):
    """A log that others can be fed from."""

    def position(self) -> LogOffset:
        """Where it ends; everything up to here survives a kill."""

    def oldest(self) -> LogOffset:
        """Where it begins."""

    def read(self, at: LogOffset, max_bytes: int) -> list[LogEntry]:
        """The entries that follow a place: one at least unless that is the end, no more than about `max_bytes`.

        Raises `NoSuchPlace`.
        """

    def find(self, kind: EntryKind, number: int) -> bytes | None:
        """The record of one entry."""


class StoreLog:
    """The log in a node's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self) -> LogOffset:
        """Where it ends."""
        return LogOffset.of(self._store.tip or self._store.origin, self._store.rollbacks)

    def oldest(self) -> LogOffset:
        """Where it begins."""
        return LogOffset.of(self._store.first or self._store.origin, self._store.first_rollbacks)

    def read(self, at: LogOffset, max_bytes: int) -> list[LogEntry]:
        """The entries that follow a place."""
        with self._store.standing_still:
            return self._read(at, max_bytes)

    def _read(self, at: LogOffset, max_bytes: int) -> list[LogEntry]:
        store, end = self._store, self.position()
        minis, blocks, rollbacks = at
        if rollbacks < end.rollbacks:
            return [self._rollback(at)]
        if (
            at.sequence > end.sequence
            or minis > end.minis
            or blocks > end.blocks
            or minis < self.oldest().minis
        ):
            raise NoSuchPlace(f"no place {tuple(at)} in a log that ends at {tuple(end)}")
        last = store.block(blocks)
        if blocks > store.origin.block and (last is None or last[0] + 1 > minis):
            raise NoSuchPlace(f"block {blocks} does not end before mini-block {minis}")
        found: list[LogEntry] = []
        size = 0
        records = store.minis(minis, end.minis - 1) if minis < end.minis else iter(())
        closing = store.block(blocks + 1) if blocks < end.blocks else None
        if closing is not None and closing[0] + 1 < minis:
            raise NoSuchPlace(f"block {blocks + 1} ends before mini-block {minis}")
        while size < max_bytes:
            if closing is not None and closing[0] + 1 == minis:
                blocks += 1
                found.append(LogEntry(EntryKind.BLOCK, LogOffset(minis, blocks, rollbacks), closing[1]))
                closing = store.block(blocks + 1) if blocks < end.blocks else None
            elif (row := next(records, None)) is not None:
                minis += 1
                found.append(LogEntry(EntryKind.MINI, LogOffset(minis, blocks, rollbacks), row[1]))
            else:
                break
            size += len(found[-1].record)
        return found

    def _rollback(self, at: LogOffset) -> LogEntry:
        """The next one for a log that ends there."""
        record = self._store.rollback(at.rollbacks + 1)
        if record is None:
            raise NoSuchPlace(f"rollback {at.rollbacks + 1} came before this log began")
        return LogEntry(EntryKind.ROLLBACK, ChainRollback.decode(record).after(at), record)

    def find(self, kind: EntryKind, number: int) -> bytes | None:
        """The record of one entry."""
        if kind is EntryKind.ROLLBACK:
            return self._store.rollback(number)
        if kind is EntryKind.MINI:
            return self._store.mini(number)
        block = self._store.block(number)
        return block[1] if block else None
