"""Kills at random moments."""

from __future__ import annotations

import shutil
from functools import partial

from tests.torture.crash.deeds.registry import family
from tests.torture.crash.network import FULL_NODE, PROVER, SEQUENCER
from tests.torture.crash.plan import Plan
from tests.torture.crash.scene import Scene

deed = family("kills")

MOST_S = 0.7
START_S = 2.0
"""About as long as a start takes."""


def _one(name: str, scene: Scene) -> None:
    node = scene.network[name]
    scene.wait(0.02, MOST_S)
    scene.kill(node)
    scene.start(node)


for _name, _words in ((SEQUENCER, "the sequencer"), (FULL_NODE, "the full node"), (PROVER, "the prover")):
    deed(f"kill {_words}")(partial(_one, _name))


@deed("kill sequencer and full node")
def _both(scene: Scene) -> None:
    scene.wait(0.02, MOST_S)
    scene.kill(scene.sequencer)
    scene.wait(0.0, 0.05)
    scene.kill(scene.full_node)
    scene.start(scene.sequencer, scene.full_node)


@deed("kill everybody")
def _everybody(scene: Scene) -> None:
    everybody = [scene.sequencer, scene.full_node, scene.prover]
    scene.wait(0.02, MOST_S)
    for node in scene.chance.sample(everybody, len(everybody)):
        scene.kill(node)
    scene.start(*everybody)


@deed("kill the sequencer while it starts, again and again")
def _start(scene: Scene) -> None:
    scene.kill(scene.sequencer)
    for _ in range(3):
        scene.sequencer.launch(Plan())
        scene.wait(0.3, START_S)
        scene.kill(scene.sequencer, "killed while it started")
    scene.start(scene.sequencer)


@deed("kill the sequencer while it stops")
def _stop(scene: Scene) -> None:
    scene.wait(0.02, MOST_S)
    scene.sequencer.process.terminate()
    scene.wait(0.0, 0.3)
    scene.kill(scene.sequencer, "killed while it stopped")
    scene.start(scene.sequencer)


@deed("kill a full node that is new")
def _newcomer(scene: Scene) -> None:
    scene.kill(scene.full_node)
    shutil.rmtree(scene.full_node.data)
    for _ in range(2):
        scene.full_node.launch(Plan())
        scene.wait(0.5, START_S)
        scene.kill(scene.full_node, "killed while it started")
    scene.start(scene.full_node)
