"""The machine itself, in the same run: how many senders a second it recovers. No node can include more than that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import ClassVar

from bench.results import Medians
from bench.scenarios.scenario import InProcess, Scale, Scenario
from devnet._engine import measure_recovery

NAME = "machine"
SECONDS = 2.0


class Machine(InProcess):
    """Whatever this runs on."""

    name: ClassVar[str] = "this machine"


def measure(machine: Machine, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """On one thread, and on as many as there are cores."""
    for threads in sorted({1, os.cpu_count() or 1}):
        yield _metric(threads), measure_recovery(threads, SECONDS * min(1.0, scale.factor)), "recoveries/s"


def limit(medians: Medians) -> float | None:
    """What all cores recover together."""
    return medians.get(NAME, Machine.name, _metric(os.cpu_count() or 1))


def _metric(threads: int) -> str:
    return f"senders recovered on {threads} thread{'s' * (threads > 1)}"


SCENARIO: Scenario[Machine] = Scenario(NAME, "the physical limit of checking signatures", (Machine,), measure)
