"""Forgetting the beginning of the log: first the place where it begins is moved, then rows go, batch by batch.

    !first   the log begins after it; who asks for more is refused        moved at once
    !pruned  rows up to here are gone                                      follows, written with each batch

A process that is killed finds a log that begins where `!first` says, and goes on forgetting behind `!pruned`. A row is
found by the record that it belongs to, so that all rows of a mini-block go in the batch that its record goes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import plyvel

from devnet.stalls import watched
from devnet.storage import tables
from devnet.storage.chain_log import ChainLog
from devnet.storage.database import Tip
from devnet.storage.errors import Corrupted
from devnet.storage.frozen_view import FROZEN_BLOCKS
from devnet.storage.rows import Index

BATCH_MINIS: Final = 500
BATCH_BYTES: Final = 1 << 20
"""Of records: no batch forgets more, but for a mini-block that is larger by itself."""
WHOLE_BYTES: Final = 64 << 20
"""So much is compacted at once."""
_PARTS: Final = 16
"""Of a table whose rows lie anywhere, that are compacted one after the other."""
_SCATTERED: Final = (
    *(tables.TRANSACTION, tables.BLOCK_HASH),
    *(tables.HISTORY + bytes((size,)) for size in (4, 20, 52)),
)


class PrunedLog(ChainLog):
    """A log that may begin later than its chain. One thread prunes."""

    def __init__(self, directory: Path, database: plyvel.DB, *, fsync: bool) -> None:
        super().__init__(directory, database, fsync=fsync)
        place = self._tip(tables.META_PRUNED)
        self._pruned = Tip(place.mini - 1, place.block) if place is not None else None
        """Rows up to here are gone; None: none were there before the beginning."""

    def begin_after(self, block: int) -> None:
        """Refuses what lies before the end of a block from now on; its rows are still there (`prune_some`).

        The block must be in the log, and the snapshot must have come to it. When this returns it survives a kill.
        """
        with self.standing_still:
            found = self.block(block)
            if found is None:
                raise ValueError(f"block {block} is not in the log")
            place, pruned = Tip(found[0], block), self._pruned or self.first or self.origin
            with self._batch(transaction=True, sync=self._fsync) as batch:
                batch.put(tables.META_FIRST, tables.pair(*place))
                self._put_pruned(batch, pruned)
            self._pruned, self.first = pruned, place

    def prune_some(self, index: Index) -> int:
        """Forgets some of what lies before the beginning; about how many bytes that were, 0: nothing is left there."""
        begin, first = self._pruned, self.first
        if begin is None or first is None or begin.block >= first.block:
            return 0
        number = begin.block + 1
        closing = self.block(number)
        if closing is None:
            raise self._damage(
                Corrupted(self.directory, f"block {number} is missing, which was to be pruned")
            )
        records = self._some_records(begin.mini + 1, closing[0])
        end = Tip(
            begin.mini + len(records), number if begin.mini + len(records) == closing[0] else begin.block
        )
        is_whole = end.block == number
        with watched("pruning the chain log"), self._batch(transaction=True) as batch:
            rows = self._forget_minis(batch, index, begin.mini + 1, number, records)
            if is_whole:
                rows += self._forget_block(batch, index, number, closing[1])
            self._put_pruned(batch, end)
        self._pruned = end
        return rows + sum(map(len, records))

    @staticmethod
    def _put_pruned(batch: Any, place: Tip) -> None:  # noqa: ANN401 plyvel has no types
        batch.put(tables.META_PRUNED, tables.pair(place.mini + 1, place.block))

    def _some_records(self, first: int, last: int) -> list[bytes]:
        records: list[bytes] = []
        size = 0
        with self._iterator(tables.mini_key(first), tables.mini_key(last), include_stop=True) as rows:
            for key, record in islice(rows, BATCH_MINIS):
                if tables.read_number(key[1:]) != first + len(records):
                    break
                records.append(record)
                size += len(record)
                if size >= BATCH_BYTES:
                    break
        if first <= last and not records:
            raise self._damage(
                Corrupted(self.directory, f"mini-block {first} is missing, which was to be pruned")
            )
        return records

    @staticmethod
    def _forget_minis(
        batch: Any,  # noqa: ANN401 plyvel has no types
        index: Index,
        first: int,
        block: int,
        records: list[bytes],
    ) -> int:
        transactions, _, keys = index(records)
        for mini in range(first, first + len(records)):
            batch.delete(tables.mini_key(mini))
        for transaction in transactions:
            batch.delete(tables.TRANSACTION + transaction)
        suffix = tables.number(block)
        for key in keys:
            batch.delete(tables.history_prefix(key) + suffix)
        return len(transactions) * _INDEX_ROW + len(keys) * _HISTORY_ROW

    def _forget_block(self, batch: Any, index: Index, block: int, record: bytes) -> int:  # noqa: ANN401
        """What belongs to a block as a whole. Its own record stays for as long as BLOCKHASH reaches it."""
        _, _, buckets = index([record])
        suffix = tables.number(block)
        for bucket in buckets:
            batch.delete(tables.history_prefix(bucket) + suffix)
        batch.delete(tables.nodes_key(block))
        for key in self._keys(tables.attestation_key(block), tables.attestation_key(block + 1)):
            batch.delete(key)
        return self._forget_header(batch, index, block - FROZEN_BLOCKS)

    def _forget_header(self, batch: Any, index: Index, block: int) -> int:  # noqa: ANN401
        row = self._get(tables.block_key(block)) if block > self.origin.block else None
        if row is None:
            return 0
        batch.delete(tables.block_key(block))
        batch.delete(tables.tx_total_key(block))
        _, hashes, _ = index([row[8:]])
        for block_hash in hashes:
            batch.delete(tables.BLOCK_HASH + block_hash)
        return len(row)

    def compact_pruned(self) -> Iterator[None]:
        """Gives the disk back what pruning has freed, part by part."""
        place = self._pruned
        if place is None:
            return
        for start, stop in self._ranges(place):
            with self._noticing_damage():
                self._db.compact_range(start=start, stop=stop)
            yield

    def _ranges(self, place: Tip) -> Iterator[tuple[bytes, bytes]]:
        if self.disk_bytes() <= WHOLE_BYTES:
            yield b"", b"\xff"
            return
        yield tables.MINI, tables.mini_key(place.mini + 1)
        yield tables.BLOCK, tables.block_key(place.block + 1)
        yield tables.TX_TOTAL, tables.tx_total_key(place.block + 1)
        yield tables.BLOCK_NODES, tables.nodes_key(place.block + 1)
        yield tables.ATTESTATION, tables.attestation_key(place.block + 1)
        for table in _SCATTERED:
            yield from _parts(table)

    def disk_bytes(self) -> int:
        """About how much the database takes, without what was written last."""
        size: int = self._db.approximate_size(b"", b"\xff")
        return size


def _parts(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    width = 256 // _PARTS
    for begin in range(0, 256, width):
        yield table + bytes((begin,)), table + bytes((begin + width - 1,)) + b"\xff" * 64


_INDEX_ROW: Final = 33 + 12
_HISTORY_ROW: Final = 62 + 20
"""About how many bytes such a row has."""
