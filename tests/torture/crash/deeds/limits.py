"""Too few descriptors, too little memory: from the start, or all of a sudden."""

from __future__ import annotations

import contextlib
import resource
import socket
from functools import partial

import psutil

from tests.torture.crash.deeds.registry import family
from tests.torture.crash.network import FULL_NODE, SEQUENCER
from tests.torture.crash.plan import Plan
from tests.torture.crash.scene import Scene

deed = family("limits")

CONNECTIONS = 40
FEW, MANY = 12, 300
MIB = 1 << 20


def _descriptors(name: str, scene: Scene) -> None:
    node = scene.network[name]
    held = psutil.Process(node.process.pid).num_fds()
    most = held + scene.chance.randrange(8)
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as lines:
        for _ in range(CONNECTIONS):
            with contextlib.suppress(OSError):
                lines.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=1.0))
        scene.wait(0.5, 1.5)
    if not scene.gave_up(node, 0.0):
        scene.kill(node, "killed with hardly a descriptor left")
    scene.start(node)


def _few_descriptors(name: str, scene: Scene) -> None:
    node = scene.network[name]
    scene.kill(node)
    if scene.began(node, Plan(limits={"NOFILE": scene.chance.randrange(FEW, MANY)})):
        scene.wait(0.2, 1.0)
        if not scene.gave_up(node, 0.0):
            scene.kill(node, "killed with few descriptors")
    scene.start(node)


def _memory(name: str, scene: Scene) -> None:
    """What a process says that can't have any memory is nobody's to choose: how it ends is only counted."""
    node = scene.network[name]
    most = psutil.Process(node.process.pid).memory_info().vms + scene.chance.randrange(16) * MIB
    resource.prlimit(node.process.pid, resource.RLIMIT_AS, (most, most))
    scene.wait(0.5, 2.5)
    if not scene.gave_up(node, 0.0, may_be_unclear=True):
        scene.kill(node, "killed with hardly any memory left", may_be_unclear=True)
    scene.start(node)


for _name in (SEQUENCER, FULL_NODE):
    deed(f"{_name} gets no more descriptors")(partial(_descriptors, _name))
    deed(f"{_name} starts with few descriptors")(partial(_few_descriptors, _name))
    deed(f"{_name} gets no more memory")(partial(_memory, _name))
