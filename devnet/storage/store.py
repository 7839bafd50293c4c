"""The database of a node: opened, made that of a chain, cut back, closed. No thread of its own.

What it holds is in four parts, each a file: `chain_log.py` (what was sealed; `pruned_log.py` forgets its beginning),
`snapshot_rows.py` (the state at some block), `attestations.py` (what provers say) and `evm_snapshots.py` (names of
places in the log). Here is what touches more than one of them.

Directory: `lock`, `chain.json` (`identity.py`; a database from a later version is refused before LevelDB touches a
file), `chain.mark` (what the log has at least, `mark.py`), `chain/` (LevelDB, `database.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import plyvel

from devnet import descriptors
from devnet.files import write_atomically
from devnet.lock import DataDirLock
from devnet.stalls import watched
from devnet.storage import tables
from devnet.storage.attestations import Attestations
from devnet.storage.database import Tip, in_our_words, open_leveldb
from devnet.storage.errors import Corrupted, Unwritable
from devnet.storage.evm_snapshots import EvmSnapshots
from devnet.storage.frozen_block import FrozenBlock
from devnet.storage.identity import CARD, Identity
from devnet.storage.mark import remove_mark
from devnet.storage.pruned_log import PrunedLog
from devnet.storage.rewind import Rewind, drop_snapshot, forget_log, move_snapshot
from devnet.storage.snapshot_rows import SNAPSHOT_TABLES, UNKNOWN_NODES, SnapshotRows

_PLACES: Final = (tables.META_SNAPSHOT, tables.META_FIRST, tables.META_PRUNED, tables.META_TIP)


class Store(PrunedLog, SnapshotRows, Attestations, EvmSnapshots):
    """An open database, locked for this process."""

    def __init__(
        self,
        directory: Path,
        lock: DataDirLock,
        database: plyvel.DB,
        identity: Identity | None,
        *,
        fsync: bool,
    ) -> None:
        super().__init__(directory, database, fsync=fsync)
        self.identity = identity
        self._lock = lock

    @classmethod
    def open(
        cls,
        directory: Path,
        patience_s: float = 0.0,
        *,
        fsync: bool = False,
        max_open_files: int = descriptors.STORE,
    ) -> Self:
        """Opens or creates; a new database has no identity until `create` gives it one.

        `fsync`: what is appended is on the disk itself, not only in the operating system's hands. `max_open_files`: so
        many of its tables are kept open.
        """
        lock = DataDirLock(directory, patience_s)
        try:
            return cls._open(directory, lock, fsync, max_open_files)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open(cls, directory: Path, lock: DataDirLock, fsync: bool, max_open_files: int) -> Self:
        card = directory / CARD
        identity = Identity.decode(card.read_bytes(), directory) if card.exists() else None
        database = open_leveldb(directory, is_new=identity is None, max_open_files=max_open_files)
        try:
            with in_our_words(directory):
                found = cls._identify(directory, database, identity)
                return cls(directory, lock, database, found, fsync=fsync)
        except BaseException:
            database.close()
            raise

    @staticmethod
    def _identify(directory: Path, database: plyvel.DB, card: Identity | None) -> Identity | None:
        inner = database.get(tables.META_IDENTITY, verify_checksums=True)
        if inner is None:
            if card is not None or next(iter(database.iterator()), None):
                raise Corrupted(directory, "it does not say which chain it holds")
            return None
        identity = Identity.decode(inner, directory)
        if card is None:  # killed between the two writes of `create`
            write_atomically(directory / CARD, inner, fsync=True)
        elif card != identity:
            raise Corrupted(directory, "chain.json and the database speak of different chains")
        return identity

    def create(self, identity: Identity, genesis: bytes, first_block: int = 0) -> None:
        """Makes a new database that of a chain, whose first block has that number."""
        if self.identity is not None:
            raise ValueError("the database already has an identity")
        card = identity.encode()
        with self._batch(sync=True) as batch:
            batch.put(tables.META_IDENTITY, card)
            batch.put(tables.META_GENESIS, genesis)
            if first_block:
                batch.put(tables.META_ORIGIN, tables.number(first_block))
        write_atomically(self.directory / CARD, card, fsync=True)
        self.identity = identity
        self.origin = Tip(-1, first_block)

    def require(self, settings: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """Refuses when the chain was made with other settings; `names` says them in the user's words."""
        assert self.identity is not None
        self.identity.require(settings, names, self.directory)

    @property
    def genesis(self) -> bytes:
        """The genesis document of the chain."""
        document = self._get(tables.META_GENESIS)
        if document is None:
            raise Corrupted(self.directory, "its genesis is missing")
        return document

    def truncate(self, block: int) -> bool:
        """Forgets the log after a block, so that it can be taken again; False when the snapshot is beyond it.

        What provers have said of later blocks stays.
        """
        tip, start = self.tip, self.snapshot or self.origin
        if tip is None or tip.block < block:
            return True
        end = self._place(block)
        if tip == end:
            return True
        if block < start.block:
            return False
        self._cut(end)
        return True

    def give_up(self, end: Tip, rollbacks: int) -> bool:
        """Forgets the log after a place, also within a block, and the records of the rollbacks after so many; False
        when the snapshot is beyond it. Before anything was made of the log.

        What provers have said of later blocks stays.
        """
        tip, start = self.tip or self.origin, self.snapshot or self.origin
        end = Tip(min(end.mini, tip.mini), min(end.block, tip.block))
        while end.block > self.origin.block and self._place(end.block).mini > end.mini:
            end = end._replace(block=end.block - 1)
        if end.block < start.block:
            return False
        if end != tip:
            self._cut(end)
        if rollbacks < self.rollbacks:
            with self._batch(transaction=True, sync=True) as batch:
                for number in range(rollbacks + 1, self.rollbacks + 1):
                    batch.delete(tables.rollback_key(number))
                batch.put(tables.META_ROLLBACKS, tables.number(rollbacks))
            self.rollbacks = rollbacks
        return True

    def note_rollback(self, record: bytes) -> None:
        """Keeps the record of the next rollback, which takes nothing from this log."""
        with self._batch(transaction=True, sync=self._fsync) as batch:
            self._put_rollback(batch, record)
        self.rollbacks += 1

    def _put_rollback(self, batch: Any, record: bytes) -> None:  # noqa: ANN401 plyvel has no types
        number = self.rollbacks + 1
        batch.put(tables.rollback_key(number), record)
        batch.put(tables.META_ROLLBACKS, tables.number(number))

    def rewind(self, plan: Rewind, first_gone: int, record: bytes) -> None:
        """Carries out the next rollback, whose record this is: forgets everything after a place, with what provers have
        said of it and the `evm_snapshot` ids from `first_gone` on. All of it or nothing, and when this returns it
        survives a kill.

        Not while anybody appends or folds. Who reads meanwhile finds what stays.
        """
        with self.standing_still:
            self._rewind(plan, first_gone, record)

    def _rewind(self, plan: Rewind, first_gone: int, record: bytes) -> None:
        tip = self.tip or self.origin
        end = Tip(plan.minis - 1, plan.block)
        is_beginning = plan.minis == 0
        folds_back = self.snapshot is not None and self.snapshot.block > plan.block
        place = self._place(plan.block) if folds_back and plan.block > self.origin.block else None
        begins_anew = plan.block == self.origin.block and (folds_back or self.snapshot is None)
        self._promise_no_more(None if is_beginning else end)
        # Before the rows go: what lies beyond the log is not missing, and what is read from now on is of another time.
        self._rewinds += 1
        self.tip = None if is_beginning else end
        if self._transactions is not None:
            self._transactions -= len(plan.tx_hashes)
        with (
            watched("rolling the chain log back"),
            self._batch(transaction=True, sync=self._fsync) as batch,
        ):
            self._put_rollback(batch, record)
            forget_log(batch, plan, tip)
            for key in self._keys(tables.attestation_key(plan.block + 1), tables.after(tables.ATTESTATION)):
                batch.delete(key)
            for key in self._keys(tables.evm_snapshot_key(first_gone), tables.after(tables.EVM_SNAPSHOT)):
                batch.delete(key)
            if place is not None:
                move_snapshot(batch, plan, place)
            elif folds_back:
                drop_snapshot(batch, self._snapshot_keys())
            if begins_anew:
                batch.put(tables.META_NODES, tables.pair(*UNKNOWN_NODES))
            if (self.verified or 0) > plan.block:
                batch.put(tables.META_VERIFIED, tables.number(plan.block))
            if is_beginning:
                batch.delete(tables.META_TIP)
                batch.delete(tables.META_TX_TOTAL)
            else:
                batch.put(tables.META_TIP, tables.pair(*end))
                if self._transactions is not None:
                    batch.put(tables.META_TX_TOTAL, tables.number(self._transactions))
        self.rollbacks += 1
        if folds_back:
            self.snapshot, self._nodes = place, None
        if begins_anew:
            self._nodes = UNKNOWN_NODES

    def _snapshot_keys(self) -> Iterator[bytes]:
        for table in (tables.STATE, tables.CODE):
            yield from self._keys(table, tables.after(table))

    def truncate_all(self) -> None:
        """Forgets log and snapshot, back to the genesis; what provers have said stays."""
        self.uninstall()
        for table in (tables.MINI, tables.TRANSACTION, tables.HISTORY):
            self._delete_table(table)

    def install(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Rows of another node's `FrozenState`, into a database without a log. Part of nothing until `installed`."""
        assert self.tip is None
        with self._batch() as batch:
            for key, value in rows:
                batch.put(key, value)

    def freeze_block(self) -> FrozenBlock:
        """The chain at its newest block, for as long as somebody reads it."""
        return FrozenBlock(self.directory, self._db.snapshot(), self._noticing_damage)

    def installed(self, marker: Tip, rollbacks: int = 0) -> None:
        """All rows of a peer's snapshot are there: the chain, which was rolled back so often, goes on from it."""
        self.restored(marker, rollbacks, first=marker)

    def restored(self, marker: Tip, rollbacks: int, *, first: Tip | None) -> None:
        """Likewise, with the rows of the log that begins after `first`; None: it begins with the chain."""
        assert self.tip is None
        transactions = self.tx_total(marker.block)
        with self._batch(transaction=True, sync=True) as batch:
            for name in (tables.META_SNAPSHOT, tables.META_TIP):
                batch.put(name, tables.pair(*marker))
            if first is not None:
                batch.put(tables.META_FIRST, tables.pair(*first))
            batch.put(tables.META_ROLLBACKS, tables.number(rollbacks))
            if transactions is not None:
                batch.put(tables.META_TX_TOTAL, tables.number(transactions))
        self.snapshot = self.tip = marker
        self.first = first
        self._transactions = transactions
        self.rollbacks = rollbacks
        self.first_rollbacks = self._first_rollback() - 1

    def uninstall(self) -> None:
        """Back to a database without a log and a snapshot, whatever was installed."""
        self._mark(None)
        self._forget_nodes()
        for table in (*SNAPSHOT_TABLES, tables.BLOCK_NODES, tables.ROLLBACK, tables.TX_TOTAL):
            self._delete_table(table)
        with self._batch(transaction=True, sync=True) as batch:
            for name in (*_PLACES, tables.META_TX_TOTAL, tables.META_ROLLBACKS):
                batch.delete(name)
        self.snapshot = self.first = self.tip = self._pruned = None
        self._transactions = 0
        self.rollbacks = self.first_rollbacks = 0

    def close(self) -> None:
        """Closes LevelDB and lets go of the directory. Other threads must have stopped reading."""
        if self.tip is not None:
            self._mark(self.tip)
        self._db.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reset(directory: Path, patience_s: float = 0.0) -> None:
    """Removes the chain in a directory, and nothing else that may lie there; refused while in use."""
    if not directory.exists():
        return
    with DataDirLock(directory, patience_s):
        try:
            # The card goes last: a half-removed database must not look like a new one.
            remove_mark(directory)
            if (directory / "chain").exists():
                shutil.rmtree(directory / "chain")
            (directory / CARD).unlink(missing_ok=True)
        except OSError as error:
            raise Unwritable(directory, error.strerror or str(error)) from None


@contextmanager
def ephemeral_directory() -> Iterator[Path]:
    """A directory for a chain that nobody wants to keep; gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="megaeth-", ignore_cleanup_errors=True) as path:
        yield Path(path)
