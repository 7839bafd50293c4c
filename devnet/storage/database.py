"""One LevelDB, read and written with its damage noticed. What the rows mean is for those who build on it.

Every read checks LevelDB's checksums. All reads may come from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import plyvel

from devnet.lock import Locked
from devnet.storage import tables
from devnet.storage.errors import Corrupted, StorageError, translated

WRITE_BUFFER_BYTES: Final = 16 << 20
TABLE_FILE_BYTES: Final = 32 << 20  # small files are merged again and again: hashes fall into all of them
BLOCK_CACHE_BYTES: Final = 16 << 20
BLOOM_BITS: Final = 10  # transaction hashes that don't exist are asked for often (receipts being waited for)
DELETED_ROWS: Final = 10_000
"""In one batch."""
DATABASE_FILES: Final = (".ldb", ".sst", ".log")


class Tip(NamedTuple):
    """A place in the log: everything up to this mini-block, and up to this block."""

    mini: int
    block: int


class Database:
    """An open LevelDB in the directory of a node."""

    def __init__(self, directory: Path, database: plyvel.DB, *, fsync: bool) -> None:
        self.directory = directory
        self._db = database
        self._fsync = fsync
        origin = database.get(tables.META_ORIGIN)
        self.origin = Tip(-1, tables.read_number(origin) if origin else 0)
        """Where the chain begins: before the first mini-block, after the first block."""
        self.damaged: Callable[[StorageError], object] = lambda _: None
        """Told, in whatever thread, what makes this database useless, before the error is raised."""

    def _chunks(self, table: bytes, chunk: int) -> Iterator[list[tuple[bytes, bytes]]]:
        # The prefixed view strips keys in C: this loop is what a start with millions of values waits for.
        view = self._db.prefixed_db(table)
        with (
            self._noticing_damage(),
            view.iterator(verify_checksums=True, fill_cache=False) as found,
        ):
            while rows := list(islice(found, chunk)):
                yield rows

    @contextmanager
    def _iterator(
        self, start: bytes, stop: bytes, include_stop: bool = False
    ) -> Iterator[Iterator[tuple[bytes, bytes]]]:
        options = {"start": start, "stop": stop, "include_stop": include_stop}
        with (
            self._noticing_damage(),
            self._db.iterator(**options, verify_checksums=True, fill_cache=False) as rows,
        ):
            yield rows

    def _keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        with self._iterator(start, stop) as rows:
            for key, _ in rows:
                yield key

    def _get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise self._damage(translated(error, self.directory)) from None
        return value

    def _put(self, key: bytes, value: bytes) -> None:
        with self._noticing_damage():
            self._db.put(key, value)

    @contextmanager
    def _batch(self, *, transaction: bool = False, sync: bool = False) -> Iterator[Any]:
        """What is put and deleted in it is written together at its end; with `transaction`, unless that is an error."""
        with self._noticing_damage(), self._db.write_batch(transaction=transaction, sync=sync) as batch:
            yield batch

    @contextmanager
    def _noticing_damage(self) -> Iterator[None]:
        try:
            yield
        except plyvel.Error as error:
            raise self._damage(translated(error, self.directory)) from None

    def _damage(self, error: StorageError) -> StorageError:
        self.damaged(error)
        return error

    def _tip(self, key: bytes) -> Tip | None:
        """The place that stands under a key."""
        value = self._db.get(key)
        return Tip(*tables.read_pair(value)) if value else None

    def _delete_table(self, table: bytes) -> None:
        while self._delete_some(table):
            pass

    def _delete_some(self, table: bytes) -> bool:
        with self._iterator(table, tables.after(table)) as found:
            keys = [key for key, _ in islice(found, DELETED_ROWS)]
        with self._batch() as batch:
            for key in keys:
                batch.delete(key)
        return bool(keys)


def open_leveldb(directory: Path, *, is_new: bool, max_open_files: int) -> plyvel.DB:
    """LevelDB in `directory`/chain, which must be there as a whole unless the database is new."""
    path = directory / "chain"
    exists = (path / "CURRENT").exists()
    if not exists and path.exists() and any(f.name.endswith(DATABASE_FILES) for f in path.iterdir()):
        raise Corrupted(directory, "its CURRENT file is missing")
    if not exists and not is_new:
        raise Corrupted(directory, "the LevelDB directory beside chain.json is missing")
    if exists and not any(path.glob("*.log")):
        raise Corrupted(directory, f"LevelDB's newest entries, a file {path}/*.log, are missing")
    with in_our_words(directory):
        return plyvel.DB(
            str(path),
            create_if_missing=not exists,
            paranoid_checks=True,
            write_buffer_size=WRITE_BUFFER_BYTES,
            lru_cache_size=BLOCK_CACHE_BYTES,
            bloom_filter_bits=BLOOM_BITS,
            max_file_size=TABLE_FILE_BYTES,
            max_open_files=max_open_files,
            # Hashes and signatures don't compress: a third less disk would cost a quarter of the node's
            # processor time once the chain is long.
            compression=None,
        )


@contextmanager
def in_our_words(directory: Path) -> Iterator[None]:
    """LevelDB's complaints in our words."""
    try:
        yield
    except plyvel.Error as error:
        if "lock" in str(error).lower():
            raise Locked(directory, None) from None
        raise translated(error, directory) from None
