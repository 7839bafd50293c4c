"""Ten thousand transfers from ten accounts, thrown at the target at once: does all of it get in, and how soon?

Losing some is a result here, not a void measurement. A target that takes more memory than a developer's machine can
spare is ended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import endpoint, prepared
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilAuto, AnvilInterval1s, AnvilInterval10ms, LogSink, Megaeth
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.wire import LoadError

NAME = "burst"
TRANSFERS, SENDERS, BATCH = 10_000, 10, 100
MEMORY_LIMIT = 3 * 2**30
WATCH_S = 0.2
DRAINED = "drained"


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Each account has a connection; nobody waits for inclusion."""
    workload = prepared(target, accounts=SENDERS)
    shape = Shape(connections=SENDERS, batch=BATCH, count=scale.of(TRANSFERS, least=TRANSFERS))
    try:
        with _limited(target):
            outcome = send(endpoint(target), workload.groups(SENDERS), shape, watch=False)
    except LoadError:
        yield DRAINED, 0.0, "%"
        return
    included = outcome.calls - outcome.refused - outcome.missing
    yield DRAINED, 100 * included / outcome.calls, "%"
    yield "left in the pool", outcome.missing, "tx"
    if outcome.included_seconds is not None:
        yield "until the last one was in", outcome.included_seconds, "s"
    yield "memory after", target.memory_bytes() / 2**20, "MiB"


@contextmanager
def _limited(target: LogSink) -> Iterator[None]:
    """Ends a target that grows too large."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            if target.memory_bytes() > MEMORY_LIMIT:
                target.kill()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


SCENARIO: Scenario[LogSink] = Scenario(
    NAME,
    f"{TRANSFERS:,} transfers from {SENDERS} accounts at once",
    (Megaeth, AnvilAuto, AnvilInterval10ms, AnvilInterval1s),
    measure,
    (Expectation("burst drained", 100.0, "%", lambda m: m.get(NAME, Megaeth.name, DRAINED), at_least=True),),
)
