"""The chain at the end of its newest block, standing still while the node goes on.

    LevelDB's view: snapshot at some block ── diffs of the log's blocks since, folded ──> state at the newest block

Nothing is computed or written by the node for it, and the builder knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from devnet.storage import tables
from devnet.storage.database import Tip
from devnet.storage.frozen_view import FROZEN_BLOCKS, FrozenView
from devnet.storage.rows import Fold, Row

FOLDED_BYTES: Final = 4 << 20
"""Of the log, at a time."""


class FrozenBlock(FrozenView):
    """Reads the database's values and the log behind them."""

    def __init__(
        self,
        directory: Path,
        view: Any,  # noqa: ANN401 plyvel has no types
        noticing_damage: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(directory, view, noticing_damage)
        self.genesis: bytes = self._must(tables.META_GENESIS, "its genesis")
        self.first = self._tip(tables.META_FIRST)
        """The log begins after it; None: it begins with the chain."""
        tip = self._tip(tables.META_TIP)
        self.newest = tip.mini if tip is not None else -1
        """The newest mini-block in the log: later than `end` while a block is open."""
        self.end = self._end(tip)
        """The newest closed block and its last mini-block; block 0: there is none yet."""

    def _end(self, tip: Tip | None) -> Tip:
        if tip is None or not tip.block:
            return Tip(-1, 0)
        return Tip(tables.read_number(self._block(tip.block)[:8]), tip.block)

    @property
    def block_record(self) -> bytes:
        """The record of the newest closed block."""
        return self._block(self.end.block)[8:]

    def changed_since(self, fold: Fold) -> bool:
        """Whether the block that is open has changed any state so far."""
        records = [self._mini(mini) for mini in range(self.end.mini + 1, self.newest + 1)]
        entries, codes = fold(records)
        return bool(entries or codes)

    def rows(self, fold: Fold, *, history: bool) -> Iterator[Row]:
        """The genesis document, codes, all values that differ from genesis, and the newest blocks' records and counts,
        which the EVM and the RPC ask for. With `history` everything that the log holds up to the block.

        Takes as much memory as the values that changed since the node's own snapshot."""
        yield tables.META_GENESIS, self.genesis
        values, codes = self._folded(fold)
        for key, code in self._range(tables.CODE, tables.after(tables.CODE)):
            if key[1:] not in codes:
                yield key, code
        for code_hash, code in codes.items():
            yield tables.CODE + code_hash, code
        for key, value in self._range(tables.STATE, tables.after(tables.STATE)):
            if key[1:] not in values:
                yield key, value
        for plain, value in values.items():
            yield tables.STATE + plain, value
        last = self.end.block
        recent = max(0, last - FROZEN_BLOCKS)
        first = min(recent, self._before.block) if history else recent
        yield from self._range(tables.block_key(first + 1), tables.block_key(last + 1))
        yield from self._range(tables.tx_total_key(first), tables.tx_total_key(last + 1))
        if history:
            yield from self._past()

    @property
    def _before(self) -> Tip:
        """Where the log begins: rows that lie before are being pruned."""
        return self.first or Tip(-1, 0)

    def _past(self) -> Iterator[Row]:
        (mini, block), before = self.end, self._before
        yield from self._range(tables.mini_key(before.mini + 1), tables.mini_key(mini + 1))
        yield from self._range(tables.ROLLBACK, tables.after(tables.ROLLBACK))
        for key, value in self._range(tables.TRANSACTION, tables.after(tables.TRANSACTION)):
            if before.mini < tables.read_location(value)[0] <= mini:
                yield key, value
        for key, value in self._range(tables.BLOCK_HASH, tables.after(tables.BLOCK_HASH)):
            if tables.read_number(value) <= block:
                yield key, value
        for key, value in self._range(tables.HISTORY, tables.after(tables.HISTORY)):
            if before.block < tables.read_number(key[-8:]) <= block:
                yield key, value

    def _folded(self, fold: Fold) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
        """Values and codes that changed since the node's snapshot."""
        values: dict[bytes, bytes] = {}
        codes: dict[bytes, bytes] = {}
        begin = self._tip(tables.META_SNAPSHOT)
        for records in self._records(begin or Tip(-1, 0)):
            entries, new = fold(records)
            values.update(entries)
            codes.update(new)
        return values, codes

    def _records(self, begin: Tip) -> Iterator[list[bytes]]:
        """Of mini-blocks and blocks in their order, some at a time."""
        records: list[bytes] = []
        size, mini = 0, begin.mini
        for number in range(begin.block + 1, self.end.block + 1):
            block = self._block(number)
            last = tables.read_number(block[:8])
            for each in range(mini + 1, last + 1):
                records.append(self._mini(each))
                size += len(records[-1])
            mini = last
            records.append(block[8:])
            if size >= FOLDED_BYTES:
                yield records
                records, size = [], 0
        if records:
            yield records

    def _mini(self, number: int) -> bytes:
        return self._must(tables.mini_key(number), f"mini-block {number}")

    def _block(self, number: int) -> bytes:
        return self._must(tables.block_key(number), f"block {number}")
