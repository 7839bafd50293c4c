"""What a devnet costs that nobody uses: CPU and memory of all its processes."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import AnvilAuto, AnvilInterval10ms, LogSink, Megaeth

NAME = "idle"
SETTLE_S = 2.0


def measure(target: LogSink, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Waits and looks."""
    time.sleep(SETTLE_S)
    began, cpu = time.perf_counter(), target.cpu_s()
    time.sleep(scale.of(15, least=10))
    used, passed = target.cpu_s() - cpu, time.perf_counter() - began
    yield "CPU", 100 * used / passed, "% of a core"
    yield "memory", target.memory_bytes() / 2**20, "MiB"


SCENARIO = Scenario(
    NAME,
    "no client at all",
    (Megaeth, AnvilAuto, AnvilInterval10ms),
    measure,
    (Expectation("idle CPU", 3.0, "% of a core", lambda m: m.get(NAME, Megaeth.name, "CPU")),),
)
