"""Clocks that jump: the chain's own, and the one that a node's Python sees."""

from __future__ import annotations

from functools import partial

from tests.torture.crash.deeds.registry import family
from tests.torture.crash.network import FULL_NODE, SEQUENCER
from tests.torture.crash.plan import Plan
from tests.torture.crash.scene import Broken, Scene

deed = family("clock")

HOUR_S = 3_600


@deed("the chain's clock jumps ahead, and the sequencer is killed")
def _jump(scene: Scene) -> None:
    scene.sequencer.rpc("evm_increaseTime", scene.chance.randrange(1, 48 * HOUR_S))
    scene.wait(0.0, 0.5)
    scene.kill(scene.sequencer)
    scene.start(scene.sequencer)


def _wrong_clock(name: str, scene: Scene) -> None:
    node = scene.network[name]
    scene.kill(node)
    hours = scene.chance.choice((-48, -1, 1, 48))
    if not scene.began(node, Plan(clock_s=float(hours * HOUR_S))):
        scene.report.fault(f"{name} does not start with a clock that is {hours} hours wrong")
        raise Broken
    scene.wait(0.5, 1.0)
    scene.kill(node)
    scene.start(node)


for _name in (SEQUENCER, FULL_NODE):
    deed(f"the clock of {_name} is wrong")(partial(_wrong_clock, _name))
