"""From sending a transaction to holding its receipt, on an idle target and on one at half of its load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bench.accounts import Sender, senders
from bench.load import flood, pace, run, sync_latencies
from bench.percentiles import percentile
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import ACCOUNTS, AnvilAuto, AnvilInterval10ms, Megaeth, Target

NAME = "latency"
PROBE_LOAD = 4_000
LOAD_BATCH = 20


def measure(target: Target, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Idle first, then a short flood to learn what the target can do, then half of that behind the probe."""
    prober, *others = senders(ACCOUNTS)
    count = scale.of(300, least=30)
    run(sync_latencies(target, prober, 20))
    yield from _percentiles("idle", run(sync_latencies(target, prober, count)))
    if isinstance(target, AnvilAuto):
        return  # a burst may leave its pool stuck for good
    capacity = run(flood(target, others, scale.of(PROBE_LOAD, least=800), 4, 100)).per_second
    yield "half load", capacity / 2, "tx/s"
    yield from _percentiles("half load", run(_under_load(target, prober, others, capacity / 2, count)))


async def _under_load(
    target: Target, prober: Sender, others: list[Sender], per_second: float, count: int
) -> list[float]:
    stop = asyncio.Event()
    load = asyncio.ensure_future(pace(target, others, per_second, LOAD_BATCH, stop))
    await asyncio.sleep(1.0)
    latencies = await sync_latencies(target, prober, count)
    stop.set()
    await load
    return latencies


def _percentiles(when: str, latencies: list[float]) -> Iterator[tuple[str, float, str]]:
    for percent in (50, 99):
        yield f"{when} p{percent}", 1000 * percentile(latencies, percent), "ms"


SCENARIO = Scenario(
    NAME,
    "send to receipt, one at a time",
    (Megaeth, AnvilAuto, AnvilInterval10ms),
    measure,
    (
        Expectation(
            "realtime_sendRawTransaction p50",
            Megaeth.mini_block_ms,
            "ms",
            lambda m: m.get(NAME, Megaeth.name, "idle p50"),
        ),
    ),
)
