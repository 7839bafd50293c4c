"""The event loop's time, dealt out in turns: whoever has more to do than a turn holds goes on in a later one.

    connection: work until `Turn.is_over` --> `Turns.put_off(connection)` --> one waiting connection a round of the loop
    body for Python: `Gate.enter(its size)`  --> so many bytes of bodies a round of the loop

However many clients send more than they should, all of them together hold the loop for little longer than a turn
between two looks at the sockets of everyone else.

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
ROUND_BYTES: Final = 64 * 1024
"""Of bodies that Python begins to answer in one round of the loop; a larger one has a round of its own."""
BODY_COST: Final = 1_024
"""What every body costs, in bytes."""


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

    def work_on(self) -> None:
        """Take a turn; who needs another one puts itself off again."""


class Turns:
    """Those who wait for their next turn, in their order. On the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[Worker] = deque()
        self._is_due = False

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def put_off(self, worker: Worker) -> None:
        """Have somebody go on when everybody before has had a turn."""
        self._waiting.append(worker)
        self._see_to_it()

    def _see_to_it(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_due = False
        try:
            self._waiting.popleft().work_on()
        finally:
            self._see_to_it()


class Gate:
    """Lets bodies through in their order, so many bytes a round of the loop. On the event loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._spent = 0
        self._is_due = False

    async def enter(self, size: int) -> None:
        """Wait until there is time for a body of this size; mostly that is now."""
        cost = BODY_COST + size
        if not self._waiting and self._has_room(cost):
            self._spend(cost)
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((cost, admitted))
        await admitted

    def _has_room(self, cost: int) -> bool:
        return self._spent == 0 or self._spent + cost <= ROUND_BYTES

    def _spend(self, cost: int) -> None:
        self._spent += cost
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        self._is_due = False
        self._spent = 0
        while self._waiting and self._has_room(self._waiting[0][0]):
            cost, admitted = self._waiting.popleft()
            if not admitted.done():  # else its task was cancelled
                admitted.set_result(None)
                self._spend(cost)
