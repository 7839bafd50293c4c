"""Looks at every node while the script runs: alive, without an incident, refusing nothing, and proofs that follow.

A late proof is no fault here: that is the machine's, which may be busy. Proofs that never come are.
"""

from http.client import HTTPException
from typing import Final

from tests.support.node import Node
from tests.torture.chain.network import Network
from tests.torture.chain.tally import Tally

SHOWN: Final = 3
"""Incidents of a node that are told in full."""
LATE: Final = "late proof"
LOUD: Final = (" ERROR ", " CRITICAL ", "Traceback (most recent call last)")
"""What must not be in a log."""


class Watch:
    """Of one network."""

    def __init__(self, network: Network, tally: Tally) -> None:
        self._network = network
        self._tally = tally
        self.behind = 0
        """Blocks between the head and what is verified everywhere, at the last look."""
        self.most_behind = 0
        self.verified = 0
        self._late: dict[str, int] = {}

    @property
    def late_proofs(self) -> int:
        """Incidents of that kind, as each node counts them."""
        return sum(self._late.values())

    def look(self) -> None:
        """Once. What is wrong goes to the tally."""
        heights, verified = [], []
        for node in self._network.nodes.values():
            if node.process.poll() is not None:
                self._tally.fault(f"{node.name} has ended with {node.process.poll()}: {node.log()[-2000:]}")
                continue
            try:
                _, told = node.health()
            except (OSError, HTTPException, ValueError) as error:
                self._tally.fault(f"{node.name} does not answer: {error!r}")
                continue
            if told.get("incidents", 0) > self._late.get(node.name, 0):
                self._judge_incidents(node)
            if "refused" in told:
                self._tally.fault(f"{node.name} has refused {told['refused']}")
            if node.role != "prover":
                heights.append(told.get("height") or 0)
                verified.append(told.get("verified_height") or 0)
        if heights:
            self.verified = min(verified)
            self.behind = max(heights) - self.verified
            self.most_behind = max(self.most_behind, self.behind)

    def _judge_incidents(self, node: Node) -> None:
        incidents = node.rpc("devnet_incidents", "test", "")["incidents"]
        found = [incident for incident in incidents if incident["kind"] != LATE]
        self._late[node.name] = len(incidents) - len(found)
        for incident in found[:SHOWN]:
            kinds = ", ".join(self._tally.kinds_of(incident["block"])) or "none of ours"
            self._tally.fault(
                f"{node.name}: {incident['kind']}, block {incident['block']} (in it: {kinds}): {incident['what']}; "
                f"evidence: {incident['evidence']}"
            )
        if len(found) > SHOWN:
            self._tally.fault(f"{node.name}: {len(found)} incidents in all")


def look_into_logs(network: Network, tally: Tally) -> None:
    """What nodes have complained of."""
    for node in network.nodes.values():
        lines = node.log().splitlines()
        loud = [line for line in lines if LATE not in line and any(mark in line for mark in LOUD)]
        if loud:
            tally.fault(f"{node.name} has logged {len(loud)} errors, the first: {loud[0]}")
