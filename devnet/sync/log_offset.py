"""A place in the chain log, and what stands there. Nothing here looks into a record.

The log is one sequence: the mini-blocks of block 1, the record of block 1, the mini-blocks of block 2, ... A place is
how many of each lie before it, and every entry carries the place after it: who knows where he stands sees from two
numbers whether an entry is the next, an old one, or beyond a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from devnet.storage.database import Tip

U64_MAX = 2**64 - 1


class LogOffset(NamedTuple):
    """So many mini-blocks and so many blocks (genesis not counted) are in the log."""

    minis: int
    blocks: int

    @classmethod
    def of(cls, tip: Tip | None) -> LogOffset:
        """The place where a store's log ends."""
        return cls(tip.mini + 1, tip.block) if tip else GENESIS

    @property
    def tip(self) -> Tip:
        """The numbers of the newest mini-block and the newest block."""
        return Tip(self.minis - 1, self.blocks)

    @property
    def sequence(self) -> int:
        """How many entries the log has up to here: unique for each place of one chain."""
        return self.minis + self.blocks


GENESIS = LogOffset(0, 0)


class EntryKind(IntEnum):
    """What a record is."""

    MINI = 0
    BLOCK = 1


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of the log."""

    kind: EntryKind
    after: LogOffset
    """The place after it."""
    record: bytes

    @property
    def before(self) -> LogOffset:
        """The place that it continues."""
        minis, blocks = self.after
        return LogOffset(minis - 1, blocks) if self.kind is EntryKind.MINI else LogOffset(minis, blocks - 1)

    @property
    def number(self) -> int:
        """The mini-block's number, or the block's."""
        return self.after.minis - 1 if self.kind is EntryKind.MINI else self.after.blocks
