"""How many transfers a second a small network bears: a sequencer, two full nodes and a prover on this machine.

The rate doubles until somebody falls behind, then the gap to the last good rate is halved a few times. Every node
must stand near the sequencer's tip at the end of a step, and verification near it, with the load still on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from bench.load import endpoint, prepared
from bench.scenarios.scenario import Scale, Scenario
from bench.targets import Megaeth
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.wire import LoadError
from megaeth_cli.load.workloads import Workload

NAME = "network"
FIRST_RATE, HIGHEST_RATE = 1_000, 64_000
HALVINGS = 2
STEP_S = 12.0
BATCH, CONNECTIONS = 50, 4
ENOUGH = 0.95
"""Of the wanted rate: the sequencer took no more, or the generator sent no more."""
ASKING_S = 3.0
"""Asking everybody takes a while, with the load still on."""
RECOVERY_S = 5.0
"""Before the next step, for those who fell behind."""
BEHIND_MINI_BLOCKS = 100
"""A second."""
BEHIND_BLOCKS = 4
"""Sealing, fetching, proving and attesting take their time also when nobody is in a hurry."""


class Network(Megaeth):
    """Four processes, as a user starts them."""

    name: ClassVar[str] = "1 + 2 + 1"

    def command(self) -> Sequence[str]:
        """What a user would type."""
        return [*super().command(), "--full-nodes", "2", "--provers", "1"]

    def keeps_up(self) -> bool:
        """Whether all nodes are near the sequencer's tip, now."""
        nodes = self.nodes()
        tip = next(node for node in nodes if node["role"] == "sequencer")
        return all(self._near(node, tip) for node in nodes if node["role"] != "prover")

    def _near(self, node: dict[str, Any], tip: dict[str, Any]) -> bool:
        return (
            bool(node["alive"])
            and tip["mini_block"] - (node["mini_block"] or 0) <= BEHIND_MINI_BLOCKS
            and tip["height"] - (node.get("verified_height") or 0) <= BEHIND_BLOCKS
        )

    def nodes(self) -> list[dict[str, Any]]:
        """What each node says about itself."""
        done = subprocess.run(
            [sys.executable, "-m", "megaeth_cli", "devnet", "status", "--json"],
            env={**os.environ, **self.environment()},
            capture_output=True,
            check=False,  # it fails when somebody is not alive, and says who
        )
        try:
            found: list[dict[str, Any]] = json.loads(done.stdout)["nodes"]
        except (ValueError, KeyError):
            raise LoadError(f"no status: {done.stderr.decode(errors='replace')[-300:]}") from None
        return found


def measure(network: Network, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """The highest rate at which everybody keeps up."""
    workload = prepared(network)
    seconds = scale.of(STEP_S, least=5)

    def bears(rate: float) -> bool:
        reached, near = _step(network, workload, rate, seconds)
        if not (near and reached >= ENOUGH * rate):
            time.sleep(RECOVERY_S)
            return False
        return True

    good, rate = 0.0, float(FIRST_RATE)
    while rate <= HIGHEST_RATE and bears(rate):
        good, rate = rate, 2 * rate
    for _ in range(HALVINGS):
        middle = (good + rate) / 2
        good, rate = (middle, rate) if bears(middle) else (good, middle)
    yield "sustained", good, "tx/s"


def _step(network: Network, workload: Workload, rate: float, seconds: float) -> tuple[float, bool]:
    """The rate that was reached, and whether everybody kept up with it."""
    shape = Shape(batch=BATCH, rate=rate, seconds=seconds + ASKING_S)
    with ThreadPoolExecutor(1) as thread:
        load = thread.submit(send, endpoint(network), workload.groups(CONNECTIONS), shape, watch=False)
        time.sleep(seconds)
        near = network.keeps_up()
        outcome = load.result()
    return outcome.per_second, near and outcome.clean


SCENARIO: Scenario[Network] = Scenario(
    NAME, "transfers, a sequencer, two full nodes and a prover", (Network,), measure
)
