"""The ids that `evm_snapshot` has given: each is the name of a place in the log, and nothing else is kept for it.

A later id never names an earlier place: going back to a place ends the ids that were given after it.
"""

from __future__ import annotations

from devnet.storage import tables
from devnet.storage.database import Database


class EvmSnapshots(Database):
    """Ids and places. All of it on the event loop's thread, but for what the log forgets (`rewind.py`)."""

    @property
    def next_evm_snapshot(self) -> int:
        """The id that comes next; those that were given are smaller."""
        value = self._get(tables.META_EVM_SNAPSHOTS)
        return tables.read_number(value) if value is not None else 0

    def take_evm_snapshot(self, minis: int) -> int:
        """Give a chain of so many mini-blocks a name; when this returns it survives a kill."""
        identifier = self.next_evm_snapshot
        with self._batch(transaction=True, sync=self._fsync) as batch:
            batch.put(tables.evm_snapshot_key(identifier), tables.number(minis))
            batch.put(tables.META_EVM_SNAPSHOTS, tables.number(identifier + 1))
        return identifier

    def evm_snapshot(self, identifier: int) -> int | None:
        """How many mini-blocks there were; None: no such id, or it is good no more."""
        if identifier > tables.U64_MAX:
            return None
        value = self._get(tables.evm_snapshot_key(identifier))
        return tables.read_number(value) if value is not None else None

    def evm_snapshots_beyond(self, minis: int) -> int:
        """The first id of a chain that had more mini-blocks; the next one if there is none."""
        first = self.next_evm_snapshot
        with self._iterator(tables.EVM_SNAPSHOT, tables.after(tables.EVM_SNAPSHOT)) as rows:
            beyond = (tables.read_number(key[1:]) for key, value in rows if tables.read_number(value) > minis)
            return next(beyond, first)
