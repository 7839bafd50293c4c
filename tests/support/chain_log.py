"""A chain log in memory: a source and a target for nodes without an engine. Records are what `record` makes them;
anything else at a place is refused, as the engine would.
"""

import threading

from devnet._engine import SealedBlock, SealedMini
from devnet.sync import GENESIS, EntryKind, LogEntry, NoSuchPlace, Refused

MINIS_PER_BLOCK = 5


def record(kind, number, size=40):
    """The one true record of an entry."""
    return f"{kind.name.lower()} {number} ".encode() + bytes(size)


def next_entry(after, size=40):
    """The entry that follows a place."""
    minis, blocks, _ = after
    if minis == (blocks + 1) * MINIS_PER_BLOCK:
        number = blocks + 1
        return LogEntry(EntryKind.BLOCK, after._replace(blocks=number), record(EntryKind.BLOCK, number, size))
    return LogEntry(EntryKind.MINI, after._replace(minis=minis + 1), record(EntryKind.MINI, minis, size))


def sealed(entry):
    """An entry as the engine hands it to the log thread."""
    if entry.kind is EntryKind.MINI:
        return SealedMini(entry.number, entry.after.blocks + 1, 0, 0, entry.record, [])
    return SealedBlock(entry.number, bytes(32), entry.record, [], b"")


class MemoryLog:
    """Source and target in one."""

    def __init__(self, length=0, first=GENESIS):
        self.entries = []
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
            new.append(next_entry(self.end, size))
            self.entries.append(new[-1])
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
            or begin > len(self.entries)
            or (begin < len(self.entries) and self.entries[begin].before != at)
        ):
            raise NoSuchPlace(f"no place {at}")
        found, size = [], 0
        for entry in self.entries[begin:]:
            if size >= max_bytes:
                break
            found.append(entry)
            size += len(entry.record)
        return found

    # -- target

    def apply(self, entries):
        assert self.hold.wait(60)
        for entry in entries:
            assert entry.before == self.end, "the follower lets nothing else through"
            true = next_entry(self.end)
            if entry.record.split(b"\0")[0] != true.record.split(b"\0")[0]:
                raise Refused("diff", "it is not what the chain says", entry)
            self.entries.append(entry)
            self.end = entry.after
            self.times_applied += 1

    def recheck(self, entry):
        known = self.entries[entry.before.sequence - self.first.sequence]
        if known != entry:
            raise Refused("equivocation", "two of the same number", entry, known.record)
