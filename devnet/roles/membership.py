"""A node's membership in the devnet's network: its sync node, its opinion of its blocks, its incidents; put together.

What a sequencer and a full node have in common beside their chain. A node without a place in a network (`RoleConfig.
network` is None) has none of this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from devnet._engine import Engine
from devnet.config import Config
from devnet.errors import UnavailableError
from devnet.proving.incidents import Incidents
from devnet.proving.kept import Bounds
from devnet.proving.quorum import Contradiction
from devnet.role_config import NetworkPlace, RoleConfig
from devnet.roles.announcements import Announcement, Announcer, Comparison
from devnet.roles.verification import Verification
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.rpc.server import RpcServer
from devnet.storage import Store
from devnet.sync import Credentials, Endpoint, Kind, Local, SyncNode, SyncSettings
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

CERTIFICATE_S, CERTIFICATE_RETRY_S = 10.0, 0.005


async def credentials_of(place: NetworkPlace) -> Credentials:
    """The files that a node proves itself with; the supervisor may be writing them just now, the certificate last."""
    credentials = Credentials(Path(place.ca), Path(place.certificate), Path(place.key))
    deadline = time.monotonic() + CERTIFICATE_S
    while not (credentials.certificate.exists() and credentials.ca.exists()):
        if time.monotonic() > deadline:
            raise UnavailableError(
                "this node was given no certificate", f"{credentials.certificate} is missing"
            )
        await asyncio.sleep(CERTIFICATE_RETRY_S)
    return credentials


def endpoints_of(place: NetworkPlace) -> tuple[Endpoint, ...]:
    """The peers to begin with."""
    return tuple(Endpoint(*peer) for peer in place.peers)


def sync_settings(place: NetworkPlace, config: Config) -> SyncSettings:
    """How a node deals with its peers."""
    return SyncSettings(
        host=config.rpc.host,
        port=place.port,
        bootstrap=endpoints_of(place),
        snapshot_behind=config.network.snapshot_behind,
    )


def local_of(role: RoleConfig, genesis_hash: bytes) -> Local:
    """What a node says of itself."""
    return Local(role.node, role.role.replace("_", "-"), role.config.chain.chain_id, genesis_hash)


def bounds_of(config: Config) -> Bounds:
    """How much evidence a node keeps."""
    return Bounds(config.evidence.files, config.evidence.bytes)


def incidents_of(role: RoleConfig) -> Incidents:
    """A node's own."""
    return Incidents(Path(role.data_dir) / "evidence", role.node, role.role, bounds_of(role.config))


def _nobody_asks(mini: int, record: bytes, block: int, source: str) -> None:
    """Where nothing is applied that others made, there is nothing to suspect."""


def endpoint_text(endpoint: Endpoint) -> str:
    """For the session file."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


class Membership:
    """Of a node with a chain. The sync node is the role's to make, as followers make it otherwise than leaders."""

    def __init__(
        self,
        role: RoleConfig,
        place: NetworkPlace,
        engine: Engine,
        store: Store,
        server: RpcServer,
        failure: OnDeath,
    ) -> None:
        config = role.config
        self._role = role
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._url = ""
        self.incidents = incidents_of(role)
        self.suspect: Callable[[int, bytes, int, str], None] = _nobody_asks
        """Told another node's record of a mini-block, which may differ from ours, in a worker thread: mini-block,
        record, block, whose. A full node puts its own check here."""
        self.verification = Verification(
            engine,
            store,
            self.incidents,
            config.chain.chain_id,
            bytes.fromhex(place.authority[2:]),
            config.network.quorum,
            place.has_provers,
            config.blocks.block_time_s,
            failure,
        )
        self.verification.contradicted = self._contradicted
        self.comparison = Comparison(self._differ)
        self._announcer = Announcer(
            role.node, lambda: self._url, lambda: self.verification.announced, self._announce
        )
        self._sequencer = place.sequencer
        self.change: Callable[[list[Any]], tuple[list[Any], list[Any]]] = lambda sealed: (sealed, sealed)
        """From what is in the log to what peers are given and to what is announced (`faults.py`)."""
        self.accused: Callable[[], None] = lambda: None
        """A peer refuses what it was given."""
        self.sync: SyncNode | None = None
        self._tasks = Tasks(failure)

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self, sync: SyncNode) -> None:
        """Join: the server must be listening."""
        self.sync = sync
        sync.accused = lambda reason: self.accused()
        self._url = self._server.http_url
        sync.gossip.on(Kind.ATTESTATION, self.verification.attestation)
        sync.gossip.on(Kind.FAULT, self.verification.fault)
        sync.gossip.on(Kind.LOG_DIGEST, self._announced)
        await sync.start()
        self.verification.start(self._sequencer)

    async def stop(self) -> None:
        """Leave."""
        self.verification.stop()
        for task in self._tasks:
            task.cancel()
        if self.sync is not None:
            await self.sync.stop()

    def note(self, sealed: Iterable[Any]) -> None:
        """These are in this node's log now. The thread that writes it."""
        self.verification.note(sealed)

    def publish(self, sealed: list[Any]) -> None:
        """What peers are given and told of: what the log has, unless a fault is being played. The same thread."""
        given, announced = self.change(sealed)
        self._announcer.note(announced)
        if self.sync is not None and self._role.role == "sequencer":
            self.sync.publish(given)

    @property
    def feeds_anybody(self) -> bool:
        """Whether another node gets its log from here."""
        return self.sync is not None and self.sync.feeds_anybody

    def _contradicted(self, contradiction: Contradiction) -> None:
        """Provers say something else than this node's own block: for a sequencer, nothing is left but to say so."""
        differing = ", ".join(contradiction.own.differences(contradiction.attested))
        self.incidents.record(
            "contradiction",
            contradiction.block,
            f"a quorum of provers attests to another {differing}",
            {
                "own": contradiction.own.to_json(),
                "attested": contradiction.attested.to_json(),
                "attestations": [attestation.to_json() for attestation in contradiction.attestations],
            },
        )

    # --- announcements ------------------------------------------------------------------------------------

    def _announce(self, announcement: Announcement) -> None:
        if self.sync is None or self._loop.is_closed():
            return
        self.sync.gossip.publish(Kind.LOG_DIGEST, announcement.encode())
        self._loop.call_soon_threadsafe(self.comparison.own, announcement)

    def _announced(self, payload: bytes, from_node: str) -> bool:
        try:
            announcement = Announcement.decode(payload)
        except ValueError:
            return False
        if announcement.node != self._role.node:
            self.comparison.other(announcement)
        return True

    def _differ(self, own: Announcement, other: Announcement) -> None:
        self._tasks.spawn(self._compare_logs(own, other), "compare-logs")

    async def _compare_logs(self, own: Announcement, other: Announcement) -> None:
        """Fetch what the other node has, and look at both."""
        numbers = own.first_difference(other)
        if numbers is None or self._role.role == "sequencer":
            return
        client = NodeClient(other.http)
        try:
            records = await client.call("mega_getMiniBlockRecords", hex(numbers[0]), hex(numbers[-1]))
        except (NodeSilentError, RpcFault) as error:
            log.warning("block %d of %s differs from ours, but: %s", own.block, other.node, error)
            return
        finally:
            client.close()
        try:
            found = [bytes.fromhex(text[2:]) for text in records]
        except (TypeError, ValueError) as error:
            log.warning("%s has no records of block %d: %s", other.node, own.block, error)
            return
        for number, record in zip(numbers, found, strict=False):
            await self._loop.run_in_executor(None, self.suspect, number, record, own.block, other.node)

    # --- for status ---------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """What there is to tell about the network."""
        told: dict[str, Any] = {
            "verified_height": self.verification.verified,
            "incidents": len(self.incidents),
        }
        if self.sync is None:
            return told
        status = self.sync.status()
        told |= {
            "peers": len({peer.node for peer in status.peers}),
            "bytes_in": status.bytes_in,
            "bytes_out": status.bytes_out,
            "peer_list": [
                {
                    "node": peer.node,
                    "role": peer.role,
                    "rtt_ms": round(peer.rtt_ms, 2) if peer.rtt_ms is not None else None,
                    "congestion_control": peer.congestion_control,
                    "bytes_in": peer.bytes_in,
                    "bytes_out": peer.bytes_out,
                }
                for peer in status.peers
            ],
        }
        return told
