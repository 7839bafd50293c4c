"""The rows of a snapshot's file into a store that is to be that chain's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from devnet.snapshots.counts import Counts
from devnet.snapshots.file import SnapshotFile
from devnet.snapshots.manifest import Place, SnapshotError
from devnet.storage import Store, tables
from devnet.storage.database import Tip
from devnet.storage.rows import Row

_KEY_BYTES: Final = {
    tables.STATE: (4, 20, 52),
    tables.CODE: (32,),
    tables.BLOCK: (8,),
    tables.TX_TOTAL: (8,),
    tables.MINI: (8,),
    tables.ROLLBACK: (8,),
    tables.TRANSACTION: (32,),
    tables.BLOCK_HASH: (32,),
    tables.HISTORY: (1 + 4 + 8, 1 + 20 + 8, 1 + 52 + 8),
}
"""How long plain keys, hashes and numbers are behind their table's byte."""
_WITH_HISTORY: Final = (
    *(tables.MINI, tables.ROLLBACK, tables.TRANSACTION, tables.BLOCK_HASH),
    tables.HISTORY,
)


def genesis_of(file: SnapshotFile) -> bytes:
    """The document that the chain begins with. Raises `SnapshotError`."""
    for rows in file.parts():
        if rows and rows[0][0] == tables.META_GENESIS:
            return rows[0][1]
        break
    raise SnapshotError("its first row is not the genesis")


def checked_rows(file: SnapshotFile) -> Iterator[list[Row]]:
    """Everything but the genesis, part by part. Raises `SnapshotError` for a row that no snapshot has."""
    place = file.manifest.place
    for rows in file.parts():
        for key, value in rows:
            if key != tables.META_GENESIS and not _fits(key, value, place):
                raise SnapshotError(f"it has a row 0x{key[:60].hex()} that no snapshot has")
        yield [row for row in rows if row[0] != tables.META_GENESIS]


def _fits(key: bytes, value: bytes, place: Place) -> bool:
    table = key[:1]
    if len(key) - 1 not in _KEY_BYTES.get(table, ()) or (table in _WITH_HISTORY and not place.history):
        return False
    match table:
        case tables.BLOCK | tables.TX_TOTAL:
            return len(value) >= 8 and tables.read_number(key[1:]) <= place.block
        case tables.MINI:
            return tables.read_number(key[1:]) <= place.mini_block
        case tables.ROLLBACK:
            return tables.read_number(key[1:]) <= place.rollbacks
        case tables.TRANSACTION:
            return len(value) == 12 and tables.read_location(value)[0] <= place.mini_block
        case tables.BLOCK_HASH:
            return len(value) == 8 and tables.read_number(value) <= place.block
        case tables.HISTORY:
            return len(key) == 10 + key[1] and tables.read_number(key[-8:]) <= place.block
    return True


def install(file: SnapshotFile, store: Store) -> None:
    """Into a store that has an identity and no log. Raises `SnapshotError`; what was installed until then is there."""
    place = file.manifest.place
    counts = Counts()
    counts.add([(tables.META_GENESIS, genesis_of(file))])
    for rows in checked_rows(file):
        counts.add(rows)
        store.install(rows)
    counts.require(file.manifest)
    found = store.block(place.block)
    if found is None or found[0] != place.mini_block:
        raise SnapshotError(f"block {place.block}, where it stands, is not in it")
    first = place.log_begins_after
    store.restored(
        Tip(place.mini_block, place.block), place.rollbacks, first=Tip(*first) if first is not None else None
    )
