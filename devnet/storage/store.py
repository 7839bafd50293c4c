"""Opens the database, appends what was sealed, reads it back. No thread of its own.

`append` is called by one thread only (the log thread of the role), `fold` by one thread only (the
snapshotter); all reads may come from any thread. Directory: `lock`, `chain.json` (identity and format,
readable without LevelDB, so that a database from a later version is refused before LevelDB touches a file),
`chain.mark` (what the log has at least, `mark.py`), `chain/` (LevelDB). Every read checks LevelDB's checksums.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import plyvel

from devnet import descriptors
from devnet.lock import DataDirLock, Locked
from devnet.stalls import watched
from devnet.storage import tables
from devnet.storage.errors import Corrupted, OtherChain, StorageError, TooNew, Unwritable, translated
from devnet.storage.mark import Mark, boot, read_mark, remove_mark

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

log = logging.getLogger(__name__)

WRITE_BUFFER_BYTES = 16 << 20
TABLE_FILE_BYTES = 32 << 20  # small files are merged again and again: hashes fall into all of them
BLOCK_CACHE_BYTES = 16 << 20
BLOOM_BITS = 10  # transaction hashes that don't exist are asked for often (receipts being waited for)
SNAPSHOT_TABLES = (tables.BLOCK, tables.BLOCK_HASH, tables.CODE, tables.STATE)
FROZEN_BLOCKS = 256
"""BLOCKHASH reaches so far."""
UNINSTALL_ROWS = KEPT_ROWS = 10_000
MARK_S = 1.0
"""How often it is noted how far the log has come."""
DATABASE_FILES = (".ldb", ".sst", ".log")


class Tip(NamedTuple):
    """A place in the log: everything up to this mini-block, and up to this block."""

    mini: int
    block: int


@dataclass(frozen=True)
class Identity:
    """Which chain a database holds. `settings` are those that make another chain when changed."""

    chain_id: int
    genesis_hash: bytes
    settings: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The JSON of chain.json."""
        return json.dumps(
            {
                "format": tables.FORMAT,
                "chain_id": self.chain_id,
                "genesis_hash": "0x" + self.genesis_hash.hex(),
                "settings": dict(self.settings),
            },
            indent=2,
            sort_keys=True,
        ).encode()

    @classmethod
    def decode(cls, data: bytes, directory: Path) -> Identity:
        """Reads chain.json; refuses a later format before looking at anything else."""
        try:
            document = json.loads(data)
            version = int(document["format"])
            if version > tables.FORMAT:
                raise TooNew(directory, version, tables.FORMAT)
            return cls(
                int(document["chain_id"]),
                bytes.fromhex(document["genesis_hash"].removeprefix("0x")),
                dict(document["settings"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Corrupted(directory, f"its chain.json can't be read ({error!r})") from None


class Store:
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
        self.directory = directory
        self.identity = identity
        self._fsync = fsync
        self._lock = lock
        self._db = database
        tip = database.get(tables.META_TIP)
        self.tip: Tip | None = Tip(*tables.read_pair(tip)) if tip else None
        marker = database.get(tables.META_SNAPSHOT)
        self.snapshot: Tip | None = Tip(*tables.read_pair(marker)) if marker else None
        first = database.get(tables.META_FIRST)
        self.first: Tip | None = Tip(*tables.read_pair(first)) if first else None
        """The log begins after it: this chain was taken over from a peer's snapshot."""
        nodes = database.get(tables.META_NODES)
        self._nodes: Tip | None = Tip(*tables.read_pair(nodes)) if nodes else None
        self._mark_due = 0.0
        self.damaged: Callable[[StorageError], object] = lambda _: None
        """Told, in whatever thread, what makes this database useless, before the error is raised."""
        self._require_marked()

    def _require_marked(self) -> None:
        """Refuses a log that is shorter than it was."""
        mark, tip = read_mark(self.directory), self.tip or Tip(-1, 0)
        if mark is None or (tip.mini >= mark.mini and tip.block >= mark.block):
            return
        missing = (
            f"its log ends at mini-block {tip.mini}, block {tip.block}, "
            f"but had come to mini-block {mark.mini}, block {mark.block}"
        )
        if mark.must_be_there:
            raise Corrupted(
                self.directory, f"{missing}: files in {self.directory / 'chain'} were removed or cut"
            )
        log.warning("%s: the machine was restarted before the disk had the rest, which is lost", missing)
        self._mark(self.tip)

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
        card = directory / "chain.json"
        identity = Identity.decode(card.read_bytes(), directory) if card.exists() else None
        path = directory / "chain"
        exists = (path / "CURRENT").exists()
        if not exists and path.exists() and any(f.name.endswith(DATABASE_FILES) for f in path.iterdir()):
            raise Corrupted(directory, "its CURRENT file is missing")
        if not exists and identity is not None:
            raise Corrupted(directory, "the LevelDB directory beside chain.json is missing")
        if exists and not any(path.glob("*.log")):
            raise Corrupted(directory, f"LevelDB's newest entries, a file {path}/*.log, are missing")
        with _translated(directory):
            database = plyvel.DB(
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
        try:
            with _translated(directory):
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
            _write_atomically(directory / "chain.json", inner)
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
        _write_atomically(self.directory / "chain.json", card)
        self.identity = identity

    def require(self, settings: Mapping[str, Any], names: Mapping[str, str]) -> None:
        """Refuses when the chain was made with other settings; `names` says them in the user's words."""
        assert self.identity is not None
        made = self.identity.settings
        differences = [
            f"{names.get(key, key)} is {_short(made.get(key))}, not {_short(settings.get(key))}"
            for key in sorted(made.keys() | settings.keys())
            if made.get(key) != settings.get(key)
        ]
        if differences:
            raise OtherChain(self.directory, differences)

    @property
    def genesis(self) -> bytes:
        """The genesis document of the chain."""
        document = self._get(tables.META_GENESIS)
        if document is None:
            raise Corrupted(self.directory, "its genesis is missing")
        return document

    # -- the log ---------------------------------------------------------------------------------------------

    def append(self, sealed: Iterable[SealedMini | SealedBlock]) -> Tip:
        """Writes what was sealed, in its order, in one batch; when this returns it survives a kill."""
        mini, block = self.tip or (-1, 0)
        with (
            watched("writing the chain log"),
            self._noticing_damage(),
            self._db.write_batch(transaction=True, sync=self._fsync) as batch,
        ):
            put = batch.put
            for item in sealed:
                if hasattr(item, "tx_hashes"):
                    mini = _next(item.number, mini, "mini-block")
                    prefix = tables.number(mini)
                    put(tables.MINI + prefix, item.record)
                    for index, transaction in enumerate(item.tx_hashes):
                        put(tables.TRANSACTION + transaction, tables.location(mini, index))
                else:
                    block = _next(item.number, block, "block")
                    suffix = tables.number(block)
                    put(tables.BLOCK + suffix, tables.number(mini) + item.record)
                    put(tables.BLOCK_HASH + item.hash, suffix)
                    if item.nodes:
                        put(tables.BLOCK_NODES + suffix, item.nodes)
                    for key, value in item.undo:
                        put(tables.history_prefix(key) + suffix, value)
            put(tables.META_TIP, tables.pair(mini, block))
        self.tip = Tip(mini, block)
        if time.monotonic() >= self._mark_due:
            self._mark(self.tip)
        return self.tip

    def _mark(self, tip: Tip | None) -> None:
        """The log has at least that much from here on; before any of it is taken back, the mark is."""
        self._mark_due = time.monotonic() + MARK_S
        try:
            if tip is None:
                remove_mark(self.directory)
            else:
                Mark(tip.mini, tip.block, boot(), self._fsync).write(self.directory)
        except OSError as error:
            log.warning("cannot note how far the log has come: %s", error)

    def mini(self, mini: int) -> bytes | None:
        """The record of a mini-block."""
        record = self._get(tables.mini_key(mini))
        if record is None:
            self._require_absent("mini-block", mini, after=self.first.mini if self.first else -1)
        return record

    def minis(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Mini-blocks with numbers from `first` to `last`, checked to be complete."""
        expected = first
        with self._iterator(tables.mini_key(first), tables.mini_key(last), include_stop=True) as rows:
            for key, record in rows:
                if tables.read_number(key[1:]) != expected:
                    break
                yield expected, record
                expected += 1
        if expected <= last:
            raise self._damage(Corrupted(self.directory, f"mini-block {expected} is missing"))

    def block(self, block: int) -> tuple[int, bytes] | None:
        """A block's last mini-block and its record."""
        value = self._get(tables.block_key(block))
        if value is None:
            self._require_absent("block", block, after=self.first.block if self.first else 0)
            return None
        return tables.read_number(value[:8]), value[8:]

    def blocks(self, first: int, last: int) -> Iterator[tuple[int, int, bytes]]:
        """(number, last mini-block, record) of the blocks from `first` to `last`, checked to be complete."""
        expected = first
        with self._iterator(tables.block_key(first), tables.block_key(last), include_stop=True) as rows:
            for key, value in rows:
                if tables.read_number(key[1:]) != expected:
                    break
                yield expected, tables.read_number(value[:8]), value[8:]
                expected += 1
        if expected <= last:
            raise self._damage(Corrupted(self.directory, f"block {expected} is missing"))

    def mini_records(self, first: int, last: int) -> list[bytes]:
        """The records of mini-blocks from `first` to `last`; none if the log begins later."""
        return self._records(tables.mini_key(first), tables.mini_key(last))

    def block_records(self, first: int, last: int) -> list[bytes]:
        """Likewise of blocks."""
        return [value[8:] for value in self._records(tables.block_key(first), tables.block_key(last))]

    def _records(self, first: bytes, last: bytes) -> list[bytes]:
        """What stands from one key to another; the log has no gaps but before its beginning."""
        with self._iterator(first, last, include_stop=True) as rows:
            found = next(rows, None)
            return [found[1], *(value for _, value in rows)] if found and found[0] == first else []

    def block_number(self, block_hash: bytes) -> int | None:
        """Where the block with that hash stands."""
        value = self._get(tables.BLOCK_HASH + block_hash)
        return tables.read_number(value) if value is not None else None

    def tx_location(self, tx_hash: bytes) -> tuple[int, int] | None:
        """The mini-block of a transaction, and its index there."""
        value = self._get(tables.TRANSACTION + tx_hash)
        if value is None:
            return None
        mini, index = tables.read_location(value)
        return mini, index

    def _delete_some(self, table: bytes) -> bool:
        with self._iterator(table, tables.after(table)) as found:
            keys = [key for key, _ in islice(found, UNINSTALL_ROWS)]
        with self._db.write_batch() as batch:
            for key in keys:
                batch.delete(key)
        return bool(keys)

    def truncate(self, block: int) -> bool:
        """Forgets the log after a block, so that it can be taken again; False when the snapshot is beyond it.

        What provers have said of later blocks stays.
        """
        tip, start = self.tip, self.snapshot or Tip(-1, 0)
        if tip is None or tip.block < block or tip == Tip(self._last_mini(block), block):
            return True
        if block < start.block:
            return False
        end = Tip(self._last_mini(block), block)
        self._mark(end)
        for first, last in self._beyond(end):
            with self._db.write_batch() as batch, self._iterator(first, last) as rows:
                for key, _ in rows:
                    batch.delete(key)
        self._forget_index(end)
        with self._db.write_batch(transaction=True, sync=True) as batch:
            if block or end.mini >= 0:
                batch.put(tables.META_TIP, tables.pair(*end))
            else:
                batch.delete(tables.META_TIP)
        self.tip = end if block or end.mini >= 0 else None
        return True

    def truncate_all(self) -> None:
        """Forgets log and snapshot, back to the genesis; what provers have said stays."""
        self.uninstall()
        for table in (tables.MINI, tables.TRANSACTION, tables.HISTORY):
            while self._delete_some(table):
                pass

    def _last_mini(self, block: int) -> int:
        found = self.block(block)
        return found[0] if found is not None else -1

    def _beyond(self, end: Tip) -> Iterator[tuple[bytes, bytes]]:
        """Key ranges of everything numbered after a place."""
        yield tables.mini_key(end.mini + 1), tables.after(tables.MINI)
        yield tables.block_key(end.block + 1), tables.after(tables.BLOCK)
        yield tables.nodes_key(end.block + 1), tables.after(tables.BLOCK_NODES)

    def _forget_index(self, end: Tip) -> None:
        """Rows whose keys begin with something else, by what they say."""
        tests: tuple[tuple[bytes, Callable[[bytes, bytes], bool]], ...] = (
            (tables.TRANSACTION, lambda _, value: tables.read_location(value)[0] > end.mini),
            (tables.BLOCK_HASH, lambda _, value: tables.read_number(value) > end.block),
            (tables.HISTORY, lambda key, _: tables.read_number(key[-8:]) > end.block),
        )
        for table, is_beyond in tests:
            with (
                self._db.write_batch() as batch,
                self._iterator(table, tables.after(table)) as rows,
            ):
                for key, value in rows:
                    if is_beyond(key, value):
                        batch.delete(key)

    # -- what provers say ------------------------------------------------------------------------------------

    def attest(self, block: int, prover: bytes, attestation: bytes) -> None:
        """Keeps a prover's word on a block. Any thread."""
        self._db.put(tables.attestation_key(block) + prover, attestation)

    def attestations(self, first: int, last: int, most: int = 10_000) -> list[tuple[int, bytes]]:
        """(block, attestation) of the blocks from `first` to `last`, no more than `most` of them."""
        beyond = min(last, tables.U64_MAX - 1) + 1
        with self._iterator(tables.attestation_key(first), tables.attestation_key(beyond)) as rows:
            return [(tables.read_number(key[1:9]), value) for key, value in islice(rows, most)]

    @property
    def verified(self) -> int | None:
        """All blocks up to this one are verified; None when nothing was ever counted."""
        value = self._get(tables.META_VERIFIED)
        return tables.read_number(value) if value is not None else None

    @verified.setter
    def verified(self, block: int) -> None:
        self._db.put(tables.META_VERIFIED, tables.number(block))

    # -- history ---------------------------------------------------------------------------------------------

    def value_at(self, key: bytes, block: int) -> bytes | None:
        """What stood under a plain key at the end of a block; None if nothing in the log changed it since."""
        if block >= tables.U64_MAX:
            return None
        prefix = tables.history_prefix(key)
        start, stop = prefix + tables.number(block + 1), prefix + tables.number(tables.U64_MAX)
        with (
            self._noticing_damage(),
            self._db.iterator(
                start=start, stop=stop, include_stop=True, include_key=False, verify_checksums=True
            ) as values,
        ):
            found: bytes | None = next(values, None)
            return found

    # -- snapshot --------------------------------------------------------------------------------------------

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
            self._noticing_damage(),
            self._db.write_batch(transaction=True) as batch,
        ):
            put = batch.put
            for key, value in entries:
                put(tables.STATE + key, value)
            for code_hash, code in codes:
                put(tables.CODE + code_hash, code)
            for node, commitment in nodes:
                put(tables.NODE + node, commitment)
                keeps_nodes = self._nodes == before
            for block in range((before or Tip(-1, 0)).block + 1, marker.block + 1):
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
        for at in range(0, len(rows), KEPT_ROWS * tables.NODE_ROW):
            with self._db.write_batch() as batch:
                for node, commitment in tables.node_rows(rows[at : at + KEPT_ROWS * tables.NODE_ROW]):
                    batch.put(tables.NODE + node, commitment)
        self._db.put(tables.META_NODES, tables.pair(*self.snapshot))
        self._nodes = self.snapshot

    def _forget_nodes(self) -> None:
        self._db.delete(tables.META_NODES)
        self._nodes = None
        while self._delete_some(tables.NODE):
            pass

    def code(self, code_hash: bytes) -> bytes | None:
        """A contract's code, if the snapshot has come to it."""
        return self._get(tables.CODE + code_hash)

    def state_bytes(self) -> int:
        """About how much the snapshot takes on disk."""
        size: int = self._db.approximate_size(tables.STATE, tables.after(tables.STATE))
        return size

    # -- a snapshot for a peer, and from one ------------------------------------------------------------------

    def freeze(self) -> FrozenState | None:
        """The snapshot as it is now, for as long as somebody reads it; None if there is none yet."""
        frozen = FrozenState(self.directory, self._db.snapshot(), self._noticing_damage)
        if frozen.marker is None:
            frozen.close()
            return None
        return frozen

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

    def uninstall(self) -> None:
        """Back to a database without a log and a snapshot, whatever was installed."""
        self._mark(None)
        self._forget_nodes()
        for table in (*SNAPSHOT_TABLES, tables.BLOCK_NODES):
            while self._delete_some(table):
                pass
        with self._db.write_batch(transaction=True, sync=True) as batch:
            for name in (tables.META_SNAPSHOT, tables.META_FIRST, tables.META_TIP):
                batch.delete(name)
        self.snapshot = self.first = self.tip = None

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

    def _get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise self._damage(translated(error, self.directory)) from None
        return value

    @contextmanager
    def _noticing_damage(self) -> Iterator[None]:
        try:
            yield
        except plyvel.Error as error:
            raise self._damage(translated(error, self.directory)) from None

    def _damage(self, error: StorageError) -> StorageError:
        self.damaged(error)
        return error

    def _require_absent(self, what: str, number: int, after: int) -> None:
        """The log has no gaps: what is not there must lie before its beginning or beyond its end."""
        end = (self.tip.mini if what == "mini-block" else self.tip.block) if self.tip is not None else after
        if after < number <= end:
            raise self._damage(
                Corrupted(self.directory, f"{what} {number} is missing, which its log must have")
            )

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


class FrozenState:
    """The snapshot at one moment, with the newest blocks up to it, as rows of this format's tables, in order.

    May be read by one thread at a time, while the store goes on.
    """

    def __init__(
        self,
        directory: Path,
        view: Any,  # noqa: ANN401 plyvel has no types
        noticing_damage: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._directory = directory
        self._view = view
        self._noticing_damage = noticing_damage
        marker = view.get(tables.META_SNAPSHOT)
        self.marker: Tip | None = Tip(*tables.read_pair(marker)) if marker else None

    @property
    def block_record(self) -> bytes:
        """The record of the block that the snapshot stands at."""
        assert self.marker is not None
        value = self._view.get(tables.block_key(self.marker.block))
        if value is None:
            raise Corrupted(
                self._directory, f"block {self.marker.block}, where the snapshot stands, is missing"
            )
        record: bytes = value[8:]
        return record

    def rows(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) from `start` up to but not including `stop`: hashes and records of blocks, codes, state."""
        assert self.marker is not None
        last = self.marker.block
        first = max(1, last - FROZEN_BLOCKS + 1)
        for begin, end in (
            *(
                (tables.block_key(first), tables.block_key(last + 1)),
                (tables.CODE, tables.after(tables.CODE)),
            ),
            (tables.STATE, tables.after(tables.STATE)),
        ):
            begin = max(begin, start)
            end = end if stop is None else min(end, stop)
            if begin < end:
                options = {"start": begin, "stop": end, "verify_checksums": True, "fill_cache": False}
                with self._noticing_damage(), self._view.iterator(**options) as found:
                    yield from found

    def close(self) -> None:
        """LevelDB may forget that moment."""
        self._view.close()


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
            (directory / "chain.json").unlink(missing_ok=True)
        except OSError as error:
            raise Unwritable(directory, error.strerror or str(error)) from None


@contextmanager
def ephemeral_directory() -> Iterator[Path]:
    """A directory for a chain that nobody wants to keep; gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="megaeth-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def _next(number: int, previous: int, what: str) -> int:
    if number != previous + 1:
        raise ValueError(f"{what} {number} follows {previous}: the log has no gaps")
    return number


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _translated(directory: Path) -> Iterator[None]:
    """LevelDB's complaints in our words."""
    try:
        yield
    except plyvel.Error as error:
        if "lock" in str(error).lower():
            raise Locked(directory, None) from None
        raise translated(error, directory) from None
