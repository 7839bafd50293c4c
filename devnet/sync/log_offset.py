"""A place in the chain log, and what stands there. Nothing here looks into a record.

The log is one sequence: the mini-blocks of block 1, the record of block 1, the mini-blocks of block 2, ... A place is
how many of each lie before it, and every entry carries the place after it: who knows where he stands sees from these
numbers whether an entry is the next, an old one, or beyond a gap. A chain that is rolled back goes on from an earlier
place; that is an entry, too (`chain_rollback.py`), and places tell how many of them came before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from devnet.storage.database import Tip

U64_MAX = 2**64 - 1
_ENTRY_BITS = 65


class LogOffset(NamedTuple):
    """So many mini-blocks are in the log, and blocks up to that number, of a chain that was rolled back so often. The
    first block, number 0 or the one after a fork, is in no log."""

    minis: int
    blocks: int
    rollbacks: int = 0

    @classmethod
    def of(cls, tip: Tip | None, rollbacks: int = 0) -> LogOffset:
        """The place where a store's log ends."""
        return cls(tip.mini + 1, tip.block, rollbacks) if tip else GENESIS._replace(rollbacks=rollbacks)

    @property
    def tip(self) -> Tip:
        """The numbers of the newest mini-block and the newest block."""
        return Tip(self.minis - 1, self.blocks)

    @property
    def entries(self) -> int:
        """How many mini-blocks and blocks the log has up to here."""
        return self.minis + self.blocks

    @property
    def sequence(self) -> int:
        """Unique for each place of one chain, and larger for later ones: a rollback comes after all that it takes
        back."""
        return (self.rollbacks << _ENTRY_BITS) + self.entries


GENESIS = LogOffset(0, 0)


class EntryKind(IntEnum):
    """What a record is."""

    MINI = 0
    BLOCK = 1
    ROLLBACK = 2


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of the log."""

    kind: EntryKind
    after: LogOffset
    """The place after it."""
    record: bytes

    def continues(self, place: LogOffset) -> bool:
        """Whether it comes next there. Where a rollback leads from there is for who carries it out to check."""
        if self.kind is EntryKind.ROLLBACK:
            return place.rollbacks == self.after.rollbacks - 1
        return place == self.before

    @property
    def before(self) -> LogOffset:
        """The place that a mini-block or a block continues."""
        after = self.after
        if self.kind is EntryKind.MINI:
            return after._replace(minis=after.minis - 1)
        return after._replace(blocks=after.blocks - 1)

    @property
    def number(self) -> int:
        """The mini-block's number, the block's, or the rollback's."""
        match self.kind:
            case EntryKind.MINI:
                return self.after.minis - 1
            case EntryKind.BLOCK:
                return self.after.blocks
            case EntryKind.ROLLBACK:
                return self.after.rollbacks
