"""A chain log in memory: a source and a target for nodes without an engine. Records are what `record` makes them;
anything else at a place is refused, as the engine would.
"""

import threading

from devnet._engine import SealedBlock, SealedMini
from devnet.sync import GENESIS, Item, ItemKind, NoSuchPlace, Position, Refused

MINIS_PER_BLOCK = 5


def record(kind, number, size=40):
    """The one true record of an item."""
    return f"{kind.name.lower()} {number} ".encode() + bytes(size)


def next_item(after, size=40):
    """The item that follows a place."""
    minis, blocks = after
    if minis == (blocks + 1) * MINIS_PER_BLOCK:
        return Item(ItemKind.BLOCK, Position(minis, blocks + 1), record(ItemKind.BLOCK, blocks + 1, size))
    return Item(ItemKind.MINI, Position(minis + 1, blocks), record(ItemKind.MINI, minis, size))


def sealed(item):
    """An item as the engine hands it to the log thread."""
    if item.kind is ItemKind.MINI:
        return SealedMini(item.number, item.after.blocks + 1, 0, 0, item.record, [])
    return SealedBlock(item.number, bytes(32), item.record, [], b"")


class MemoryLog:
    """Source and target in one."""

    def __init__(self, length=0, first=GENESIS):
        self.items = []
        self.first = self.end = first
        self.hold = threading.Event()
        self.hold.set()
        """Cleared: `apply` waits."""
        self.times_applied = 0
        self.extend(length)

    def extend(self, count, size=40):
        """Grow by what follows; what is new."""
        new = []
        for _ in range(count):
            new.append(next_item(self.end, size))
            self.items.append(new[-1])
            self.end = new[-1].after
        return new

    # -- source

    def position(self):
        return self.end

    def oldest(self):
        return self.first

    def read(self, at, max_bytes):
        begin = at.sequence - self.first.sequence
        if (
            begin < 0
            or begin > len(self.items)
            or (begin < len(self.items) and self.items[begin].before != at)
        ):
            raise NoSuchPlace(f"no place {at}")
        found, size = [], 0
        for item in self.items[begin:]:
            if size >= max_bytes:
                break
            found.append(item)
            size += len(item.record)
        return found

    # -- target

    def apply(self, items):
        assert self.hold.wait(60)
        for item in items:
            assert item.before == self.end, "the follower lets nothing else through"
            true = next_item(self.end)
            if item.record.split(b"\0")[0] != true.record.split(b"\0")[0]:
                raise Refused("diff", "it is not what the chain says", item)
            self.items.append(item)
            self.end = item.after
            self.times_applied += 1

    def recheck(self, item):
        known = self.items[item.before.sequence - self.first.sequence]
        if known != item:
            raise Refused("equivocation", "two of the same number", item, known.record)
