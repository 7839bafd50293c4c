"""How long clients had no receipts: from the last one before a leader was hurt to the first of the next one's.

Of who is hurt by degrees, as by a link that is cut, the end counts: when the lease was another's. Receipts of its last
mini-blocks that the next leader gives out later do not shorten the pause.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, Final

from tests.support.witnesses import Told

KEPT_S: Final = 120.0
"""Receipts that are older are of no use for that."""


@dataclass
class TimedTold(Told):
    """What clients were told, and when."""

    times: list[tuple[float, int]] = field(default_factory=list)
    """When a receipt came, and of which mini-block."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def receipt(self, receipt: dict[str, Any]) -> None:
        """A client was given it."""
        with self._lock:
            is_new = receipt["transactionHash"] not in self.receipts
            super().receipt(receipt)
            if is_new:
                now = time.monotonic()
                self.times.append((now, int(receipt["mega"]["miniBlock"], 16)))
                if self.times[0][0] < now - 2 * KEPT_S:
                    self.times = [one for one in self.times if one[0] > now - KEPT_S]

    def pause_s(self, hurt_at: float, first_mini: int) -> float | None:
        """Between the last receipt before that moment and the first of a mini-block from that one on; None while there
        is none yet."""
        with self._lock:
            times = list(self.times)
        before = [then for then, mini in times if mini < first_mini and then <= hurt_at]
        after = [then for then, mini in times if mini >= first_mini]
        return max(0.0, min(after) - max(before)) if before and after else None


def percentiles(values: list[float]) -> dict[str, float]:
    """The usual ones, of seconds, in milliseconds."""
    ms = sorted(value * 1000 for value in values)
    if len(ms) == 1:
        return {"count": 1, "p50_ms": round(ms[0], 1), "p99_ms": round(ms[0], 1), "max_ms": round(ms[0], 1)}
    cuts = quantiles(ms, n=100, method="inclusive")
    return {
        "count": len(ms),
        "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(ms[-1], 1),
    }
