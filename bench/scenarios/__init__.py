"""What is measured. A scenario is a module with `SCENARIO`; a new one joins by one line in `ALL`.

A scenario measures one target at a time and knows nothing of rounds, peers or rendering.
"""

from __future__ import annotations

from bench.scenarios import idle, latency, startup, throughput
from bench.scenarios.scenario import Scenario

ALL: tuple[Scenario, ...] = (
    startup.SCENARIO,
    idle.SCENARIO,
    throughput.BATCHES,
    throughput.SINGLES,
    latency.SCENARIO,
)
