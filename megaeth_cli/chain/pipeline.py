"""What nodes did between two looks at their `/metrics.json`: rates, stage times, mini-blocks on time.

Not here: asking nodes again and again (`commands/devnet/top.py`), and how it looks (`output/top.py`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from devnet.session import page

NS_PER_US = 1_000
DONE, ADMITTED, REFUSED = "builder_transactions", "pool_admitted", "pool_rejected"
AHEAD, IN_VAIN = "builder_ahead", "builder_in_vain"
GAUGES = ("visible_block", "visible_mini_blocks", "pool_pending", "pool_queued", "queue_calls", "queue_receipts",
          "rpc_connections", "rpc_in_work", "rpc_subscriptions")  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What a node told at a moment: everything since its start."""

    taken_s: float
    counters: Mapping[str, int]
    pipeline: Mapping[str, Any]

    @classmethod
    def take(cls, url: str) -> Sample | None:
        """Ask a node; None when it does not answer, or has nothing to tell."""
        answer = page(url, "/metrics.json")
        if answer is None or "pipeline" not in answer:
            return None
        return cls(time.monotonic(), answer["counters"], answer["pipeline"])


@dataclass(frozen=True)
class Durations:
    """Of what was done in a window. Percentiles are upper bounds, an eighth too high at most."""

    count: int
    mean_us: float
    p50_us: float
    p99_us: float
    max_us: float


@dataclass(frozen=True)
class StageRow:
    """One stage in a window."""

    name: str
    depth: int | None
    capacity: int | None
    per_second: float
    took: Durations | None


@dataclass(frozen=True)
class IntervalRow:
    """The times between mini-blocks in a window."""

    target_us: int
    on_time_percent: float
    took: Durations
    late: Mapping[str, Durations]
    """Those that were too long, by what was the cause (docs/pipeline.md)."""


@dataclass(frozen=True)
class Window:
    """A node between two samples."""

    seconds: float
    transactions_per_second: float
    admitted_per_second: float
    refused_per_second: float
    ahead_per_second: float
    """Executed before their turn, by other threads, and that held."""
    in_vain_per_second: float
    """Executed before their turn, and again."""
    gauges: Mapping[str, int]
    stages: Sequence[StageRow]
    intervals: IntervalRow | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def window(before: Sample, after: Sample) -> Window:
    """What happened between two samples of one node."""
    seconds = max(after.taken_s - before.taken_s, 1e-9)

    def rate(counter: str) -> float:
        return (after.counters.get(counter, 0) - before.counters.get(counter, 0)) / seconds

    earlier = {stage["name"]: stage for stage in before.pipeline["stages"]}
    rows = []
    for stage in after.pipeline["stages"]:
        took = durations(earlier.get(stage["name"]), stage)
        per_second = took.count / seconds if took is not None else 0.0
        rows.append(StageRow(stage["name"], stage["depth"], stage["capacity"], per_second, took))
    return Window(
        seconds,
        rate(DONE),
        rate(ADMITTED),
        rate(REFUSED),
        rate(AHEAD),
        rate(IN_VAIN),
        {name: after.counters[name] for name in GAUGES if name in after.counters},
        rows,
        _intervals(before.pipeline.get("intervals"), after.pipeline.get("intervals")),
    )


def _intervals(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> IntervalRow | None:
    if after is None or (took := durations(before, after)) is None:
        return None
    on_time = after["on_time"] - (before["on_time"] if before is not None else 0)
    earlier = before["late"] if before is not None else {}
    late = {cause: durations(earlier.get(cause), seen) for cause, seen in after["late"].items()}
    gained = {cause: seen for cause, seen in late.items() if seen is not None}
    return IntervalRow(after["target_us"], 100 * on_time / took.count, took, gained)


def durations(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Durations | None:
    """What a histogram gained; None if nothing."""
    earlier: dict[int, int] = dict(before["buckets"]) if before is not None else {}
    gained = [(upper, count - earlier.get(upper, 0)) for upper, count in after["buckets"]]
    gained = [(upper, count) for upper, count in gained if count > 0]
    total = sum(count for _, count in gained)
    if not total:
        return None
    sum_ns = after["sum_ns"] - (before["sum_ns"] if before is not None else 0)
    # The longest ever bounds the longest in the window.
    most_ns = min(gained[-1][0], after["max_ns"])
    return Durations(
        total,
        sum_ns / total / NS_PER_US,
        min(_percentile(gained, total, 50), most_ns) / NS_PER_US,
        min(_percentile(gained, total, 99), most_ns) / NS_PER_US,
        most_ns / NS_PER_US,
    )


def _percentile(buckets: Sequence[tuple[int, int]], total: int, percent: int) -> int:
    wanted = -(-total * percent // 100)
    seen = 0
    for upper, count in buckets:
        seen += count
        if seen >= wanted:
            return upper
    return buckets[-1][0]
