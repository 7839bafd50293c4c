"""The rounds: one deed each, and then everything is looked at. The same seed does the same, as far as time allows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from tests.support.node import RpcFailure
from tests.support.waiting import eventually
from tests.support.witnesses import Told
from tests.torture.crash.clients import Clients
from tests.torture.crash.deeds import DEEDS, FAMILIES, Impossible
from tests.torture.crash.judge import Gone, Judge
from tests.torture.crash.network import PATIENCE_S, Network, Victim
from tests.torture.crash.report import Report
from tests.torture.crash.scene import Broken, Scene

PROVEN_S: Final = 120.0
"""Within this one block more is verified."""
LOOK_S: Final = 0.1


def deal(seed: int, rounds: int, only: list[str]) -> Iterator[str]:
    """So many deeds: all of them in an order by chance, in which families are mixed evenly, and again.

    `only`: families, or words of names.
    """
    chance, left = Random(seed), rounds
    chosen = [name for name in DEEDS if not only or any(one in name or one == FAMILIES[name] for one in only)]
    while chosen and left > 0:
        deck = _shuffled(chosen, chance)
        yield from deck[:left]
        left -= len(deck)


def _shuffled(names: list[str], chance: Random) -> list[str]:
    places: list[tuple[float, str]] = []
    for family in sorted({FAMILIES[name] for name in names}):
        members = [name for name in names if FAMILIES[name] == family]
        chance.shuffle(members)
        places += [((at + chance.random()) / len(members), name) for at, name in enumerate(members)]
    return [name for _, name in sorted(places)]


def run(
    directory: Path, seed: int, deeds: list[str], report: Report, *, may_mount: bool, quiet: bool
) -> None:
    """All rounds, on a network of its own. What there is to say goes to the report."""
    began = time.monotonic()
    with Network(directory) as network:
        network.begin()
        told, chance = Told(), Random(seed)
        clients = Clients(network, told)
        judge = Judge(report, told, clients, clients.begin(), Random(seed))
        scene = Scene(network, clients, told, judge, report, chance, may_mount)
        try:
            for number, name in enumerate(deeds, 1):
                report.rounds, report.deed = number, name
                _round(scene, name)
                _show(report, began, quiet)
            report.deed = "the end"
            _audit(scene)
        except Broken:
            report.counts["rounds that were not done"] = len(deeds) - report.rounds
        except (Gone, AssertionError, OSError, EOFError, RpcFailure) as error:
            report.fault(f"it came to no end: {error!r}")
        except KeyboardInterrupt:
            report.is_interrupted = True
        finally:
            clients.end()
            report.counts["receipts given"] = len(told.receipts)
            report.counts["calls that nodes did not carry out"] = sum(clients.unkept.values())
            report.counts["seconds"] = round(time.monotonic() - began)


def _round(scene: Scene, name: str) -> None:
    """Does it, and looks."""
    try:
        DEEDS[name](scene)
    except Impossible as impossible:
        scene.report.skipped[name] = str(impossible)
    else:
        scene.report.deeds[name] += 1
    _goes_on(scene)
    _look(scene)


def _goes_on(scene: Scene) -> None:
    """Clients get receipts again, from whatever node they ask."""
    before = len(scene.told.receipts)
    try:
        eventually(lambda: len(scene.told.receipts) > before, "a receipt", PATIENCE_S)
    except AssertionError as error:
        scene.report.fault(f"the network does not go on: {error}")
        raise Broken from None


def _look(scene: Scene) -> None:
    """At both nodes that have the chain; each is the other's witness."""
    leader, follower, judge = scene.sequencer, scene.full_node, scene.judge
    scene.follow(leader, 1)  # a first round may be over before the first block is
    height = leader.height()
    scene.follow(follower, height)
    for node in (leader, follower):
        judge.receipts(node, height)
        judge.blocks(node, height)
    judge.state(leader, height, judge.facts(follower, height))
    judge.verify(scene.chance.choice((leader, follower)), scene.chance.randint(max(1, height - 20), height))
    _listen(scene)


def _audit(scene: Scene) -> None:
    """After all rounds: everything once more, and proofs come to the end of the chain."""
    scene.clients.rest()
    leader, follower, judge = scene.sequencer, scene.full_node, scene.judge
    height = scene.newest().block
    for node in (leader, follower):
        scene.follow(node, height)
        judge.receipts(node, height, every=True)
        judge.blocks(node, height, every=True)
    judge.state(leader, height, judge.facts(follower, height))
    for node in (leader, follower):
        _await_proofs(scene, node, height)
    _listen(scene)


def _listen(scene: Scene) -> None:
    """To all nodes: what they complain of."""
    for node in scene.network.nodes.values():
        scene.judge.incidents(node)
        scene.judge_log(node)


def _await_proofs(scene: Scene, node: Victim, height: int) -> None:
    """For as long as they come nearer: how fast is the machine's affair."""
    reached, end = -1, 0.0
    while (verified := node.health()[1].get("verified_height") or 0) < height:
        if verified > reached:
            reached, end = verified, time.monotonic() + PROVEN_S
        if time.monotonic() > end:
            scene.report.fault(f"{node.name} has block {verified} verified, and no more for {PROVEN_S:.0f} s")
            return
        time.sleep(LOOK_S)


def _show(report: Report, began: float, quiet: bool) -> None:
    if quiet:
        return
    print(
        f"{time.monotonic() - began:7.1f} s  round {report.rounds}: {report.deed}, "
        f"{report.counts['receipts checked']:,} receipts checked, {len(report.faults)} faults",
        *(fault for fault in report.faults if fault.startswith(f"round {report.rounds},")),
        sep="\n    ",
        file=sys.stderr,
        flush=True,
    )
