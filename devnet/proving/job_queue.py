"""Which blocks a prover has to look at, and where each can be had. Late, duplicated and reordered news is normal.

A block is known by its number and hash, and by how often the chain was rolled back before: two blocks of one number are
two pieces of work. The lowest number goes first,
so that verified heights can follow; a piece that could not be had is tried again, elsewhere first, and given up when
that goes on for too long. Bounded: of more work than `most`, what is furthest ahead is forgotten (and announced again
by nobody, but the next announcements name the verified height, from which the gaps are found).

No I/O; any thread.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 4_096
REMEMBERED: Final = 16_384
RETRY_S, RETRY_MAX_S = 0.2, 5.0
GIVEN_UP_AFTER: Final = 20
"""Attempts."""
SEQUENCER: Final = "sequencer"
ANY_HASH: Final = b""
"""A block whose hash nobody has told us: the first that we are given."""

Key = tuple[int, bytes, int]
"""Number, hash, rollbacks before."""


@dataclass(frozen=True, slots=True)
class Source:
    """A node that has the block."""

    node: str
    http: str


@dataclass(eq=False)
class Job:
    """One block to be checked. Sources are added by whoever hears of them: only the workload looks at those."""

    number: int
    hash: bytes
    sources: dict[str, Source] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    attempts: int = 0
    rollbacks: int = 0
    """How often the chain was rolled back before, as who announced it says."""
    offered_at: float = field(default_factory=time.monotonic)

    @property
    def waited_s(self) -> float:
        """Since when somebody has it."""
        return time.monotonic() - self.offered_at

    @property
    def key(self) -> Key:
        """What makes it another piece than others."""
        return self.number, self.hash, self.rollbacks


class JobQueue:
    """What there is to do. Workers `take`, and say `done` or `again`."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._condition = threading.Condition()
        self._pieces: dict[Key, Job] = {}
        """All that wait or are in work."""
        self._ready: list[Key] = []
        self._waiting: list[tuple[float, Key]] = []
        self._done: OrderedDict[Key, None] = OrderedDict()
        self._known: Counter[tuple[int, int]] = Counter()
        """How many of both there are, by block number and rollbacks before."""
        self._closed = False

    def __len__(self) -> int:
        with self._condition:
            return len(self._pieces)

    def longest_wait_s(self) -> float:
        """Of all that is not done."""
        with self._condition:
            return max((piece.waited_s for piece in self._pieces.values()), default=0.0)

    def offer(self, number: int, block_hash: bytes, source: Source, rollbacks: int = 0) -> bool:
        """A node has this block. Whether that is new work."""
        key = (number, block_hash, rollbacks)
        with self._condition:
            if key in self._done:
                return False
            piece = self._pieces.get(key)
            if piece is not None:
                piece.sources[source.node] = source
                return False
            if block_hash == ANY_HASH and (number, rollbacks) in self._known:
                return False
            if len(self._pieces) >= self._most and not self._make_room(number):
                return False
            self._pieces[key] = Job(number, block_hash, {source.node: source}, rollbacks=rollbacks)
            self._known[number, rollbacks] += 1
            heapq.heappush(self._ready, key)
            self._condition.notify()
            return True

    def take(self) -> Job | None:
        """The next piece; waits for one. None when it is over."""
        with self._condition:
            while not self._closed:
                now = time.monotonic()
                while self._waiting and self._waiting[0][0] <= now:
                    _, key = heapq.heappop(self._waiting)
                    heapq.heappush(self._ready, key)
                while self._ready:
                    piece = self._pieces.get(heapq.heappop(self._ready))
                    if piece is not None:
                        return piece
                self._condition.wait(self._waiting[0][0] - now if self._waiting else None)
        return None

    def sources(self, piece: Job) -> list[Source]:
        """Who has it, as far as is known now."""
        with self._condition:
            return list(piece.sources.values())

    def next_source(self, piece: Job) -> Source | None:
        """One that was not tried in this round; when all were, a new round begins. The sequencer comes last: it has
        other work, and a lie that it tells its peers may not be the one that it tells us."""
        with self._condition:
            fresh = [source for source in piece.sources.values() if source.node not in piece.tried]
            if not fresh:
                piece.tried.clear()
                fresh = list(piece.sources.values())
        peers = [source for source in fresh if source.node != SEQUENCER] or fresh
        return peers[piece.number % len(peers)] if peers else None

    def done(self, piece: Job) -> None:
        """It has been checked (or given up)."""
        with self._condition:
            self._drop(piece.key)
            self._remember(piece.key)

    def again(self, piece: Job, source: Source | None) -> bool:
        """It could not be checked with what that node gave. False: it is given up."""
        with self._condition:
            piece.attempts += 1
            if source is not None:
                piece.tried.add(source.node)
            if piece.attempts >= GIVEN_UP_AFTER:
                self._drop(piece.key)
                return False
            fresh = any(node not in piece.tried for node in piece.sources)
            wait_s = 0.0 if fresh else min(RETRY_S * 1.5**piece.attempts, RETRY_MAX_S)
            heapq.heappush(self._waiting, (time.monotonic() + wait_s, piece.key))
            self._condition.notify()
            return True

    def forget_up_to(self, number: int) -> None:
        """Blocks up to this one need no more provers."""
        with self._condition:
            for key in [key for key in self._pieces if key[0] <= number and key[1] == ANY_HASH]:
                self._drop(key)

    def close(self) -> None:
        """No more work: `take` answers None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _make_room(self, number: int) -> bool:
        farthest = max(self._pieces)
        if farthest[0] <= number:
            return False
        self._drop(farthest)
        return True

    def _drop(self, key: Key) -> None:
        if self._pieces.pop(key, None) is not None:
            self._forget(key)

    def _remember(self, key: Key) -> None:
        if key not in self._done:
            self._done[key] = None
            self._known[key[0], key[2]] += 1
        while len(self._done) > REMEMBERED:
            key, _ = self._done.popitem(last=False)
            self._forget(key)

    def _forget(self, key: Key) -> None:
        counted = (key[0], key[2])
        self._known[counted] -= 1
        if not self._known[counted]:
            del self._known[counted]
