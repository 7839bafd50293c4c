"""Nothing grows: minute after minute the same latency, CPU, memory and disk.

Two loads: a transaction every 100 ms on a chain that seals every 10 ms, and half of what the target can take. The
normal run looks at three minutes of each, however small its scale; `--scale 10` makes half an hour and ten minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.load import checked, endpoint, flood, latency, prepared, probe
from bench.results import Expectation, Medians, ratio
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilInterval10ms, LogSink, Megaeth
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.run import Load, Shape
from megaeth_cli.load.wire import LoadError

QUIET, HALF = "soak", "soak at half load"
QUIET_S, HALF_S = 180.0, 60.0
LEAST_S = 180.0
"""So that there is a last minute besides the first."""
PEER_MOST_S = 120.0
"""anvil 1.7.1 stops including at such a pace; its first two minutes show it."""
WINDOW_S = 60.0
PROBES_PER_S = 10.0
CAPACITY_COUNT = 10_000
BATCH, CONNECTIONS = 20, 4
FLAT = 1.25
"""Of the first minute: more is growth, less is the machine's noise."""
FILES_MIB = 8.0
"""LevelDB makes a smaller file of its log when that is full: so much is a matter of the moment."""
P99, CPU, MEMORY, DISK = "inclusion p99", "CPU", "memory", "disk per minute"


@dataclass(frozen=True)
class Window:
    """What one minute was like."""

    p50_ms: float
    p99_ms: float
    cpu_percent: float
    memory_mib: float
    disk_mib: float
    """Written in it, per minute."""


def quiet(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """A transaction every 100 ms."""
    workload = prepared(target)
    prober = workload.of(workload.senders[:1])
    seconds = float(scale.of(QUIET_S, least=LEAST_S))
    if not isinstance(target, Megaeth):
        seconds = min(seconds, PEER_MOST_S)
    yield from _report(target, seconds, lambda shape: probe(target, prober, shape))


def half_load(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Half of what it takes, and a probe every 100 ms."""
    workload = prepared(target)
    prober, others = workload.of(workload.senders[:1]), workload.of(workload.senders[1:])
    shape = Shape(batch=100, count=CAPACITY_COUNT)
    capacity = flood(target, others, CONNECTIONS, shape, watch=False).per_second
    yield "load", capacity / 2, "tx/s"
    half = Shape(batch=BATCH, rate=capacity / 2)

    def window(shape: Shape) -> Outcome:
        with Load(endpoint(target), others.groups(CONNECTIONS), half, watch=False) as behind:
            return probe(target, prober, shape, behind)

    yield from _report(target, scale.of(HALF_S, least=LEAST_S), window)


def _report(
    target: LogSink, seconds: float, run: Callable[[Shape], Outcome]
) -> Iterator[tuple[str, float, str]]:
    """Minute after minute; the first and the last one."""
    windows: list[Window] = []
    began = time.perf_counter()
    try:
        for _ in range(round(seconds / WINDOW_S)):
            windows += [_window(target, run)]
    except LoadError:
        if isinstance(target, Megaeth) or not windows:
            raise
        yield "stopped including after", time.perf_counter() - began, "s"
    for when, one in (("first", windows[0]), ("last", windows[-1])):
        yield f"inclusion p50, {when} minute", one.p50_ms, "ms"
        yield _metric(P99, when), one.p99_ms, "ms"
        yield _metric(CPU, when), one.cpu_percent, "% of a core"
        yield _metric(MEMORY, when), one.memory_mib, "MiB"
        yield _metric(DISK, when), one.disk_mib, "MiB"


def _window(target: LogSink, run: Callable[[Shape], Outcome]) -> Window:
    began, cpu, disk = time.perf_counter(), target.cpu_s(), target.disk_bytes()
    outcome = checked(target, run(Shape(rate=PROBES_PER_S, seconds=WINDOW_S)))
    passed = time.perf_counter() - began
    p50, p99 = latency(outcome)
    return Window(
        p50,
        p99,
        100 * (target.cpu_s() - cpu) / passed,
        target.memory_bytes() / 2**20,
        (target.disk_bytes() - disk) / 2**20 * 60 / passed,
    )


def _metric(what: str, when: str) -> str:
    return f"{what}, {when} minute"


def flat(scenario: str, what: str) -> Expectation:
    """The last minute against the first."""
    return Expectation(
        f"{scenario}: {what}, last minute / first",
        FLAT,
        "x",
        lambda m: ratio(
            m.get(scenario, Megaeth.name, _metric(what, "last")),
            m.get(scenario, Megaeth.name, _metric(what, "first")),
        ),
    )


def disk_flat(scenario: str) -> Expectation:
    """What the last minute wrote, in files that come and go."""

    def beyond(medians: Medians) -> float | None:
        first, last = (medians.get(scenario, Megaeth.name, _metric(DISK, when)) for when in ("first", "last"))
        return None if first is None or last is None else last - FLAT * max(first, 0.0)

    return Expectation(f"{scenario}: {DISK}, last beyond {FLAT} x the first", FILES_MIB, "MiB", beyond)


def soon(scenario: str, mini_blocks: float) -> Expectation:
    """Within so many mini-blocks."""
    return Expectation(
        f"{scenario}: {P99}, last minute",
        mini_blocks * Megaeth.mini_block_ms,
        "ms",
        lambda m: m.get(scenario, Megaeth.name, _metric(P99, "last")),
    )


SCENARIOS: tuple[Scenario[LogSink], ...] = (
    Scenario(
        QUIET,
        "a transaction every 100 ms",
        (Megaeth, AnvilInterval10ms),
        quiet,
        (soon(QUIET, 1.5), flat(QUIET, CPU), flat(QUIET, MEMORY), disk_flat(QUIET)),
    ),
    Scenario(
        HALF,
        "half of what the target takes",
        (Megaeth,),
        half_load,
        (soon(HALF, 5), flat(HALF, CPU), flat(HALF, MEMORY), disk_flat(HALF)),
    ),
)
