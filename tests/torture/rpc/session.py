"""One run: a sequencer and a full node, attackers on both, honest clients of both."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.node import Node
from tests.torture.rpc.crew import Crew
from tests.torture.rpc.honest import Honest
from tests.torture.rpc.report import Report
from tests.torture.rpc.watch import Watch

MAX_CONNECTIONS = 256
"""Few, so that floods fill the node."""
HEADWAY_S = 1.0
"""Before the attack begins, honest clients have the nodes for themselves."""


def run(directory: Path, seconds: float, seed: int, attackers: int = 2) -> Report:
    """Attack for so long, and tell what became of it. Raises what starting the nodes raises."""
    settings = {"rpc__max_connections": MAX_CONNECTIONS, "network__verify": "roots"}
    with Cluster(directory, **settings) as cluster:
        sequencer = cluster.sequencer()
        nodes = (sequencer, cluster.full_node("full-node-1", [sequencer]))
        return attack(nodes, seconds, seed, attackers)


def attack(nodes: tuple[Node, ...], seconds: float, seed: int, attackers: int) -> Report:
    """Attack nodes that run."""
    report = Report(seed)
    watches = [Watch(node, seed) for node in nodes]
    kinds = [(node, over_websocket) for node in nodes for over_websocket in (False, True)]
    honest = [
        Honest(node, sender, seed + sender, over_websocket=over_websocket)
        for sender, (node, over_websocket) in enumerate(kinds)
    ]
    threads = [*watches, *honest]
    for thread in threads:
        thread.start()
    try:
        time.sleep(HEADWAY_S)
        with Crew(attackers, seconds, seed, tuple(node.port for node in nodes)) as crew:
            report.add(crew.finish())
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join()
    for watch in watches:
        watch.settle()
    for thread in threads:
        report.add(thread.report)
    for client in honest:
        if not client.report.counts["honest: answers"]:
            report.fault("refused", f"{client.name} was never answered")
    return report
