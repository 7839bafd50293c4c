"""A load from beginning to end: connections are made, driven, watched and counted.

Calls (who sends what) + Shape (how) -> connections -> Loop -> Drain -> Outcome
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import accumulate, chain, cycle, islice
from typing import Final, NamedTuple, Self

import psutil

from megaeth_cli.load.answers import kinds
from megaeth_cli.load.connections import Connection, Transport, after_pauses, evenly
from megaeth_cli.load.inclusion import Drain, Receipts, Watch, latencies, watched
from megaeth_cli.load.loop import Loop
from megaeth_cli.load.outcome import Generator, Latency, Outcome, percentile
from megaeth_cli.load.requests import MAX_HELD, Calls, SigningChild, ready
from megaeth_cli.load.wire import Endpoint, LoadError, batch

SETTLE_S: Final = 1.0
"""For the load behind a probe."""
POLL_S: Final = 0.001
ENDLESS: Final = 2**31
"""Transactions per connection of a load that ends by the clock."""


@dataclass(frozen=True)
class Shape:
    """How calls are sent."""

    connections: int = 1
    batch: int = 1
    websocket: bool = False
    rate: float | None = None
    """Calls per second over all connections; None: as fast as they are answered."""
    pause_s: float | None = None
    """Instead of a rate: the mean of random pauses on each connection."""
    count: int | None = None
    """Calls in all, rounded up to whole requests on all connections."""
    seconds: float | None = None
    """How long to send, where that ends it."""

    def ending(self, count: int | None = None, seconds: float | None = None) -> Shape:
        """The same with another end."""
        return replace(self, count=count, seconds=seconds)

    def at_once(self) -> Shape:
        """The same as fast as it is answered."""
        return replace(self, rate=None, pause_s=None)

    def each(self, connections: int) -> int:
        """Calls on one connection of so many; a load that ends by the clock has no number of its own."""
        count = self.count
        if count is None and self.rate is not None and self.seconds is not None:
            count = math.ceil(self.rate * self.seconds)
        return ENDLESS if count is None else -(-count // (connections * self.batch)) * self.batch

    def due(self, connection: int, connections: int, after_s: float = 0.0) -> Iterator[float] | None:
        """When a connection sends; the connections take turns."""
        if self.pause_s is not None:
            return after_pauses(self.pause_s, after_s, seed=connection)
        if self.rate is None:
            return None
        requests = self.rate / self.batch
        return evenly(requests / connections, after_s + connection / requests)


class Load:
    """Signed calls on connections of their own, each with its group of senders. A context manager."""

    def __init__(
        self,
        endpoint: Endpoint,
        groups: Sequence[Calls],
        shape: Shape,
        *,
        watch: bool = True,
        after_s: float = 0.0,
    ) -> None:
        self.shape = shape
        self.groups = groups
        self._endpoint = endpoint
        self._stack = ExitStack()
        self._before = [[sender.nonce for sender in calls.senders] for calls in groups]
        self._seen = watched([calls.senders for calls in groups]) if watch else []
        self.child: SigningChild | None = None
        try:
            transports = [self._transport(shape.websocket) for _ in groups]
            self.connections = [
                Connection(transport, requests, shape.batch, shape.due(number, len(groups), after_s))
                for number, (transport, requests) in enumerate(
                    zip(transports, self._requests(transports), strict=True)
                )
            ]
            self.watching = [self._watch()] if watch else []
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up."""
        self._stack.close()

    def settle(self) -> Settled:
        """Waits until what was sent is included; the senders' nonces are what they should be then."""
        for calls, connection, before in zip(self.groups, self.connections, self._before, strict=True):
            sent, turns = len(connection.ended) * connection.weight, len(before)
            for index, (sender, nonce) in enumerate(zip(calls.senders, before, strict=True)):
                sender.nonce = nonce + (sent - index + turns - 1) // turns
        refused = sum(connection.refused for connection in self.connections)
        senders = [one for calls in self.groups for one in calls.senders]
        drain = Drain(self._transport(), senders, refused, self._saw)
        samples = [
            connection.sent for connection in self.connections if connection.sent and not connection.refused
        ]
        loop = Loop()
        loop.run([drain])
        if samples and not drain.missing:
            loop.run([Receipts(self._transport(), samples)])
        loop.close()
        began = min(
            (connection.began[0] for connection in self.connections if connection.began),
            default=drain.changed_at,
        )
        return Settled(drain.missing, drain.changed_at - began, list(self._latencies()))

    def _saw(self, nonces: Sequence[int], now: float) -> None:
        """Takes the nonces of all senders, connection by connection, for those that are watched."""
        begins = [0, *accumulate(len(calls.senders) for calls in self.groups)]
        for watch in self.watching:
            watch.saw([nonces[begins[connection] + place] for connection, place in self._seen], now)

    def _latencies(self) -> Iterator[float]:
        for watch in self.watching:
            for included, (connection, place) in zip(watch.included, self._seen, strict=True):
                yield from latencies(
                    self.connections[connection], place, len(self.groups[connection].senders), included
                )

    def _watch(self) -> Watch:
        senders = [self.groups[connection].senders[place] for connection, place in self._seen]
        return Watch(
            self._transport(), senders, [self._before[connection][place] for connection, place in self._seen]
        )

    def _transport(self, websocket: bool = False) -> Transport:
        transport = Transport(self._endpoint, websocket=websocket)
        self._stack.callback(transport.close)
        return transport

    def _requests(self, transports: Sequence[Transport]) -> list[Iterator[bytes]]:
        each, size = self.shape.each(len(transports)), self.shape.batch
        if each * len(transports) <= MAX_HELD:
            return [
                ready(transport, calls, each, size)
                for transport, calls in zip(transports, self.groups, strict=True)
            ]
        self.child = SigningChild(self._endpoint, self.shape.websocket, self.groups, each, size)
        self._stack.callback(self.child.close)
        # The clock starts when there is something for everybody.
        return [chain([_first(one)], one) for one in map(self.child.requests, range(len(transports)))]


class Settled(NamedTuple):
    """What became of the calls of a load."""

    missing: int
    seconds: float
    """From the first request to the last inclusion."""
    latencies_s: list[float]
    """From sending to inclusion, of those that were watched."""


def send(
    endpoint: Endpoint,
    groups: Sequence[Calls],
    shape: Shape,
    *,
    watch: bool = True,
    behind: Load | None = None,
    node: int | None = None,
) -> Outcome:
    """Sends signed calls and waits until they are included. The load `behind` is driven as long as that lasts.

    `node` is the node's process, where its CPU time is to be told.
    """
    with Load(endpoint, groups, shape, watch=watch, after_s=SETTLE_S if behind else 0.0) as load:
        beside = [*load.watching, *((*behind.connections, *behind.watching) if behind else ())]
        children = [one.child for one in (load, behind) if one and one.child]
        outcome = _drive(load.connections, beside, shape, children, node)
        settled = load.settle()
        if behind is not None:
            behind.settle()
        return replace(
            outcome,
            missing=settled.missing,
            included_seconds=settled.seconds,
            inclusion=Latency.of_seconds(settled.latencies_s),
        )


def ask(endpoint: Endpoint, bodies: Sequence[bytes], shape: Shape, *, node: int | None = None) -> Outcome:
    """Asks the same questions in turn, on all connections; nothing is included by that."""
    with ExitStack() as stack:
        connections = []
        for number in range(shape.connections):
            transport = Transport(endpoint, websocket=shape.websocket)
            stack.callback(transport.close)
            messages = [transport.message(batch([body] * shape.batch)) for body in bodies]
            turns = cycle(messages[number % len(messages) :] + messages[: number % len(messages)])
            requests = (
                turns if shape.count is None else islice(turns, shape.each(shape.connections) // shape.batch)
            )
            connections.append(
                Connection(transport, requests, shape.batch, shape.due(number, shape.connections))
            )
        return _drive(connections, [], shape, [], node)


def _drive(
    connections: Sequence[Connection],
    beside: Sequence[Connection],
    shape: Shape,
    children: Sequence[SigningChild],
    node: int | None,
) -> Outcome:
    loop = Loop()
    signing = sum(child.cpu_s() for child in children)
    idle, used = _idle_s(), _cpu_s(node)
    try:
        began = loop.run(connections, beside, seconds=shape.seconds)
    finally:
        loop.close()
    effort = loop.effort
    idle, used = _idle_s() - idle, _cpu_s(node) - used
    signing = sum(child.cpu_s() for child in children) - signing
    ended = max((connection.ended[-1] for connection in connections if connection.ended), default=began)
    late, cores = effort.lateness_s, psutil.cpu_count() or 1
    return Outcome(
        calls=sum(len(connection.ended) * connection.weight for connection in connections),
        refused=sum(connection.refused for connection in connections),
        missing=0,
        seconds=ended - began,
        included_seconds=None,
        acknowledged=Latency.of_seconds([wait for connection in connections for wait in connection.waits()]),
        inclusion=None,
        generator=Generator(
            cpu_share=effort.cpu_s / effort.seconds,
            signing_share=signing / effort.seconds,
            late_ms=1000 * percentile(late, 99) if late else 0.0,
            starved=effort.starved,
        ),
        node_cpu_s=used if node is not None else None,
        idle_share=min(1.0, idle / effort.seconds / cores),
        cores=cores,
        rate=shape.rate,
        errors=kinds(body for connection in connections for body in connection.errors),
    )


def _cpu_s(pid: int | None) -> float:
    if pid is None:
        return 0.0
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        raise LoadError("the node ended") from None
    return float(times.user + times.system)


def _idle_s() -> float:
    return float(psutil.cpu_times().idle)


def _first(requests: Iterator[bytes]) -> bytes:
    while not (message := next(requests, None)):
        if message is None:
            raise LoadError("nothing was signed")
        time.sleep(POLL_S)
    return message
