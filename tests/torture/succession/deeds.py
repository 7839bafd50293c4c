"""Bad things, one a round: to the leader, to links, to its disk; and handing over, which is none."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from megaeth_cli.chain.rpc_client import RpcError
from tests.support.waiting import eventually
from tests.torture.crash.report import Report
from tests.torture.succession.devnet import FULL_NODE, PATIENCE_S, Devnet
from tests.torture.succession.links import LEASE

STALLED_S: Final = 2.0
"""The longest that a leader stands still after another leads, or that a link stays cut."""
AGAIN_S: Final = 0.2


@dataclass
class Scene:
    """Of one run."""

    devnet: Devnet
    report: Report
    chance: Random
    hurt_at: float = 0.0
    """When the leader was."""

    def hurt(self, name: str, number: signal.Signals) -> None:
        """The leader gets a signal, now."""
        self.hurt_at = time.monotonic()
        self.devnet.send(name, number)

    def until_another_leads(self, term: int, *, by_degrees: bool = False) -> None:
        """With a higher term than that. `by_degrees`: the old one went on for a while."""
        self.devnet.until_leased_to_another(term)
        if by_degrees:
            self.hurt_at = time.monotonic()
        self.devnet.until_led_by_another(term)

    def wait(self, most_s: float = STALLED_S) -> None:
        """A moment, by chance."""
        time.sleep(self.chance.uniform(0.0, most_s))


Deed = Callable[[Scene], bool]
"""Whether another leads afterwards, for certain."""


def kill_leader(scene: Scene) -> bool:
    """It is gone at once."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    scene.hurt(devnet.leader(), signal.SIGKILL)
    scene.until_another_leads(term)
    return True


def kill_leader_twice(scene: Scene) -> bool:
    """And who took over, some time after."""
    kill_leader(scene)
    scene.wait(0.3)
    return kill_leader(scene)


def kill_leader_and_standby(scene: Scene) -> bool:
    """Two of them at the same time."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    leader = devnet.leader()
    scene.hurt(leader, signal.SIGKILL)
    devnet.send(scene.chance.choice(devnet.others(leader)), signal.SIGKILL)
    scene.until_another_leads(term)
    return True


def kill_standby(scene: Scene) -> bool:
    """The leader goes on, as long as there are disks enough."""
    devnet = scene.devnet
    devnet.send(scene.chance.choice(devnet.others(devnet.leader())), signal.SIGKILL)
    return False


def kill_all(scene: Scene) -> bool:
    """All that may lead."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    for name in devnet.candidates:
        scene.hurt(name, signal.SIGKILL)
    scene.until_another_leads(term)
    return True


def stall_leader(scene: Scene) -> bool:
    """It stands still, and wakes up when another leads."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    leader = devnet.leader()
    scene.hurt(leader, signal.SIGSTOP)
    try:
        scene.until_another_leads(term)
        scene.wait()
    finally:
        devnet.send(leader, signal.SIGCONT)
    return True


def stall_briefly(scene: Scene) -> bool:
    """For about as long as the lease lasts: perhaps it is still the leader when it wakes up."""
    devnet = scene.devnet
    leader = devnet.leader()
    devnet.send(leader, signal.SIGSTOP)
    time.sleep(scene.chance.uniform(0.3, 0.9))
    devnet.send(leader, signal.SIGCONT)
    return False


def stall_standby(scene: Scene) -> bool:
    """It neither stores nor says so."""
    devnet = scene.devnet
    standby = scene.chance.choice(devnet.others(devnet.leader()))
    devnet.send(standby, signal.SIGSTOP)
    scene.wait()
    devnet.send(standby, signal.SIGCONT)
    return False


def part_leader_from_lease(scene: Scene) -> bool:
    """It can't renew it, though its peers hear it."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    devnet.links.cut(devnet.leader(), LEASE)
    scene.until_another_leads(term, by_degrees=True)
    scene.wait()
    devnet.links.heal()
    return True


def part_leader_from_all(scene: Scene) -> bool:
    """Nobody hears it but its clients."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    leader = devnet.leader()
    for other in (LEASE, *(name for name in devnet.names if name != leader)):
        devnet.links.cut(leader, other)
    scene.until_another_leads(term, by_degrees=True)
    scene.wait()
    devnet.links.heal()
    return True


def part_leader_from_standbys(scene: Scene) -> bool:
    """It holds the lease, but nothing it builds is on other disks."""
    devnet = scene.devnet
    leader = devnet.leader()
    for other in devnet.others(leader):
        devnet.links.cut(leader, other)
    scene.wait()
    devnet.links.heal()
    return False


def part_leader_from_standby(scene: Scene) -> bool:
    """One of them."""
    devnet = scene.devnet
    leader = devnet.leader()
    devnet.links.cut(leader, scene.chance.choice(devnet.others(leader)))
    scene.wait()
    devnet.links.heal()
    return False


def part_standby_from_lease(scene: Scene) -> bool:
    """It can't take over."""
    devnet = scene.devnet
    devnet.links.cut(scene.chance.choice(devnet.others(devnet.leader())), LEASE)
    scene.wait()
    devnet.links.heal()
    return False


def part_standby_and_kill_leader(scene: Scene) -> bool:
    """One standby has not heard what the leader showed last, and is the first that may lead."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    leader = devnet.leader()
    devnet.links.cut(leader, scene.chance.choice(devnet.others(leader)))
    scene.wait(1.0)
    scene.hurt(leader, signal.SIGKILL)
    scene.until_another_leads(term)
    devnet.links.heal()
    return True


def part_full_node_from_leader(scene: Scene) -> bool:
    """It has the log from others; its clients' transactions wait."""
    devnet = scene.devnet
    devnet.links.cut(FULL_NODE, devnet.leader())
    scene.wait()
    devnet.links.heal()
    return False


def fill_disk_of_leader(scene: Scene) -> bool:
    """It can't write any more."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    with devnet.full_disk(devnet.leader()):
        scene.until_another_leads(term, by_degrees=True)
        scene.wait()
    return True


def fill_disk_of_standby(scene: Scene) -> bool:
    """It can't store any more."""
    devnet = scene.devnet
    with devnet.full_disk(scene.chance.choice(devnet.others(devnet.leader()))):
        scene.wait()
    return False


def restart_devnet(scene: Scene) -> bool:
    """In order: who led last leads first."""
    scene.devnet.restart(signal.SIGTERM)
    return False


def kill_supervisor(scene: Scene) -> bool:
    """It is gone at once, and with it all nodes, each when it notices."""
    scene.devnet.restart(signal.SIGKILL)
    return False


def promote(scene: Scene) -> bool:
    """Another is told to lead, under load."""
    devnet, term = scene.devnet, scene.devnet.lease.term
    chosen = scene.chance.choice(devnet.others(devnet.leader()))
    told = {}

    def handed_over() -> bool:
        scene.hurt_at = time.monotonic()
        try:
            told.update(devnet.promote(chosen))
        except RpcError as error:
            scene.report.refusals[error.message] += 1
            time.sleep(AGAIN_S)
            return False
        return True

    eventually(handed_over, f"{chosen} to be handed the lead", PATIENCE_S)
    scene.until_another_leads(term)
    scene.report.pauses.append(float(told["pause_ms"]))
    if devnet.lease.holder != chosen:
        scene.report.fault(f"{chosen} was promoted, and {devnet.lease.holder} leads")
    return True


DEEDS: Final[dict[str, Deed]] = {
    deed.__name__.replace("_", " "): deed
    for deed in (
        *(kill_leader, kill_leader_twice, kill_leader_and_standby, kill_standby, kill_all),
        *(stall_leader, stall_briefly, stall_standby),
        *(part_leader_from_lease, part_leader_from_all, part_leader_from_standbys, part_leader_from_standby),
        *(part_standby_from_lease, part_standby_and_kill_leader, part_full_node_from_leader),
        *(fill_disk_of_leader, fill_disk_of_standby, restart_devnet, kill_supervisor, promote),
    )
}
