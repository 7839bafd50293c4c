"""Which of its own blocks a node's validator looks at next, and how far it has come without a gap.

Bounded: no block is begun that lies more than `span` behind the validated one. A block that could not be checked is
tried again, less and less often, and never left out: the height waits for it. One that is refused ends it all, but for
the blocks before it that are in work.

No I/O; any thread.
"""

from __future__ import annotations

import heapq
import threading
import time
from typing import Final, NamedTuple

RETRY_S, RETRY_MAX_S = 0.2, 5.0
MAX_DOUBLINGS: Final = 16


class Turn(NamedTuple):
    """A block to be checked."""

    number: int
    chain: int
    """How often the node had given up blocks by then: what comes of a block that is given up counts for nothing."""


class ValidationWindow:
    """Workers `take`, and say `done`, `later` or `refuse`."""

    def __init__(self, validated: int, span: int) -> None:
        self._condition = threading.Condition()
        self._validated = validated
        self._span = span
        self._newest = validated
        self._next = validated + 1
        self._chain = 0
        self._checked: set[int] = set()
        """Blocks behind the validated one that are right as well."""
        self._waiting: list[tuple[float, int]] = []
        self._attempts: dict[int, int] = {}
        self._refused: int | None = None
        self._closed = False

    @property
    def validated(self) -> int:
        """This block and all before it are right."""
        with self._condition:
            return self._validated

    @property
    def newest(self) -> int:
        """The newest block that there is."""
        with self._condition:
            return self._newest

    @property
    def refused(self) -> int | None:
        """The block at which it has ended."""
        with self._condition:
            return self._refused

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    def extend(self, block: int) -> None:
        """The chain has come to this block."""
        with self._condition:
            self._newest = max(self._newest, block)
            self._condition.notify_all()

    def rewind(self, block: int) -> None:
        """The chain has gone back to this block: what was behind it is no more."""
        with self._condition:
            self._chain += 1
            self._validated = min(self._validated, block)
            self._newest = min(self._newest, block)
            self._next = self._validated + 1
            self._checked.clear()
            self._waiting.clear()
            self._attempts.clear()
            self._refused = None

    def take(self) -> Turn | None:
        """The next block; waits for one. None when it is over."""
        with self._condition:
            while not self._closed:
                number = self._due()
                if number is not None:
                    return Turn(number, self._chain)
                self._condition.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
        return None

    def _due(self) -> int | None:
        if self._waiting and self._waiting[0][0] <= time.monotonic():
            return heapq.heappop(self._waiting)[1]
        end = min(self._newest, self._validated + self._span)
        if self._next > end or self._refused is not None:
            return None
        self._next += 1
        return self._next - 1

    def counts(self, turn: Turn) -> bool:
        """Whether the block is still there."""
        with self._condition:
            return turn.chain == self._chain and not self._closed

    def done(self, turn: Turn) -> bool:
        """It is right. Whether the validated height has moved."""
        with self._condition:
            if turn.chain != self._chain or self._closed:
                return False
            self._attempts.pop(turn.number, None)
            self._checked.add(turn.number)
            before = self._validated
            while self._validated + 1 in self._checked:
                self._validated += 1
                self._checked.discard(self._validated)
            self._condition.notify_all()
            return self._validated != before

    def later(self, turn: Turn) -> None:
        """It could not be checked."""
        with self._condition:
            if turn.chain != self._chain or (self._refused or turn.number) < turn.number:
                return
            attempts = self._attempts[turn.number] = min(
                self._attempts.get(turn.number, 0) + 1, MAX_DOUBLINGS
            )
            wait_s = min(RETRY_S * 1.5**attempts, RETRY_MAX_S)
            heapq.heappush(self._waiting, (time.monotonic() + wait_s, turn.number))
            self._condition.notify()

    def refuse(self, turn: Turn) -> bool:
        """It is wrong: nothing behind it is looked at any more. False: somebody has said so, of it or of one before."""
        with self._condition:
            known = turn.chain != self._chain or self._closed
            if known or (self._refused is not None and self._refused <= turn.number):
                return False
            self._refused = turn.number
            self._waiting = [one for one in self._waiting if one[1] < turn.number]
            heapq.heapify(self._waiting)
            return True

    def close(self) -> None:
        """No more work: `take` answers None, and nothing counts any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
