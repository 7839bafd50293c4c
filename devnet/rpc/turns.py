"""The event loop's time, dealt out in turns: whoever has more to do than a turn holds goes on in a later one.

    connection: work until `Turn.is_over` --> `Turns.put_off(connection)` --> one waiting connection a round of the loop

However many clients send more than they should, all of them together hold the loop for one turn between two looks at
the sockets of everyone else.

Not here: what the work is (`http.py`, `ws.py`, `dispatch.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final, Protocol

TURN_S: Final = 0.002
SMALL: Final = 4_096
"""Bytes that are looked at when they arrive, also while others wait for their turn."""


class Turn:
    """A piece of the loop's time."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = time.perf_counter() + TURN_S

    def is_over(self) -> bool:
        """Whether it is somebody else's."""
        return time.perf_counter() >= self._ends


class Worker(Protocol):
    """A connection that has been left something to do."""

    def work_on(self) -> bool:
        """Take a turn; say whether another one is needed."""


class Turns:
    """Those who wait for their next turn, in their order. On the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[Worker] = deque()

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def put_off(self, worker: Worker) -> None:
        """Have somebody go on when everybody before has had a turn."""
        self._waiting.append(worker)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        worker = self._waiting[0]
        try:
            wants_more = worker.work_on()
        finally:
            self._waiting.popleft()
            if self._waiting:
                loop.call_soon(self._next)
        if wants_more:
            self.put_off(worker)
