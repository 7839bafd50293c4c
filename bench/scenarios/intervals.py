"""Do mini-blocks come on time, and does who subscribed hear of them at once? Idle, and under all the load there is.

What could stop the builder runs meanwhile, as always: snapshots (every 5 s), roots, the log, garbage collection. In the
last part contracts that nobody has called before are called so often that they are compiled meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.histogram import shares
from bench.load import flood, prepared, probe, rate
from bench.pipelines import ON_TIME, intervals_of, on_time, sample
from bench.results import Expectation
from bench.scenarios.scenario import Scale, Scenario
from bench.subscriber import Subscriber
from bench.targets import Megaeth
from megaeth_cli.chain.pipeline import Sample, Window, window
from megaeth_cli.load.outcome import Latency, Outcome
from megaeth_cli.load.run import Shape
from megaeth_cli.load.workloads import Swaps, Workload

NAME = "intervals"
LOAD, LEAST_LOAD = 200_000, 150_000
"""Some seconds on a small machine: with a snapshot in it."""
HEARD_LOAD, LEAST_HEARD_LOAD = 60_000, 40_000
"""With somebody who is told of all of it."""
SWAPS, LEAST_SWAPS = 60_000, 40_000
"""Enough gas for the pair and its tokens to be compiled."""
TRICKLE, LEAST_TRICKLE, PAUSE_S = 400, 200, 0.02
CLASSES_MS = (1, 5, 8, 12, 15, 20, 50)
CONNECTIONS, BATCH = 4, 100
CAUSES = ("close", "log", "transaction", "seal", "processor")
"""Of what is late; docs/pipeline.md explains them."""
HEARD = "from the seal to a subscriber"
HEARD_LOADED = "full load: from the seal to a subscriber"
US_PER_MS = 1_000


def measure(target: Megaeth, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """A trickle of transactions that a subscriber hears of, then a flood, then one of calls to be compiled."""
    workload = prepared(target)
    trickle = Shape(pause_s=PAUSE_S, count=scale.of(TRICKLE, least=LEAST_TRICKLE))
    before = sample(target)
    with Subscriber(target) as subscriber:
        probe(target, workload, trickle)
        heard = subscriber.heard()
    yield from _told("trickle", before, sample(target))
    yield from _delays(HEARD, heard)
    yield from _flooded(target, workload, "full load", scale.of(LOAD, least=LEAST_LOAD))
    with Subscriber(target) as subscriber:
        _flood(target, workload, scale.of(HEARD_LOAD, least=LEAST_HEARD_LOAD))
        heard = subscriber.heard()
    yield from _delays(HEARD_LOADED, heard)
    compiled = _compiled(target)
    swaps = prepared(target, Swaps)
    yield from _flooded(target, swaps, "while compiling", scale.of(SWAPS, least=LEAST_SWAPS))
    yield "while compiling: contracts compiled", _compiled(target) - compiled, ""


def _flooded(target: Megaeth, workload: Workload, when: str, count: int) -> Iterator[tuple[str, float, str]]:
    # What the load was prepared with is not of this part.
    before = sample(target)
    outcome = _flood(target, workload, count)
    yield from _told(when, before, sample(target))
    yield f"{when}: transactions", rate(outcome), "tx/s"


def _flood(target: Megaeth, workload: Workload, count: int) -> Outcome:
    shape = Shape(connections=CONNECTIONS, batch=BATCH, count=count)
    return flood(target, workload, CONNECTIONS, shape, watch=False)


def _delays(name: str, heard: Latency) -> Iterator[tuple[str, float, str]]:
    yield f"{name} p50", heard.p50, "ms"
    yield f"{name} p99", heard.p99, "ms"


def _told(when: str, before: Sample, after: Sample) -> Iterator[tuple[str, float, str]]:
    yield from _seen(when, window(before, after))
    found = before.pipeline.get("intervals"), after.pipeline["intervals"]
    for name, percent in shares(*found, CLASSES_MS):
        yield f"{when}: intervals {name}", percent, "%"


def _compiled(target: Megaeth) -> int:
    """Contracts that run natively."""
    known = target.rpc("mega_getNativeStatus")["contracts"]
    return sum(one["state"] == "native" for one in known)


def _seen(when: str, seen: Window) -> Iterator[tuple[str, float, str]]:
    intervals = intervals_of(seen)
    took = intervals.took
    yield f"{when}: {ON_TIME}", intervals.on_time_percent, "%"
    yield f"{when}: interval p50", took.p50_us / US_PER_MS, "ms"
    yield f"{when}: interval p99", took.p99_us / US_PER_MS, "ms"
    yield f"{when}: longest interval", took.max_us / US_PER_MS, "ms"
    for cause in CAUSES:
        late = intervals.late.get(cause)
        yield f"{when}: late, {cause}", late.count if late is not None else 0, "times"
        yield f"{when}: longest, {cause}", late.max_us / US_PER_MS if late is not None else 0.0, "ms"
    for stage in seen.stages:
        if stage.took is not None:
            yield f"{when}: {stage.name} p99", stage.took.p99_us / US_PER_MS, "ms"


SCENARIO: Scenario[Megaeth] = Scenario(
    NAME,
    "mini-blocks on time, and subscribers who hear of them",
    (Megaeth,),
    measure,
    (
        on_time(NAME, "at full load", f"full load: {ON_TIME}"),
        on_time(NAME, "while contracts are compiled", f"while compiling: {ON_TIME}"),
        Expectation(
            "from the seal to a subscriber p50",
            2.0,
            "ms",
            lambda m: m.get(NAME, Megaeth.name, f"{HEARD} p50"),
        ),
        Expectation(
            "from the seal to a subscriber p50 at full load",
            2.0,
            "ms",
            lambda m: m.get(NAME, Megaeth.name, f"{HEARD_LOADED} p50"),
        ),
    ),
)
