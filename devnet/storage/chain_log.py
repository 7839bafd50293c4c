"""The log of mini-blocks and blocks, its indices, and the history of values, as rows of the database.

`append` is called by one thread only, the log thread of the role.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import plyvel

from devnet._engine import SealedBlock, SealedMini
from devnet.stalls import watched
from devnet.storage import tables
from devnet.storage.database import Database, Tip
from devnet.storage.errors import Corrupted, Pruned
from devnet.storage.mark import Mark, boot, read_mark, remove_mark

log = logging.getLogger(__name__)

MARK_S: Final = 1.0
"""How often it is noted how far the log has come."""
NOWHERE: Final = Tip(-1, -1)
"""What no mark promises: nothing."""


class ChainLog(Database):
    """What was sealed, without gaps from its beginning to its tip."""

    def __init__(self, directory: Path, database: plyvel.DB, *, fsync: bool) -> None:
        super().__init__(directory, database, fsync=fsync)
        self.tip = self._tip(tables.META_TIP)
        self.first = self._tip(tables.META_FIRST)
        """The log begins after it: the chain was taken over from a snapshot, or pruned."""
        self._transactions = self._count()
        """In the chain up to the tip; None: a part of them is not here to be counted."""
        count = self._get(tables.META_ROLLBACKS)
        self.rollbacks = tables.read_number(count) if count is not None else 0
        """How often the chain was rolled back before what is in the log now."""
        self.first_rollbacks = self._first_rollback() - 1
        """Of these, so many came before the log began."""
        self.standing_still = threading.Lock()
        """Held while the log is cut back, and by who reads from it what must be of one time."""
        self._rewinds = 0
        """How often the log was cut back by this process: a read that began before that may find rows gone."""
        self._mark_due = 0.0
        self._marked: Tip | None = None
        """What the mark promises; None: not known here."""
        self._require_marked()

    def _count(self) -> int | None:
        if self.tip is None:
            return 0
        value = self._db.get(tables.META_TX_TOTAL)
        return tables.read_number(value) if value else None

    def _require_marked(self) -> None:
        """Refuses a log that is shorter than it was."""
        mark, tip = read_mark(self.directory), self.tip or self.origin
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

    def append(self, sealed: Iterable[SealedMini | SealedBlock]) -> Tip:
        """Writes what was sealed, in its order, in one batch; when this returns it survives a kill."""
        mini, block = self.tip or self.origin
        transactions = self._transactions
        with (
            watched("writing the chain log"),
            self._batch(transaction=True, sync=self._fsync) as batch,
        ):
            put = batch.put
            for item in sealed:
                if isinstance(item, SealedMini):
                    mini = _next(item.number, mini, "mini-block")
                    prefix = tables.number(mini)
                    put(tables.MINI + prefix, item.record)
                    for index, transaction in enumerate(item.tx_hashes):
                        put(tables.TRANSACTION + transaction, tables.location(mini, index))
                    if transactions is not None:
                        transactions += len(item.tx_hashes)
                else:
                    block = _next(item.number, block, "block")
                    suffix = tables.number(block)
                    put(tables.BLOCK + suffix, tables.number(mini) + item.record)
                    put(tables.BLOCK_HASH + item.hash, suffix)
                    if transactions is not None:
                        put(tables.TX_TOTAL + suffix, tables.number(transactions))
                    if item.nodes:
                        put(tables.BLOCK_NODES + suffix, item.nodes)
                    for key, value in item.undo:
                        put(tables.history_prefix(key) + suffix, value)
            put(tables.META_TIP, tables.pair(mini, block))
            if transactions is not None:
                put(tables.META_TX_TOTAL, tables.number(transactions))
        self.tip, self._transactions = Tip(mini, block), transactions
        if time.monotonic() >= self._mark_due:
            self._mark(self.tip)
        return self.tip

    def _mark(self, tip: Tip | None) -> None:
        """The log has at least that much from here on; before any of it is taken back, the mark is."""
        self._mark_due = time.monotonic() + MARK_S
        self._marked = None
        try:
            if tip is None:
                remove_mark(self.directory)
            else:
                Mark(tip.mini, tip.block, boot(), self._fsync).write(self.directory)
        except OSError as error:
            log.warning("cannot note how far the log has come: %s", error)
        else:
            self._marked = tip or NOWHERE

    def _promise_no_more(self, end: Tip | None) -> None:
        """Before anything is taken back: the mark says nothing of what lies beyond this place. It is left alone where
        it says no more already, as with test suites that go back again and again."""
        marked, place = self._marked, end or NOWHERE
        if marked is None or marked.mini > place.mini or marked.block > place.block:
            self._mark(end)

    def mini(self, mini: int) -> bytes | None:
        """The record of a mini-block."""
        record = self._get(tables.mini_key(mini))
        if record is None:
            after = self.first.mini if self.first else -1
            self._require_absent("mini-block", mini, after, tables.mini_key(mini))
        return record

    def minis(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Mini-blocks with numbers from `first` to `last`, checked to be complete; fewer if some are taken back or
        pruned meanwhile."""
        expected, rewinds = first, self._rewinds
        with self._iterator(tables.mini_key(first), tables.mini_key(last), include_stop=True) as rows:
            for key, record in rows:
                if tables.read_number(key[1:]) != expected:
                    break
                yield expected, record
                expected += 1
        is_pruned = self.first is not None and expected <= self.first.mini
        if expected <= last and rewinds == self._rewinds and not is_pruned:
            raise self._damage(Corrupted(self.directory, f"mini-block {expected} is missing"))

    def block(self, block: int) -> tuple[int, bytes] | None:
        """A block's last mini-block and its record."""
        value = self._get(tables.block_key(block))
        if value is None:
            after = self.first.block if self.first else self.origin.block
            self._require_absent("block", block, after, tables.block_key(block))
            return None
        return tables.read_number(value[:8]), value[8:]

    def blocks(self, first: int, last: int) -> Iterator[tuple[int, int, bytes]]:
        """(number, last mini-block, record) of the blocks from `first` to `last`, checked to be complete; fewer if some
        are taken back or pruned meanwhile."""
        expected, rewinds = first, self._rewinds
        with self._iterator(tables.block_key(first), tables.block_key(last), include_stop=True) as rows:
            for key, value in rows:
                if tables.read_number(key[1:]) != expected:
                    break
                yield expected, tables.read_number(value[:8]), value[8:]
                expected += 1
        is_pruned = self.first is not None and expected <= self.first.block
        if expected <= last and rewinds == self._rewinds and not is_pruned:
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

    def tx_total(self, block: int) -> int | None:
        """How many transactions the chain holds up to the end of a block; None where the log does not know."""
        if block <= self.origin.block:
            return 0
        value = self._get(tables.tx_total_key(block))
        return tables.read_number(value) if value is not None else None

    def value_at(self, key: bytes, block: int) -> bytes | None:
        """What stood under a plain key at the end of a block; None if nothing in the log changed it since.

        Raises `Pruned`: the log begins later by now."""
        if block >= tables.U64_MAX:
            return None
        found = self._value_after(key, block)
        # Looked at last: what was found may be what is left after rows have gone.
        if self.first is not None and block < self.first.block:
            raise Pruned(f"the log begins after block {self.first.block}")
        return found

    def _value_after(self, key: bytes, block: int) -> bytes | None:
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

    def _cut(self, end: Tip) -> None:
        """Forgets everything after a place, so that it can be taken again."""
        self._promise_no_more(end)
        is_whole = self._place(end.block) == end
        for first, last in self._beyond(end):
            with self._batch() as batch, self._iterator(first, last) as rows:
                for key, _ in rows:
                    batch.delete(key)
        gone = self._forget_index(end)
        tip = end if end != self.origin else None
        transactions = self.tx_total(end.block) if is_whole else self._transactions
        if not is_whole and transactions is not None:
            transactions -= gone
        with self._batch(transaction=True, sync=True) as batch:
            if tip is not None:
                batch.put(tables.META_TIP, tables.pair(*tip))
            else:
                batch.delete(tables.META_TIP)
            if transactions is not None:
                batch.put(tables.META_TX_TOTAL, tables.number(transactions))
            else:
                batch.delete(tables.META_TX_TOTAL)
        self.tip, self._transactions = tip, transactions

    def _place(self, block: int) -> Tip:
        """Where a block ends."""
        found = self.block(block)
        return Tip(found[0] if found is not None else -1, block)

    def _beyond(self, end: Tip) -> Iterator[tuple[bytes, bytes]]:
        """Key ranges of everything numbered after a place."""
        yield tables.mini_key(end.mini + 1), tables.after(tables.MINI)
        yield tables.block_key(end.block + 1), tables.after(tables.BLOCK)
        yield tables.tx_total_key(end.block + 1), tables.after(tables.TX_TOTAL)
        yield tables.nodes_key(end.block + 1), tables.after(tables.BLOCK_NODES)

    def _forget_index(self, end: Tip) -> int:
        """Rows whose keys begin with something else, by what they say; of how many transactions."""
        transactions = 0
        tests: tuple[tuple[bytes, Callable[[bytes, bytes], bool]], ...] = (
            (tables.TRANSACTION, lambda _, value: tables.read_location(value)[0] > end.mini),
            (tables.BLOCK_HASH, lambda _, value: tables.read_number(value) > end.block),
            (tables.HISTORY, lambda key, _: tables.read_number(key[-8:]) > end.block),
        )
        for table, is_beyond in tests:
            with (
                self._batch() as batch,
                self._iterator(table, tables.after(table)) as rows,
            ):
                for key, value in rows:
                    if is_beyond(key, value):
                        batch.delete(key)
                        transactions += table == tables.TRANSACTION
        return transactions

    def _first_rollback(self) -> int:
        for key in self._keys(tables.ROLLBACK, tables.after(tables.ROLLBACK)):
            return tables.read_number(key[1:])
        return self.rollbacks + 1

    def rollback(self, number: int) -> bytes | None:
        """The record of the rollback with that number."""
        return self._get(tables.rollback_key(number))

    def rollback_records(self) -> list[bytes]:
        """All of them that are here, in their order."""
        with self._iterator(tables.ROLLBACK, tables.after(tables.ROLLBACK)) as rows:
            return [record for _, record in rows]

    def _require_absent(self, what: str, number: int, after: int, key: bytes) -> None:
        """The log has no gaps: what is not there must lie before its beginning or beyond its end, or have been taken
        back a moment ago and made anew since."""
        end = (self.tip.mini if what == "mini-block" else self.tip.block) if self.tip is not None else after
        if after < number <= end and self._get(key) is None:
            raise self._damage(
                Corrupted(self.directory, f"{what} {number} is missing, which its log must have")
            )


def _next(number: int, previous: int, what: str) -> int:
    if number != previous + 1:
        raise ValueError(f"{what} {number} follows {previous}: the log has no gaps")
    return number
