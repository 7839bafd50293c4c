"""The devnet that is hurt: a real supervisor, candidates, a full node and a prover, each in a network of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devnet.paths import NetworkPaths
from devnet.session import Session, health, read_session
from devnet.settings import config_to_json, load_config
from devnet.supervision.control import ControlServer, ask
from devnet.supervision.lease import FILE, Given
from devnet.sync.chain_rollback import ChainRollback
from megaeth_cli.chain.rpc_client import RpcClient
from tests.support.waiting import eventually
from tests.torture.chain.network import block_time_s
from tests.torture.crash import disk
from tests.torture.succession.links import LEASE_HOST, Links
from tests.torture.succession.placed import PLACES

ROOT: Final = Path(__file__).parents[3]
PATIENCE_S: Final = 120.0
LOOK_S: Final = 0.005
DISK_BYTES: Final = 160 << 20
"""Of each candidate, at most; of memory."""
SPARE_BYTES: Final = 1 << 12
CONFIG: Final = "config.json"
FULL_NODE: Final = "full-node-1"


@dataclass(frozen=True)
class Place:
    """A node, as clients and the judge ask it."""

    devnet: Devnet
    name: str

    @property
    def url(self) -> str:
        """Of JSON-RPC, as it is now."""
        return self._endpoint("http")

    @property
    def ws_url(self) -> str:
        """Likewise."""
        return self._endpoint("ws")

    def rpc(self, method: str, *params: Any) -> Any:
        """One answer."""
        with RpcClient(self.url, PATIENCE_S) as client:
            return client.call(method, *params)

    def height(self) -> int:
        """Its newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def health(self) -> dict[str, Any]:
        """What it tells of itself; OSError if nothing."""
        if (told := health(self.url)) is None:
            raise OSError(f"{self.name} is not well")
        return told

    def _endpoint(self, kind: str) -> str:
        node = self.devnet.session.node(self.name)
        if node is None or kind not in node.endpoints:
            raise OSError(f"{self.name} does not answer yet")
        return node.endpoints[kind]


class Devnet:
    """`with Devnet(directory, standbys) as devnet:`; in namespaces of this process's own."""

    def __init__(self, directory: Path, standbys: int, durable_on: int | None) -> None:
        self.directory = directory
        self.candidates = ("sequencer", *(f"standby-{number + 1}" for number in range(standbys)))
        self.names = (*self.candidates, FULL_NODE)
        self.links = Links(self.names)
        self._paths = NetworkPaths(directory)
        self._config = load_config(
            {
                **{"network.standbys": standbys, "network.full_nodes": 1},
                **({} if durable_on is None else {"network.durable_on": durable_on}),
                **{"network.verify": "roots", "chain.salt_data_buckets": 8, "jit.mode": "off"},
                **{"blocks.block_time_s": block_time_s(), "rpc.port": 0, "rpc.expose_test_keys": True},
            },
            cwd=directory,
        )

    def __enter__(self) -> Devnet:
        self.links.__enter__()
        ControlServer.HOST = LEASE_HOST
        for name in self.candidates:
            data = self.data(name)
            data.mkdir(parents=True)
            assert disk.own_disk(data, DISK_BYTES)
        (self.directory / CONFIG).write_text(json.dumps(config_to_json(self._config)))
        self._log = (self.directory / "supervisor.log").open("wb")
        self._up()
        return self

    def __exit__(self, *_: object) -> None:
        self.links.heal()
        for name in self.candidates:
            self.send(name, signal.SIGCONT)
        self._supervisor.terminate()
        try:
            self._supervisor.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        self._log.close()
        self.links.__exit__()

    def restart(self, number: signal.Signals) -> None:
        """All of it, as that signal to the supervisor has it end, with all nodes."""
        self._supervisor.send_signal(number)
        self._supervisor.wait(PATIENCE_S)
        self._up()

    def _up(self) -> None:
        program = ["-m", "tests.torture.succession.supervise", str(self.directory)]
        self._supervisor = subprocess.Popen(
            [sys.executable, *program, str(self.directory / CONFIG)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), PLACES: json.dumps(self.links.places)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        eventually(self._is_up, "the devnet to come up", PATIENCE_S)

    def __getitem__(self, name: str) -> Place:
        return Place(self, name)

    @property
    def places(self) -> list[Place]:
        """All of them."""
        return [self[name] for name in self.names]

    @property
    def session(self) -> Session:
        """As it is now; OSError if the devnet is gone."""
        session = read_session(self._paths.session)
        if session is None:
            raise OSError(f"the devnet has ended: {self.log()}")
        return session

    @property
    def lease(self) -> Given:
        """Who holds it."""
        return Given.read(self._paths.data / "network" / FILE)

    def log(self) -> str:
        """The supervisor's last words."""
        return (self.directory / "supervisor.log").read_text()[-2_000:]

    def data(self, name: str) -> Path:
        """What a node keeps."""
        return self._paths.data / "nodes" / name

    def log_of(self, name: str) -> str:
        """All that a node has logged."""
        return self._paths.log(name).read_text(errors="replace")

    def leader(self) -> str:
        """Who leads, as everybody may know."""
        return self.session.leader

    def others(self, name: str) -> list[str]:
        """The other candidates."""
        return [one for one in self.candidates if one != name]

    def send(self, name: str, number: signal.Signals) -> None:
        """A signal, to a node's process if it has one."""
        node = self.session.node(name)
        if node is not None and node.process.runs():
            os.kill(node.process.pid, number)

    def until_leased_to_another(self, term: int) -> None:
        """Waits until a higher term than that is given out."""
        eventually(lambda: self.lease.term > term, f"a term after {term}", PATIENCE_S)

    def until_led_by_another(self, term: int) -> None:
        """Waits until a higher term than that is led."""

        def is_led() -> bool:
            lease = self.lease
            return lease.term > term and bool(lease.value)

        eventually(is_led, f"a leader after term {term}", PATIENCE_S)

    def first_mini(self) -> int:
        """The number of the first mini-block that is the leader's own."""
        return ChainRollback.decode(bytes.fromhex(self.lease.value)).minis

    def mend(self) -> None:
        """Links are whole, disks have room, every node runs and says so, and any candidate may take over."""
        self.links.heal()
        for name in self.names:
            self.send(name, signal.SIGCONT)
            (self.data(name) / disk.BALLOON).unlink(missing_ok=True)
        for name in self.names:
            eventually(lambda name=name: self._is_well(name), f"{name} to be well", PATIENCE_S)
        eventually(self._are_in_sync, "all that may lead to be in sync", PATIENCE_S)

    def promote(self, name: str) -> dict[str, Any]:
        """As `megaeth devnet promote` does."""
        session = self.session
        leader = session.node(session.leader)
        assert leader is not None
        with RpcClient(leader.endpoints["http"], PATIENCE_S) as client:
            told: dict[str, Any] = client.call("devnet_promote", session.token, name)
        return told

    @contextmanager
    def full_disk(self, name: str) -> Iterator[None]:
        """A node's disk has no room meanwhile."""
        disk.fill(self.data(name), SPARE_BYTES)
        try:
            yield
        finally:
            (self.data(name) / disk.BALLOON).unlink(missing_ok=True)

    def _is_up(self) -> bool:
        assert self._supervisor.poll() is None, self.log()
        session = read_session(self._paths.session)
        return session is not None and session.state == "running"

    def _are_in_sync(self) -> bool:
        in_sync = self.lease.in_sync
        return not in_sync or set(in_sync) == set(self.candidates)

    def _is_well(self, name: str) -> bool:
        assert self._supervisor.poll() is None, self.log()
        node = self.session.node(name)
        if node is None or node.state in ("failed", "stopped"):
            ask(self.session, "start-node", name)
            return False
        try:
            return node.state == "running" and node.process.runs() and bool(self[name].health())
        except OSError:
            time.sleep(LOOK_S)
            return False
