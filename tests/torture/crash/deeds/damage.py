"""Files that are damaged while a node is down.

It refuses to start, or ends before it tells what is wrong, or nothing is missing; with a copy put back all is there.

Of a sequencer that comes back with a damaged disk nobody takes anything: it is asked alone, and what it has built
meanwhile is thrown away.
"""

from __future__ import annotations

import shutil
from functools import partial

from tests.torture.crash.damage import FILES, HARMS, Harm, NoSuchFile, flip_row
from tests.torture.crash.deeds.registry import Impossible, family
from tests.torture.crash.judge import Facts
from tests.torture.crash.network import Victim
from tests.torture.crash.scene import Scene

deed = family("damage")


def _sequencer(harm: Harm, scene: Scene) -> None:
    node, witness, prover = scene.sequencer, scene.full_node, scene.prover
    scene.clients.rest()
    height = scene.certain(node)
    scene.follow(witness, height)
    facts = scene.judge.facts(witness, height)
    for other in (witness, prover):
        scene.kill(other)
    _down(node, scene)
    try:
        _damaged(node, harm, height, facts, scene)
    finally:
        scene.start(node, witness, prover)
        scene.clients.go()


def _full_node(harm: Harm, scene: Scene) -> None:
    node = scene.full_node
    height = node.height()
    facts = scene.judge.facts(scene.sequencer, height)
    _down(node, scene)
    try:
        _damaged(node, harm, height, facts, scene)
        if scene.chance.random() < 0.5:  # it takes the chain from its peers again
            shutil.rmtree(node.data)
    finally:
        scene.start(node)


def _down(node: Victim, scene: Scene) -> None:
    if scene.chance.random() < 0.5:
        scene.kill(node)
    elif node.stop() != 0:
        scene.report.ended(node.ending())


def _damaged(node: Victim, harm: Harm, height: int, facts: Facts, scene: Scene) -> None:
    scene.keep(node)
    try:
        done = harm(node.data, scene.chance)
        scene.report.deed += f" ({done})"
        if scene.began(node):
            scene.examine(node, height, facts)
            if node.lives:
                scene.report.counts["damages that nothing was missing after"] += 1
                scene.kill(node, "killed after it was examined")
    except NoSuchFile as missing:
        raise Impossible(f"{missing} is not there yet") from None
    finally:
        scene.put_back(node)


def _harm(what: str, how: str) -> Harm:
    return lambda data, chance: HARMS[how](FILES[what](data, chance), chance)


for _who, _run in (("sequencer", _sequencer), ("full node", _full_node)):
    for _what in FILES:
        for _how in HARMS:
            deed(f"{_how} {_what} of the {_who}")(partial(_run, _harm(_what, _how)))
    deed(f"flip a bit of an account's row of the {_who}")(partial(_run, flip_row))
