"""What processes take of the machine at the moment: measured from outside, for `status`."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

INTERVAL_S = 0.12


@dataclass(frozen=True)
class Usage:
    """Of one process."""

    cpu_percent: float
    """Of one core."""
    memory_bytes: int
    """Resident."""


def measure(pids: Iterable[int], interval_s: float = INTERVAL_S) -> dict[int, Usage]:
    """Watch processes for a moment; one that is gone is left out."""
    import psutil

    found: dict[int, tuple[psutil.Process, float]] = {}
    began = time.monotonic()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            found[pid] = (process, times.user + times.system)
        except psutil.Error:
            continue
    if not found:
        return {}
    time.sleep(interval_s)
    usages = {}
    for pid, (process, before) in found.items():
        try:
            times = process.cpu_times()
            elapsed = time.monotonic() - began
            memory = process.memory_info().rss
        except psutil.Error:
            continue
        usages[pid] = Usage(round(100 * (times.user + times.system - before) / elapsed, 1), memory)
    return usages
