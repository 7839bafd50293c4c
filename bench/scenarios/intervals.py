"""Do mini-blocks come on time, and does who subscribed hear of them at once? Idle, and under all the load there is.

What could stop the builder runs meanwhile, as always: snapshots, roots, the log, garbage collection.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bench.load import flood, prepared, probe
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import HOST, Megaeth
from megaeth_cli.load.outcome import Latency
from megaeth_cli.load.run import Shape
from megaeth_cli.load.wire import LoadError
from megaeth_cli.pipeline import Sample, Window, window

NAME = "intervals"
LOAD = 60_000
TRICKLE, PAUSE_S = 200, 0.02
CONNECTIONS, BATCH = 4, 100
HEARD = "from the seal to a subscriber p50"
SEALED = re.compile(rb'"mini_block_timestamp":"0x([0-9a-f]+)"')
US_PER_MS, US_PER_S = 1_000, 1_000_000


def measure(target: Megaeth, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """A trickle of transactions that a subscriber hears of, then a flood."""
    workload = prepared(target)
    trickle = Shape(pause_s=PAUSE_S, count=scale.of(TRICKLE, least=30))
    before = _sample(target)
    with Subscriber(target) as subscriber:
        probe(target, workload, trickle)
        heard = subscriber.heard()
    yield from _seen("trickle", window(before, _sample(target)))
    yield HEARD, heard.p50, "ms"
    yield "from the seal to a subscriber p99", heard.p99, "ms"
    flooding = Shape(connections=CONNECTIONS, batch=BATCH, count=scale.of(LOAD, least=5_000))
    before = _sample(target)
    flood(target, workload, CONNECTIONS, flooding, watch=False)
    yield from _seen("full load", window(before, _sample(target)))


def _seen(when: str, seen: Window) -> Iterator[tuple[str, float, str]]:
    if seen.intervals is None:
        raise LoadError("no mini-block was built")
    took = seen.intervals.took
    yield f"{when}: within 10 +- 5 ms", seen.intervals.on_time_percent, "%"
    yield f"{when}: interval p50", took.p50_us / US_PER_MS, "ms"
    yield f"{when}: interval p99", took.p99_us / US_PER_MS, "ms"
    yield f"{when}: longest interval", took.max_us / US_PER_MS, "ms"
    for stage in seen.stages:
        if stage.took is not None:
            yield f"{when}: {stage.name} p99", stage.took.p99_us / US_PER_MS, "ms"


def _sample(target: Megaeth) -> Sample:
    sample = Sample.take(f"http://{HOST}:{target.port}")
    if sample is None:
        raise LoadError("the node tells nothing about its pipeline")
    return sample


class Subscriber:
    """A client that hears of every mini-block, in a thread of its own."""

    def __init__(self, target: Megaeth) -> None:
        self._socket = connect(f"ws://{HOST}:{target.port}", proxy=None, compression=None, max_size=None)
        self._delays_s: list[float] = []
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["miniBlocks"]}')
        self._socket.recv()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._thread.join()

    def heard(self) -> Latency:
        """How old the news were."""
        found = Latency.of_seconds(self._delays_s)
        if found is None:
            raise LoadError("the subscriber heard nothing")
        return found

    def _listen(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                news = self._socket.recv(decode=False)
                now = time.time()
                sealed = SEALED.search(news)
                if sealed is not None:
                    self._delays_s.append(now - int(sealed[1], 16) / US_PER_S)


SCENARIO: Scenario[Megaeth] = Scenario(
    NAME,
    "mini-blocks on time, and subscribers who hear of them",
    (Megaeth,),
    measure,
    (
        Expectation(
            "mini-blocks within 10 +- 5 ms at full load",
            99.0,
            "%",
            lambda m: m.get(NAME, Megaeth.name, "full load: within 10 +- 5 ms"),
            at_least=True,
        ),
        Expectation(
            "from the seal to a subscriber p50", 2.0, "ms", lambda m: m.get(NAME, Megaeth.name, HEARD)
        ),
    ),
)
