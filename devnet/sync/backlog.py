"""The newest entries, in memory, encoded once for all peers. Bounded: who is further behind reads the log."""

from __future__ import annotations

from collections.abc import Iterable

from devnet.sync.frames import EntryFrame
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset


class Backlog:
    """A window over the end of the log."""

    def __init__(self, end: LogOffset, max_bytes: int, max_items: int) -> None:
        self.end = end
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._max_items = max_items
        self._entries: dict[int, tuple[LogEntry, bytes]] = {}
        """By the sequence number before the entry, in order."""

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Goes on with the log, which has no gaps."""
        for entry in entries:
            if not entry.continues(self.end):
                raise ValueError(f"an entry up to {entry.after}, but the backlog ends at {self.end}")
            if entry.kind is EntryKind.ROLLBACK:
                # Where it leads depends on where one stands: everybody reads it from the log.
                self.forget()
                self.end = entry.after
                continue
            frame = EntryFrame(entry).encode()
            self._entries[self.end.sequence] = (entry, frame)
            self.end = entry.after
            self.size_bytes += len(frame)
        while self._entries and (self.size_bytes > self._max_bytes or len(self._entries) > self._max_items):
            _, frame = self._entries.pop(next(iter(self._entries)))
            self.size_bytes -= len(frame)

    def after(
        self, place: LogOffset, max_bytes: int, end: LogOffset | None = None
    ) -> tuple[list[bytes], LogOffset] | None:
        """Frames that follow a place, and the place after them; None: it is not within the window.

        One frame at least, unless the place is the end; none beyond `end`.
        """
        frames: list[bytes] = []
        size = 0
        while place not in (self.end, end) and size < max_bytes:
            entry = self._entries.get(place.sequence)
            if entry is None or not entry[0].continues(place):
                return (frames, place) if frames else None
            frames.append(entry[1])
            place = entry[0].after
            size += len(entry[1])
        return frames, place

    def forget(self) -> None:
        """Everybody reads the log from here on, until new entries come."""
        self._entries.clear()
        self.size_bytes = 0
