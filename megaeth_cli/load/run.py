"""A load from beginning to end: lanes are made, driven, watched and counted.

Calls (who sends what) + Shape (how) -> lanes -> Loop -> Drain -> Outcome
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
from megaeth_cli.load.feed import MOST_HELD, Calls, SigningChild, ready
from megaeth_cli.load.inclusion import Drain, Receipts, Watch, latencies, watched
from megaeth_cli.load.lanes import Lane, Link, after_pauses, evenly
from megaeth_cli.load.loop import Loop
from megaeth_cli.load.outcome import Generator, Latency, Outcome, percentile
from megaeth_cli.load.wire import Endpoint, LoadError, batch

SETTLE_S: Final = 1.0
"""For the load behind a probe."""
POLL_S: Final = 0.001
ENDLESS: Final = 2**31
"""Transactions per lane of a load that ends by the clock."""


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

    def each(self, lanes: int) -> int:
        """Calls on one connection of so many; a load that ends by the clock has no number of its own."""
        count = self.count
        if count is None and self.rate is not None and self.seconds is not None:
            count = math.ceil(self.rate * self.seconds)
        return ENDLESS if count is None else -(-count // (lanes * self.batch)) * self.batch

    def due(self, lane: int, lanes: int, after_s: float = 0.0) -> Iterator[float] | None:
        """When a connection sends; the connections take turns."""
        if self.pause_s is not None:
            return after_pauses(self.pause_s, after_s, seed=lane)
        if self.rate is None:
            return None
        requests = self.rate / self.batch
        return evenly(requests / lanes, after_s + lane / requests)


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
            links = [self._link(shape.websocket) for _ in groups]
            self.lanes = [
                Lane(link, requests, shape.batch, shape.due(number, len(groups), after_s))
                for number, (link, requests) in enumerate(zip(links, self._requests(links), strict=True))
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
        for calls, lane, before in zip(self.groups, self.lanes, self._before, strict=True):
            sent, turns = len(lane.ended) * lane.weight, len(before)
            for index, (sender, nonce) in enumerate(zip(calls.senders, before, strict=True)):
                sender.nonce = nonce + (sent - index + turns - 1) // turns
        refused = sum(lane.refused for lane in self.lanes)
        senders = [one for calls in self.groups for one in calls.senders]
        drain = Drain(self._link(), senders, refused, self._saw)
        samples = [lane.sent for lane in self.lanes if lane.sent and not lane.refused]
        loop = Loop()
        loop.run([drain])
        if samples and not drain.missing:
            loop.run([Receipts(self._link(), samples)])
        loop.close()
        began = min((lane.began[0] for lane in self.lanes if lane.began), default=drain.changed_at)
        return Settled(drain.missing, drain.changed_at - began, list(self._latencies()))

    def _saw(self, nonces: Sequence[int], now: float) -> None:
        """Takes the nonces of all senders, lane by lane, for those that are watched."""
        begins = [0, *accumulate(len(calls.senders) for calls in self.groups)]
        for watch in self.watching:
            watch.saw([nonces[begins[lane] + place] for lane, place in self._seen], now)

    def _latencies(self) -> Iterator[float]:
        for watch in self.watching:
            for included, (lane, place) in zip(watch.included, self._seen, strict=True):
                yield from latencies(self.lanes[lane], place, len(self.groups[lane].senders), included)

    def _watch(self) -> Watch:
        senders = [self.groups[lane].senders[place] for lane, place in self._seen]
        return Watch(self._link(), senders, [self._before[lane][place] for lane, place in self._seen])

    def _link(self, websocket: bool = False) -> Link:
        link = Link(self._endpoint, websocket=websocket)
        self._stack.callback(link.close)
        return link

    def _requests(self, links: Sequence[Link]) -> list[Iterator[bytes]]:
        each, size = self.shape.each(len(links)), self.shape.batch
        if each * len(links) <= MOST_HELD:
            return [ready(link, calls, each, size) for link, calls in zip(links, self.groups, strict=True)]
        self.child = SigningChild(self._endpoint, self.shape.websocket, self.groups, each, size)
        self._stack.callback(self.child.close)
        # The clock starts when there is something for everybody.
        return [chain([_first(one)], one) for one in map(self.child.requests, range(len(links)))]


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
        beside = [*load.watching, *((*behind.lanes, *behind.watching) if behind else ())]
        children = [one.child for one in (load, behind) if one and one.child]
        outcome = _drive(load.lanes, beside, shape, children, node)
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
        lanes = []
        for number in range(shape.connections):
            link = Link(endpoint, websocket=shape.websocket)
            stack.callback(link.close)
            messages = [link.message(batch([body] * shape.batch)) for body in bodies]
            turns = cycle(messages[number % len(messages) :] + messages[: number % len(messages)])
            requests = (
                turns if shape.count is None else islice(turns, shape.each(shape.connections) // shape.batch)
            )
            lanes.append(Lane(link, requests, shape.batch, shape.due(number, shape.connections)))
        return _drive(lanes, [], shape, [], node)


def _drive(
    lanes: Sequence[Lane],
    beside: Sequence[Lane],
    shape: Shape,
    children: Sequence[SigningChild],
    node: int | None,
) -> Outcome:
    loop = Loop()
    signing = sum(child.cpu_s() for child in children)
    idle, used = _idle_s(), _cpu_s(node)
    try:
        began = loop.run(lanes, beside, seconds=shape.seconds)
    finally:
        loop.close()
    effort = loop.effort
    idle, used = _idle_s() - idle, _cpu_s(node) - used
    signing = sum(child.cpu_s() for child in children) - signing
    ended = max((lane.ended[-1] for lane in lanes if lane.ended), default=began)
    late, cores = effort.lateness_s, psutil.cpu_count() or 1
    return Outcome(
        calls=sum(len(lane.ended) * lane.weight for lane in lanes),
        refused=sum(lane.refused for lane in lanes),
        missing=0,
        seconds=ended - began,
        included_seconds=None,
        acknowledged=Latency.of_seconds([wait for lane in lanes for wait in lane.waits()]),
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
        errors=kinds(body for lane in lanes for body in lane.errors),
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
