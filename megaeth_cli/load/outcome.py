"""What a load came to: rates, latencies, errors, and who set the limit. Only data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

BUSY = 0.9
"""Of a core: a generator that takes more has nothing left to be faster with."""
LATE_MS = 5.0
"""A generator that is late on a machine that has time is slow itself."""
REACHED = 0.98
"""Of the rate that was asked for."""

Limit = Literal["rate", "generator", "node", "machine"]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed.

    >>> percentile([3, 1, 2, 4], 50), percentile([3, 1, 2, 4], 99)
    (2, 4)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Latency:
    """In milliseconds."""

    p50: float
    p90: float
    p99: float
    most: float
    of: int
    """How many were looked at."""

    @classmethod
    def of_seconds(cls, values: Sequence[float]) -> Latency | None:
        """Percentiles, if there is anything to order."""
        if not values:
            return None
        ordered = sorted(values)
        p50, p90, p99 = (1000 * ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)] for p in (50, 90, 99))
        return cls(p50, p90, p99, 1000 * ordered[-1], len(ordered))


@dataclass(frozen=True)
class Generator:
    """What the generator took, and whether it kept up with its own plan."""

    cpu_share: float
    """Of one core, in the thread that sends."""
    signing_share: float
    """Of one core, in the process that signs ahead."""
    late_ms: float
    """p99 of how late a request was sent that was due and could have been sent."""
    starved: int
    """How often a connection was free and nothing was signed yet."""


@dataclass(frozen=True)
class Outcome:
    """One load on one node."""

    calls: int
    """Transactions or reads that were sent and answered."""
    refused: int
    """Answers with an error in them."""
    missing: int
    """Accepted transactions that were not included in time."""
    seconds: float
    """From the first request to the last answer."""
    included_seconds: float | None
    """From the first request to the last inclusion; None where nothing is included."""
    acknowledged: Latency | None
    """From sending to the answer."""
    inclusion: Latency | None
    """From sending to being seen in the newest block."""
    generator: Generator
    idle_share: float
    """Of all cores, while the load ran."""
    rate: float | None = None
    """Calls per second that were asked for."""
    cores: int = 1
    node_cpu_s: float | None = None
    """CPU time of the node's process while the load ran, where it is known."""
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Answered without an error, per second."""
        return (self.calls - self.refused) / self.seconds if self.seconds else 0.0

    @property
    def included_per_second(self) -> float | None:
        """Included, per second."""
        if self.included_seconds is None:
            return None
        return (self.calls - self.refused - self.missing) / self.included_seconds

    @property
    def clean(self) -> bool:
        """Everything was taken and included."""
        return self.calls > 0 and not self.refused and not self.missing

    @property
    def others_share(self) -> float | None:
        """Of all cores, what neither the node nor the generator used; None where the node's part is unknown."""
        if self.node_cpu_s is None or not self.seconds:
            return None
        own = self.node_cpu_s / self.seconds + self.generator.cpu_share + self.generator.signing_share
        return max(0.0, 1 - self.idle_share - own / self.cores)

    @property
    def limit(self) -> Limit:
        """What kept the load from being higher."""
        if self.rate is not None and self.per_second >= REACHED * self.rate:
            return "rate"
        if self.generator.cpu_share >= BUSY or self.generator.starved:
            return "generator"
        if self.idle_share < 1 - BUSY:
            return "machine"
        return "generator" if self.generator.late_ms >= LATE_MS else "node"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "calls": self.calls,
            "refused": self.refused,
            "missing": self.missing,
            "seconds": self.seconds,
            "acceptedPerSecond": self.per_second,
            "includedPerSecond": self.included_per_second,
            "acknowledgedMs": _latency(self.acknowledged),
            "includedMs": _latency(self.inclusion),
            "errors": self.errors,
            "limit": self.limit,
            "rate": self.rate,
            "idleShare": self.idle_share,
            "nodeCpuSeconds": self.node_cpu_s,
            "generator": {
                "cpuShare": self.generator.cpu_share,
                "signingShare": self.generator.signing_share,
                "lateMs": self.generator.late_ms,
                "starved": self.generator.starved,
            },
        }


def _latency(latency: Latency | None) -> dict[str, float] | None:
    return None if latency is None else asdict(latency)
