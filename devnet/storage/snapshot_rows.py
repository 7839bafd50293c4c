"""The snapshot of the state at some block, with its codes and its commitment's nodes, as rows of the database.

`fold` is called by one thread only, the snapshotter's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import plyvel

from devnet.stalls import watched
from devnet.storage import tables
from devnet.storage.database import Database, Tip
from devnet.storage.frozen import FrozenState

NODE_ROWS: Final = 10_000
"""Written in one batch."""
UNKNOWN_NODES: Final = Tip(0, 0)
"""Where the nodes stand while nobody knows them all: no snapshot stands there. Of a chain that was taken back to its
beginning blocks tell the nodes that they change, upon some that are in no row: the next start computes them."""
SNAPSHOT_TABLES: Final = (tables.BLOCK, tables.BLOCK_HASH, tables.CODE, tables.STATE)


class SnapshotRows(Database):
    """All values at the end of a block, which `snapshot` names."""

    def __init__(self, directory: Path, database: plyvel.DB, *, fsync: bool) -> None:
        super().__init__(directory, database, fsync=fsync)
        self.snapshot = self._tip(tables.META_SNAPSHOT)
        self._nodes = self._tip(tables.META_NODES)

    def fold(
        self,
        entries: Iterable[tuple[bytes, bytes]],
        codes: Iterable[tuple[bytes, bytes]],
        marker: Tip,
        nodes: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Moves the snapshot forward to `marker`: all of it or nothing.

        `nodes` are all those that the blocks since have changed; without any, the nodes stay behind.
        """
        before = self.snapshot
        keeps_nodes = False
        with (
            watched("writing the snapshot"),
            self._batch(transaction=True) as batch,
        ):
            put = batch.put
            for key, value in entries:
                put(tables.STATE + key, value)
            for code_hash, code in codes:
                put(tables.CODE + code_hash, code)
            for node, commitment in nodes:
                put(tables.NODE + node, commitment)
                keeps_nodes = self._nodes == before
            for block in range((before or self.origin).block + 1, marker.block + 1):
                batch.delete(tables.nodes_key(block))
            put(tables.META_SNAPSHOT, tables.pair(*marker))
            if keeps_nodes:
                put(tables.META_NODES, tables.pair(*marker))
        self.snapshot = marker
        self._nodes = marker if keeps_nodes else self._nodes

    def state(self, chunk: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """The snapshot in the order of its keys, `chunk` entries at a time."""
        return self._chunks(tables.STATE, chunk)

    def codes(self, chunk: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """(hash, code) of all contracts in the snapshot."""
        return self._chunks(tables.CODE, chunk)

    def block_nodes(self, block: int) -> bytes:
        """The rows of the nodes that a block changed; nothing if nobody computed them, or the snapshot has them."""
        return self._get(tables.nodes_key(block)) or b""

    def nodes(self, chunk: int) -> Iterator[bytes]:
        """The snapshot's nodes in rows, `chunk` of them at a time; none unless they stand where the snapshot does."""
        if self.snapshot is not None and self._nodes == self.snapshot:
            for rows in self._chunks(tables.NODE, chunk):
                yield b"".join(chain.from_iterable(rows))

    def keep_nodes(self, rows: bytes) -> None:
        """All nodes at the snapshot, instead of what there was. Not while anybody folds."""
        assert self.snapshot is not None
        self._forget_nodes()
        for at in range(0, len(rows), NODE_ROWS * tables.NODE_ROW):
            with self._batch() as batch:
                for node, commitment in tables.node_rows(rows[at : at + NODE_ROWS * tables.NODE_ROW]):
                    batch.put(tables.NODE + node, commitment)
        self._put(tables.META_NODES, tables.pair(*self.snapshot))
        self._nodes = self.snapshot

    def _forget_nodes(self) -> None:
        with self._batch() as batch:
            batch.delete(tables.META_NODES)
        self._nodes = None
        self._delete_table(tables.NODE)

    def code(self, code_hash: bytes) -> bytes | None:
        """A contract's code, if the snapshot has come to it."""
        return self._get(tables.CODE + code_hash)

    def state_bytes(self) -> int:
        """About how much the snapshot takes on disk."""
        size: int = self._db.approximate_size(tables.STATE, tables.after(tables.STATE))
        return size

    def freeze(self) -> FrozenState | None:
        """The snapshot as it is now, for as long as somebody reads it; None if there is none yet."""
        frozen = FrozenState(self.directory, self._db.snapshot(), self._noticing_damage)
        if frozen.marker is None:
            frozen.close()
            return None
        return frozen
