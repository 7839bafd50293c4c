"""Disks that take no more."""

from __future__ import annotations

import resource
from functools import partial

from tests.torture.crash import disk
from tests.torture.crash.deeds.registry import Impossible, family
from tests.torture.crash.network import FULL_NODE, SEQUENCER
from tests.torture.crash.scene import Scene

deed = family("disks")

FULL_S = 30.0
SPARE = 60_000
FILE_SPARE = 30_000


def _full(name: str, scene: Scene) -> None:
    if not scene.may_mount:
        raise Impossible(disk.NO_MOUNTS)
    node = scene.network[name]
    scene.kill(node)
    with disk.small(node.data):
        if scene.began(node):
            disk.fill(node.data, scene.chance.randrange(SPARE))
            if not scene.gave_up(node, FULL_S):
                scene.report.fault(f"{name} lives on with a disk that is full")
                scene.kill(node)
            if scene.began(node):  # LevelDB may have made room meanwhile
                scene.kill(node)
    scene.start(node)


def _read_only(name: str, scene: Scene) -> None:
    if not scene.may_mount:
        raise Impossible(disk.NO_MOUNTS)
    node = scene.network[name]
    with disk.read_only(node.data):
        scene.wait(0.5, 1.5)
        if not scene.gave_up(node, 0.0):
            scene.kill(node)
        if scene.began(node):
            scene.report.fault(f"{name} starts on a disk that it can't write to")
            scene.kill(node)
    scene.start(node)


def _no_growth(name: str, scene: Scene) -> None:
    """A limit on the size of files, as disk quotas and some file systems have it."""
    node = scene.network[name]
    most = max(path.stat().st_size for path in (*node.data.glob("chain/*.log"), node.log_file))
    most += scene.chance.randrange(FILE_SPARE // 2, FILE_SPARE)
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (most, most))
    if not scene.gave_up(node, FULL_S):
        scene.report.fault(f"{name} lives on though its files can't grow beyond {most} bytes")
        scene.kill(node)
    scene.start(node)


for _name in (SEQUENCER, FULL_NODE):
    deed(f"the disk of {_name} is full")(partial(_full, _name))
    deed(f"the disk of {_name} is read-only")(partial(_read_only, _name))
    deed(f"the files of {_name} can't grow")(partial(_no_growth, _name))
