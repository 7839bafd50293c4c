"""The database of a node: opened, made that of a chain, cut back, closed. No thread of its own.

What it holds is in three parts, each a file: `chain_log.py` (what was sealed), `snapshot_rows.py` (the state at some
block) and `attestations.py` (what provers say). Here is what touches more than one of them.

Directory: `lock`, `chain.json` (`identity.py`; a database from a later version is refused before LevelDB touches a
file), `chain.mark` (what the log has at least, `mark.py`), `chain/` (LevelDB, `database.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import plyvel

from devnet import descriptors
from devnet.files import write_atomically
from devnet.lock import DataDirLock
from devnet.storage import tables
from devnet.storage.attestations import Attestations
from devnet.storage.chain_log import ChainLog
from devnet.storage.database import Tip, in_our_words, open_leveldb
from devnet.storage.errors import Corrupted, Unwritable
from devnet.storage.identity import CARD, Identity
from devnet.storage.mark import remove_mark
from devnet.storage.snapshot_rows import SNAPSHOT_TABLES, SnapshotRows


class Store(ChainLog, SnapshotRows, Attestations):
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

    def create(self, identity: Identity, genesis: bytes) -> None:
        """Makes a new database that of a chain."""
        if self.identity is not None:
            raise ValueError("the database already has an identity")
        card = identity.encode()
        with self._db.write_batch(sync=True) as batch:
            batch.put(tables.META_IDENTITY, card)
            batch.put(tables.META_GENESIS, genesis)
        write_atomically(self.directory / CARD, card, fsync=True)
        self.identity = identity

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
        tip, start = self.tip, self.snapshot or Tip(-1, 0)
        if tip is None or tip.block < block:
            return True
        end = self._place(block)
        if tip == end:
            return True
        if block < start.block:
            return False
        self._cut(end)
        return True

    def truncate_all(self) -> None:
        """Forgets log and snapshot, back to the genesis; what provers have said stays."""
        self.uninstall()
        for table in (tables.MINI, tables.TRANSACTION, tables.TX_TOTAL, tables.HISTORY):
            self._delete_table(table)

    def install(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Rows of another node's `FrozenState`, into a database without a log. Part of nothing until `installed`."""
        assert self.tip is None
        with self._db.write_batch() as batch:
            for key, value in rows:
                batch.put(key, value)

    def installed(self, marker: Tip) -> None:
        """All rows are there: the chain goes on from the snapshot."""
        assert self.tip is None
        with self._db.write_batch(transaction=True, sync=True) as batch:
            for name in (tables.META_SNAPSHOT, tables.META_FIRST, tables.META_TIP):
                batch.put(name, tables.pair(*marker))
        self.snapshot = self.first = self.tip = marker
        self._transactions = None

    def uninstall(self) -> None:
        """Back to a database without a log and a snapshot, whatever was installed."""
        self._mark(None)
        self._forget_nodes()
        for table in (*SNAPSHOT_TABLES, tables.BLOCK_NODES):
            self._delete_table(table)
        with self._db.write_batch(transaction=True, sync=True) as batch:
            for name in (tables.META_SNAPSHOT, tables.META_FIRST, tables.META_TIP, tables.META_TX_TOTAL):
                batch.delete(name)
        self.snapshot = self.first = self.tip = None
        self._transactions = 0

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
