"""What is measured. A scenario is a module with `SCENARIO`; a new one joins by one line in `ALL`.

A scenario measures one target at a time and knows nothing of rounds, peers or rendering.
"""

from __future__ import annotations

from typing import Any

from bench.scenarios import (
    apply,
    burst,
    compiling,
    encoding,
    execution,
    greed,
    growth,
    history,
    idle,
    intervals,
    latency,
    machine,
    native,
    network,
    past,
    prove,
    reads,
    soak,
    startup,
    state,
    state_files,
    stream,
    suites,
    throughput,
)
from bench.scenarios.scenario import Scenario

ALL: tuple[Scenario[Any], ...] = (
    machine.SCENARIO,
    execution.SCENARIO,
    native.SCENARIO,
    compiling.SCENARIO,
    startup.SCENARIO,
    encoding.SCENARIO,
    idle.SCENARIO,
    *throughput.SCENARIOS,
    reads.SCENARIO,
    suites.SCENARIO,
    latency.SCENARIO,
    intervals.SCENARIO,
    greed.SCENARIO,
    burst.SCENARIO,
    *soak.SCENARIOS,
    history.SCENARIO,
    past.SCENARIO,
    growth.SCENARIO,
    state.SCENARIO,
    state_files.SCENARIO,
    stream.SCENARIO,
    apply.SCENARIO,
    prove.SCENARIO,
    network.SCENARIO,
)
