"""What a node tells about its work: `/metrics` for Prometheus, `/metrics.json` for `megaeth devnet top`.

Counters and durations are since the start; who wants a window subtracts two samples.

Not here: measuring, which each stage does itself (`engine/src/metrics.rs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import orjson

from devnet.rpc.routes import JSON, Page

PREFIX: Final = "megaeth"
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
COUNTERS: Final = frozenset(
    {"pool_admitted", "pool_rejected"}
    | {f"builder_{what}" for what in ("transactions", "refused", "deferred", "ahead", "in_vain")}
)
"""All others are gauges."""
BOUNDS_NS: Final = tuple(1 << exponent for exponent in range(10, 36))
"""One microsecond to half a minute, doubling: bounds that the engine's buckets share."""
NS: Final = 1_000_000_000
NO_PIPELINE: Final = b'{"stages":[]}'


class Measured(Protocol):
    """The part of the engine that tells how it is doing."""

    def metrics(self) -> dict[str, int]:
        """Count."""

    def pipeline(self) -> bytes:
        """Render the stages as JSON."""


class Metrics:
    """The samples of one node."""

    def __init__(self, engine: Measured | None, front: Mapping[str, Any]) -> None:
        """`engine`: None for a node without a chain. `front`: gauges of the server itself, each made when asked for."""
        self._engine = engine
        self._front = front

    def json(self) -> Page:
        """Everything, for programs that know it."""
        counters = orjson.dumps(self._counted())
        return Page(200, JSON, b'{"counters":%b,"pipeline":%b}' % (counters, self._pipeline()))

    def prometheus(self) -> Page:
        """Everything, in Prometheus's text format."""
        lines = [*_counters(self._counted()), *_pipeline(orjson.loads(self._pipeline()))]
        return Page(200, PROMETHEUS, "\n".join([*lines, ""]).encode())

    def _counted(self) -> dict[str, int]:
        counted = self._engine.metrics() if self._engine is not None else {}
        return {**counted, **{name: gauge() for name, gauge in self._front.items()}}

    def _pipeline(self) -> bytes:
        return self._engine.pipeline() if self._engine is not None else NO_PIPELINE


def _counters(counted: Mapping[str, int]) -> Iterator[str]:
    for name, value in counted.items():
        is_counter = name in COUNTERS
        full = f"{PREFIX}_{name}{'_total' if is_counter else ''}"
        yield f"# TYPE {full} {'counter' if is_counter else 'gauge'}"
        yield f"{full} {value}"


def _pipeline(pipeline: Mapping[str, Any]) -> Iterator[str]:
    stages = pipeline["stages"]
    yield f"# TYPE {PREFIX}_stage_depth gauge"
    for stage in stages:
        if stage["depth"] is not None:
            yield f'{PREFIX}_stage_depth{{stage="{stage["name"]}"}} {stage["depth"]}'
    yield f"# TYPE {PREFIX}_stage_seconds histogram"
    for stage in stages:
        yield from _histogram(f"{PREFIX}_stage_seconds", stage, f'stage="{stage["name"]}"')
    if (intervals := pipeline.get("intervals")) is not None:
        name = f"{PREFIX}_mini_block_interval_seconds"
        yield f"# TYPE {name} histogram"
        yield from _histogram(name, intervals)
        yield f"# TYPE {PREFIX}_mini_blocks_on_time_total counter"
        yield f"{PREFIX}_mini_blocks_on_time_total {intervals['on_time']}"
        name = f"{PREFIX}_late_mini_block_seconds"
        yield f"# TYPE {name} histogram"
        for cause, late in intervals["late"].items():
            yield from _histogram(name, late, f'cause="{cause}"')


def _histogram(name: str, took: Mapping[str, Any], label: str = "") -> Iterator[str]:
    before = f"{label}," if label else ""
    for bound, count in _cumulative(took["buckets"]):
        yield f'{name}_bucket{{{before}le="{bound / NS:.9g}"}} {count}'
    yield f'{name}_bucket{{{before}le="+Inf"}} {took["count"]}'
    braces = f"{{{label}}}" if label else ""
    yield f"{name}_sum{braces} {took['sum_ns'] / NS:.9f}"
    yield f"{name}_count{braces} {took['count']}"


def _cumulative(buckets: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    rest = iter([*buckets, (BOUNDS_NS[-1], 0)])
    upper, count = next(rest)
    total = 0
    for bound in BOUNDS_NS:
        while upper < bound:
            total += count
            upper, count = next(rest)
        yield bound, total
