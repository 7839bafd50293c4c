"""Losses of power, which take from both nodes what the disk had not confirmed: with `--durability fsync` no receipt."""

from __future__ import annotations

from dataclasses import replace

from tests.torture.crash.deeds.registry import Impossible, family
from tests.torture.crash.network import Victim
from tests.torture.crash.plan import Plan
from tests.torture.crash.power import Disk, NoCompiler, build
from tests.torture.crash.scene import Scene

deed = family("power")


def _outage(scene: Scene, least_s: float, most_s: float) -> None:
    both = [scene.sequencer, scene.full_node]
    try:
        library = build(scene.sequencer.directory)
    except NoCompiler as reason:
        raise Impossible(str(reason)) from None
    usual = [node.config for node in both]
    for node in both:
        scene.kill(node)
        node.config = replace(node.config, storage=replace(node.config.storage, durability="fsync"))
    disks = {node.name: Disk(node.data, node.directory / "synced") for node in both}

    def watched(node: Victim) -> Plan:
        return Plan(preload=str(library), journal=str(disks[node.name].journal))

    try:
        scene.start(*both, plans=watched)
        scene.wait(least_s, most_s)
        for node in both:
            scene.kill(node, "lost its power")
        for node in both:
            lost, open_to = disks[node.name].lose(scene.chance)
            scene.report.counts["bytes lost with the power"] += lost
            scene.report.counts["bytes that it could take"] += open_to
    finally:
        for node, config in zip(both, usual, strict=True):
            node.config = config
    scene.start(*both)


@deed("the power fails")
def _power(scene: Scene) -> None:
    _outage(scene, 0.3, 2.0)


@deed("the power fails during a start")
def _at_start(scene: Scene) -> None:
    _outage(scene, 0.0, 0.05)


@deed("the power fails while the snapshot is written")
def _folding(scene: Scene) -> None:
    _outage(scene, 3.0, 7.0)
