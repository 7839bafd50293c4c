"""Moves bytes between connections and their sockets: one thread, epoll, nothing else while the clock runs.

It also watches itself: the CPU that it takes and how late it was to send what was due, because a generator that is
slower than the node measures itself.
"""

from __future__ import annotations

import gc
import heapq
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from megaeth_cli.load.connections import Connection
from megaeth_cli.load.wire import LoadError

READ_BYTES, MAX_READ_BYTES = 1 << 12, 1 << 16
"""An answer is read into a fresh buffer. A small one costs the allocator little; connections whose answers fill it get
a larger one, but not of 128 KiB or more: that would be mapped and unmapped for each answer."""
STARVED_S: Final = 0.001
SILENCE_S: Final = 30.0
"""No answer at all for so long: the peer is gone or stuck."""


@dataclass
class Effort:
    """What the generator itself took."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    lateness_s: list[float] = field(default_factory=list)
    """Of scheduled requests on free connections: sent so long after they were due."""
    starved: int = 0
    """How often a connection was free and nothing was signed for it."""


class Loop:
    """Drives connections until the leading ones have nothing left to send."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._driven: dict[int, _Driven] = {}
        self._timers: list[tuple[float, int, _Driven]] = []
        self._ties = count()
        self._leading = 0
        self._in_flight = 0
        self._stops_at = float("inf")
        self.effort = Effort()

    def run(
        self,
        leading: Sequence[Connection],
        beside: Sequence[Connection] = (),
        *,
        seconds: float | None = None,
        until: Callable[[], bool] | None = None,
    ) -> float:
        """Runs until all leading connections are through, `seconds` are over or `until` says so; returns when it began.

        The connections `beside` are driven as long as that lasts. Requests in flight are waited for.
        """
        collecting = gc.isenabled()
        gc.disable()
        cpu, began = time.process_time(), time.perf_counter()
        try:
            self._stops_at = began + seconds if seconds is not None else float("inf")
            for connection, leads in (*((one, True) for one in leading), *((one, False) for one in beside)):
                self._add(_Driven(connection, leads, began))
            self._drive(until)
        finally:
            self.effort.seconds += time.perf_counter() - began
            self.effort.cpu_s += time.process_time() - cpu
            for fd in self._driven:
                self._epoll.unregister(fd)
            self._driven.clear()
            self._timers.clear()
            self._leading = self._in_flight = 0
            if collecting:
                gc.enable()
        return began

    def close(self) -> None:
        """Gives the file descriptor back; the connections' sockets are not ours."""
        self._epoll.close()

    # --- the hot path -------------------------------------------------------------------------------------

    def _drive(self, until: Callable[[], bool] | None) -> None:
        poll, driven, clock = self._epoll.poll, self._driven, time.perf_counter
        heard_at = clock()
        while self._leading or self._in_flight:
            events = poll(self._wait())
            now = clock()
            for fd, mask in events:
                one = driven[fd]
                if mask & ~select.EPOLLOUT:
                    self._receive(one)
                else:
                    self._flush(one)
            if events:
                heard_at = now
            elif self._in_flight and now - heard_at > SILENCE_S:
                raise LoadError(f"no answer for {SILENCE_S:g} s")
            if now >= self._stops_at or (until is not None and until()):
                self._end()
            timers = self._timers
            while timers and timers[0][0] <= now:
                self._begin(heapq.heappop(timers)[2])

    def _receive(self, one: _Driven) -> None:
        try:
            data = one.receive(one.room)
        except BlockingIOError:
            return
        except OSError as error:
            raise LoadError(f"the connection broke: {error}") from None
        if not data:
            raise LoadError("the peer hung up")
        if len(data) == one.room:
            one.room = min(2 * one.room, MAX_READ_BYTES)
        body = one.take(data)
        if one.owed is not None and (owed := one.owed()):
            self._write(one, owed)
        if body is None:
            return
        now = time.perf_counter()
        one.busy = False
        self._in_flight -= 1
        one.answered(body, now)
        if one.due is None and not one.ended:
            self._send(one, now, now)
        else:
            self._follow(one, now)

    def _follow(self, one: _Driven, now: float) -> None:
        """Sends what comes next, now or when it is due."""
        if one.ended:
            return
        if one.due is None:
            self._send(one, now, now)
            return
        moment = one.started + next(one.due)
        if moment > now:
            heapq.heappush(self._timers, (moment, next(self._ties), one))
            one.due_at = moment
        else:
            self._send(one, moment, now)

    def _begin(self, one: _Driven) -> None:
        if one.ended or one.busy:
            return
        now = time.perf_counter()
        if one.due_at:
            if one.leads:
                self.effort.lateness_s.append(now - one.due_at)
            one.due_at = 0.0
        self._send(one, now, now)

    def _send(self, one: _Driven, counted_from: float, now: float) -> None:
        connection = one.connection
        message = connection.next(now)
        if message is None:
            self._finish(one)
            return
        if not message:
            self.effort.starved += one.leads
            heapq.heappush(self._timers, (now + STARVED_S, next(self._ties), one))
            return
        connection.began.append(counted_from)
        one.busy = True
        self._in_flight += 1
        self._write(one, message)

    def _write(self, one: _Driven, message: bytes) -> None:
        if one.unsent:
            one.unsent += message
            return
        try:
            sent = one.send(message)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise LoadError(f"the connection broke: {error}") from None
        if sent < len(message):
            one.unsent = message[sent:]
            self._epoll.modify(one.fd, select.EPOLLIN | select.EPOLLOUT)

    def _flush(self, one: _Driven) -> None:
        message, one.unsent = one.unsent, b""
        self._epoll.modify(one.fd, select.EPOLLIN)
        self._write(one, message)

    # --- beginning and ending -----------------------------------------------------------------------------

    def _wait(self) -> float:
        """Seconds that epoll may wait. It counts in milliseconds; a shorter wait goes through select first."""
        if not self._timers:
            left = self._stops_at - time.perf_counter()
            return min(1.0, max(0.0, left))
        left = min(self._timers[0][0], self._stops_at) - time.perf_counter()
        if left <= 0:
            return 0.0
        select.select((self._epoll,), (), (), min(left, 1.0))
        return 0.0

    def _add(self, one: _Driven) -> None:
        self._driven[one.fd] = one
        self._epoll.register(one.fd, select.EPOLLIN)
        self._leading += one.leads
        self._follow(one, time.perf_counter())

    def _finish(self, one: _Driven) -> None:
        if not one.ended:
            one.ended = True
            self._leading -= one.leads
            if not self._leading:
                self._end()

    def _end(self) -> None:
        """Nothing more is sent; what is in flight is waited for."""
        self._stops_at = float("inf")
        for one in self._driven.values():
            if not one.ended:
                one.ended = True
                self._leading -= one.leads


class _Driven:
    """A connection in the loop."""

    __slots__ = (
        "answered",
        "busy",
        "connection",
        "due",
        "due_at",
        "ended",
        "fd",
        "leads",
        "owed",
        "receive",
        "room",
        "send",
        "started",
        "take",
        "unsent",
    )

    def __init__(self, connection: Connection, leads: bool, started: float) -> None:
        self.connection = connection
        self.leads = leads
        self.started = started
        self.busy = False
        self.ended = False
        self.due_at = 0.0
        self.unsent = b""
        self.room = READ_BYTES
        # Looked up once: a request takes a few microseconds in all.
        transport = connection.transport
        self.fd = transport.socket.fileno()
        self.receive, self.send = transport.socket.recv, transport.socket.send
        self.take, self.answered, self.due = transport.framing.take, connection.answered, connection.due
        self.owed = transport.framing.owed if transport.framing.owes else None
