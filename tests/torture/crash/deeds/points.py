"""Kills at fault points: before a write, after it, and amid it."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from functools import partial
from typing import Final

from tests.torture.crash.deeds.registry import family
from tests.torture.crash.network import FULL_NODE, SEQUENCER, Victim
from tests.torture.crash.plan import AFTER, BEFORE, TORN, Plan
from tests.torture.crash.scene import Broken, Scene

deed = family("points")

POINT_S: Final = 25.0
"""Within this a node comes to the point: blocks are folded as they are verified."""
APPENDS, FOLDS, ASIDES = 60, 2, 4
"""From the first one to this one."""
SPARE: Final = 2_000
TABLE: Final = 300_000
"""About what LevelDB writes when it opens."""


def _plan(scene: Scene, point: str, when: str) -> Plan:
    most = {"append": APPENDS, "fold": FOLDS, "aside": ASIDES}.get(point, 1)
    spare = scene.chance.randrange(TABLE if point == "open" and scene.chance.random() < 0.5 else SPARE)
    return Plan(point, when, scene.chance.randint(1, most), spare)


def _at_point(name: str, point: str, when: str, is_new: bool, scene: Scene) -> None:
    node = scene.network[name]
    scene.kill(node)
    if is_new:
        shutil.rmtree(node.data)
    _die_at(node, _plan(scene, point, when), scene)
    scene.start(node)


def _taking_over(point: str, when: str, scene: Scene) -> None:
    """A full node that is new begins with a snapshot of its peer. It has no past then: afterwards it takes the log."""
    node, usual = scene.full_node, scene.full_node.config
    scene.kill(node)
    shutil.rmtree(node.data)
    node.config = replace(usual, network=replace(usual.network, snapshot_behind=1))
    _die_at(node, _plan(scene, point, when), scene)
    scene.start(node)
    height = scene.sequencer.height()
    scene.follow(node, height)
    scene.judge.state(node, height, scene.judge.facts(scene.sequencer, height))
    scene.kill(node)
    shutil.rmtree(node.data)
    node.config = usual
    scene.start(node)


def _die_at(node: Victim, plan: Plan, scene: Scene) -> None:
    node.launch(plan)
    if _died(node):
        amid = "amid" if plan.when == TORN else plan.when
        scene.report.killed(f"killed {amid} {plan.point}")
    elif node.lives:
        scene.report.counts["fault points not come to"] += 1
        scene.kill(node)
    else:
        scene.report.fault(f"{plan}: {node.ending()}")
        raise Broken


def _died(node: Victim) -> bool:
    ending = node.until_ended(POINT_S)
    return ending is not None and ending.code in (-signal.SIGKILL, -signal.SIGXFSZ)


def _register() -> None:
    every = (BEFORE, TORN, AFTER)
    places = [(name, "append", when, False) for name in (SEQUENCER, FULL_NODE) for when in every]
    places += [(name, "fold", when, False) for name in (SEQUENCER, FULL_NODE) for when in every]
    places += [(name, "open", when, False) for name in (SEQUENCER, FULL_NODE) for when in (TORN, AFTER)]
    places += [(SEQUENCER, "aside", when, False) for when in (BEFORE, AFTER)]
    places += [(FULL_NODE, "create", when, True) for when in every]
    places += [(FULL_NODE, "aside", AFTER, True)]
    for name, point, when, is_new in places:
        at = f"{'amid' if when == TORN else when} {point}"
        who = f"a new {name}" if is_new else name
        deed(f"{who} dies {at}")(partial(_at_point, name, point, when, is_new))
    for point in ("install", "restored", "nodes"):
        for when in (BEFORE, AFTER) if point == "nodes" else every:
            at = f"{'amid' if when == TORN else when} {point}"
            deed(f"a new {FULL_NODE} dies {at}")(partial(_taking_over, point, when))


_register()
