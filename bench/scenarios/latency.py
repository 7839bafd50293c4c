"""From sending a transaction to holding its receipt, on an idle target and on one at half of its load."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.load import endpoint, flood, latency, prepared, probe
from bench.results import Expectation, Medians
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilAuto, AnvilInterval10ms, LogSink, Megaeth, MegaethEager, MegaethFsync
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.run import Load, Shape
from megaeth_cli.load.workloads import Workload

NAME = "latency"
PROBE_LOAD = 10_000
LOAD_BATCH = 20
PAUSE_S = 0.02


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Idle first, then a short flood to learn what the target can do, then half of that behind the probe."""
    workload = prepared(target)
    prober, others = workload.of(workload.senders[:1]), workload.of(workload.senders[1:])
    shape = Shape(pause_s=PAUSE_S, count=scale.of(300, least=200))
    probe(target, prober, shape.ending(count=20))
    yield from _percentiles("idle", probe(target, prober, shape))
    if isinstance(target, AnvilAuto | MegaethEager):
        return  # a burst may leave anvil's pool stuck for good; the other one is about idle times
    count = scale.of(PROBE_LOAD, least=4_000)
    capacity = flood(target, others, 4, Shape(batch=100, count=count), watch=False).per_second
    yield "half load", capacity / 2, "tx/s"
    yield from _percentiles("half load", _under_load(target, prober, others, capacity / 2, shape))


def _under_load(
    target: LogSink, prober: Workload, others: Workload, per_second: float, shape: Shape
) -> Outcome:
    half = Shape(batch=LOAD_BATCH, rate=per_second)
    with Load(endpoint(target), others.groups(1), half, watch=False) as behind:
        return probe(target, prober, shape, behind)


def _percentiles(when: str, outcome: Outcome) -> Iterator[tuple[str, float, str]]:
    p50, p99 = latency(outcome)
    yield f"{when} p50", p50, "ms"
    yield f"{when} p99", p99, "ms"


def _of(target: type[LogSink], metric: str) -> Callable[[Medians], float | None]:
    return lambda medians: medians.get(NAME, target.name, metric)


SCENARIO = Scenario(
    NAME,
    "send to receipt, one at a time",
    (Megaeth, MegaethFsync, MegaethEager, AnvilAuto, AnvilInterval10ms),
    measure,
    (
        Expectation("idle p50: a mini-block", Megaeth.mini_block_ms, "ms", _of(Megaeth, "idle p50")),
        Expectation("idle p99: two mini-blocks", 2 * Megaeth.mini_block_ms, "ms", _of(Megaeth, "idle p99")),
        Expectation(
            "half load p99: five mini-blocks", 5 * Megaeth.mini_block_ms, "ms", _of(Megaeth, "half load p99")
        ),
        Expectation("mini-blocks of 1 ms: idle p50", 2.5, "ms", _of(MegaethEager, "idle p50")),
    ),
)
