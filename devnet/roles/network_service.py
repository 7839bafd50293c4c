"""The part of a node with a chain in the devnet's network: its sync node, its opinion of its blocks, its incidents; put
together.

Who leads gives its log to peers, changed if a fault is being played (`faults.py`), and can but say so when provers
contradict it. Who follows takes its log from peers, compares it with theirs, and gives up what is wrong
(`bad_blocks.py`). A node without a place in a network (`RoleConfig.network` is None) has none of this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from devnet._engine import Engine, SealedBlock, SealedMini
from devnet.config import Config, VerifyMode
from devnet.errors import UnavailableError
from devnet.proving.incidents import Incidents
from devnet.proving.kept import INCIDENTS, Bounds, KeptFiles
from devnet.proving.quorum import Contradiction
from devnet.role_config import NetworkPlace, RoleConfig
from devnet.roles.announcements import Announcement, Announcer, Comparison
from devnet.roles.bad_blocks import BadBlocks
from devnet.roles.faults import SequencerFaults
from devnet.roles.process import Failure
from devnet.roles.rollback import Rollback, Rollbacks
from devnet.roles.validation import Validation
from devnet.roles.verification import Verification
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.session import Role
from devnet.storage import Store
from devnet.sync import (
    Credentials,
    Endpoint,
    EntryKind,
    Kind,
    Local,
    LogEntry,
    LogOffset,
    LogSink,
    Refused,
    StoreLog,
    SyncNode,
    SyncSettings,
    SyncStatus,
)
from devnet.sync.chain_rollback import ChainRollback
from devnet.sync.leadership import Leadership
from devnet.tasks import Tasks

log = logging.getLogger(__name__)

CERTIFICATE_S, CERTIFICATE_RETRY_S = 10.0, 0.005
CATCHING_UP: Final = 200
"""Items behind the farthest known place, from which on a node counts as catching up."""
STRANDED_S: Final = 5.0
"""So long nobody's log may reach back to where this node stands, until it begins anew with a snapshot."""


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
        standbys=frozenset(place.candidates),
        lag_s=config.network.replica_lag_ms / 1000,
        snapshot_behind=config.network.snapshot_behind,
    )


def local_of(role: RoleConfig, genesis_hash: bytes) -> Local:
    """What a node says of itself."""
    return Local(role.node, role.role.hyphenated, role.config.chain.chain_id, genesis_hash)


def bounds_of(config: Config) -> Bounds:
    """How much evidence a node keeps."""
    return Bounds(config.evidence.files, config.evidence.bytes)


def incidents_of(role: RoleConfig) -> Incidents:
    """A node's own."""
    return Incidents(Path(role.data_dir) / INCIDENTS, role.node, role.role, bounds_of(role.config))


def endpoint_text(endpoint: Endpoint) -> str:
    """For the session file."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


class NetworkService:
    """Call `start` once and `stop` once, and between them `lead` and `follow`, each ended by `halt`."""

    def __init__(
        self,
        role: RoleConfig,
        place: NetworkPlace,
        engine: Engine,
        store: Store,
        rollbacks: Rollbacks,
        given_up: Rollback | None,
        failure: Failure,
    ) -> None:
        """`given_up`: what was given up last, before this process began."""
        self.on_stored: Callable[[str, LogOffset], None] = lambda node, position: None
        """A standby has everything up to there on its disk. On the loop."""
        self.on_leadership: Callable[[bytes], bool] = lambda record: False
        """A peer tells who leads; whether that is true. On the loop."""
        self.supersedes: Callable[[bytes, bytes], bool] = lambda theirs, ours: False
        """Whether a peer's succession is what counts, and not this node's record of the same number."""
        config = role.config
        self._role = role
        self._place = place
        self._store = store
        self._failure = failure
        self._loop = asyncio.get_running_loop()
        self._url = ""
        self._genesis_hash = engine.genesis_hash()
        self._is_candidate = role.node in place.candidates
        self._leads = role.role is Role.SEQUENCER
        self._followed_from = 0
        """The newest block when it began to follow."""
        """In the present mode, or else the last one, or else the first one."""
        self._reexecutes = config.network.verify is VerifyMode.REEXECUTE
        self.incidents = incidents_of(role)
        self._bad_blocks = BadBlocks(
            *(store, self.incidents, rollbacks, given_up, self._reexecutes, failure),
            supersedes=lambda theirs, ours: self.supersedes(theirs, ours),
        )
        self._faults = SequencerFaults(self._forget_backlog)
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
            contradicted=self._contradicted,
            reported=lambda _: self._faults.noticed(),
        )
        self.validation = (
            Validation(role, engine, store, self.incidents, failure)
            if config.network.verify is VerifyMode.STATELESS
            else None
        )
        self._comparison = Comparison(self._differ)
        self._announcer = Announcer(
            role.node,
            lambda: self._url,
            lambda: self.verification.announced,
            self._announce,
            lambda: store.rollbacks,
        )
        self._sync: SyncNode | None = None
        self._sink: LogSink | None = None
        self._tasks = Tasks(failure)
        """Of who follows."""

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self, url: str, sink: LogSink) -> None:
        """Join. `url`: where this node answers JSON-RPC. `sink`: takes the log while it follows."""
        self._url = url
        self._sink = sink
        self._sync = SyncNode(
            local_of(self._role, self._genesis_hash),
            await credentials_of(self._place),
            sync_settings(self._place, self._role.config),
            log=StoreLog(self._store),
            sink=sink,
            store=self._store,
            on_refused=self._bad_blocks.refused,
            on_accused=self._faults.noticed,
            on_failure=self._failure,
            on_stored=lambda node, position: self.on_stored(node, position),
        )
        self._sync.gossip.on(Kind.LEADERSHIP, lambda payload, _: self.on_leadership(payload))
        self._sync.gossip.on(Kind.ATTESTATION, self.verification.attestation)
        self._sync.gossip.on(Kind.FAULT, self.verification.fault)
        self._sync.gossip.on(Kind.LOG_DIGEST, self._announced)
        await self._sync.start()
        self.verification.start()

    async def lead(self) -> None:
        """From now on others get the log from here, as `publish` goes on with it."""
        self._leads = True
        await self._joined.lead()

    async def follow(self, sequencer: str, after_s: float = 0.0) -> None:
        """From now on the log comes from others; nobody is asked for it before `after_s`. `sequencer`: the HTTP of a
        node that keeps all attestations."""
        self._leads = False
        self._followed_from = self._store.tip.block if self._store.tip is not None else 0
        self.verification.ask(sequencer)
        if self.validation is not None:
            await self.validation.start(sequencer)
        await self._joined.follow(after_s)
        self._tasks.spawn(self._look_whether_stranded(), "stranded")

    async def halt(self) -> None:
        """Neither; what is being applied is finished."""
        await self._tasks.cancel()
        self.verification.ask("")
        await self._joined.halt()
        if self.validation is not None:
            await self.validation.stop()

    def rewound(self, rollback: ChainRollback) -> None:
        """Log and engine were taken back by this rollback, or go on with another leader. On the loop, while nothing is
        appended."""
        self._announcer.rewound()
        self._comparison = Comparison(self._differ)
        self.verification.rewound(rollback.blocks)
        if self.validation is not None:
            self.validation.rewound(rollback.blocks)

    def rolled_back(self, rollback: ChainRollback) -> None:
        """Likewise, for those that get the log from here. Of who leads; on the loop."""
        if self._leads:
            self._joined.rolled_back(rollback.encode())

    def strand(self) -> None:
        """This node cannot go back as far as the chain did, and begins anew with a snapshot."""
        self._bad_blocks.stranded()

    async def stop(self) -> None:
        """Leave."""
        self.verification.stop()
        await self._joined.stop()

    def may_be_folded(self) -> int:
        """Up to which block the snapshot may go: what is not verified, or not on enough disks, may have to be given up.
        Any thread."""
        verified = self.verification.may_be_folded()
        if not self._is_candidate:
            return verified
        return min(verified, self._sync.standing().position.blocks) if self._sync is not None else 0

    @property
    def endpoint(self) -> Endpoint:
        """Where peers reach this node. Only after `start`."""
        return self._joined.endpoint

    @property
    def _joined(self) -> SyncNode:
        if self._sync is None:
            raise RuntimeError("the node has not joined the network")
        return self._sync

    # --- what goes out ------------------------------------------------------------------------------------

    def note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """These are in this node's log now. The thread that writes it."""
        self.verification.note(sealed)
        if self.validation is not None:
            self.validation.note(sealed)

    def publish(self, sealed: list[SealedMini | SealedBlock]) -> None:
        """What peers are given and told of: what the log has, unless a fault is being played. The same thread."""
        if not self._leads:
            self._announcer.note(sealed)
            return
        if self._place.candidates:
            self._announcer.note(sealed)  # peers have it from `write` and `confirm`
            return
        given, announced = self._faults.change(sealed)
        self._announcer.note(announced)
        self._joined.publish(given)

    def write(self, sealed: list[SealedMini | SealedBlock]) -> None:
        """What standbys are given: what is on this disk. The same thread."""
        self._joined.write(sealed)

    def confirm(self, position: LogOffset) -> None:
        """What was given to standbys is for everybody, up to there. Any thread."""
        self._joined.confirm(position)

    def led_by(self, leadership: Leadership) -> None:
        """That node leads. On the loop."""
        if self._sync is not None:
            self._sync.led_by(leadership.node, leadership.term)
        if not self._leads:
            self.verification.ask(leadership.http)
            if self.validation is not None:
                self.validation.led_by(leadership.http)

    def tell_leadership(self, record: bytes) -> None:
        """Tells everybody who leads."""
        self._joined.gossip.publish(Kind.LEADERSHIP, record)

    async def fence(self, term: int, needed: int, timeout_s: float) -> dict[str, LogOffset]:
        """Where those other candidates stand that follow nobody of an earlier term any more; so many are waited for."""
        return await self._joined.fence(term, needed, timeout_s)

    @property
    def reproductions(self) -> KeptFiles | None:
        """What a validator of this node's own keeps of checks that failed."""
        return self.validation.reproductions if self.validation is not None else None

    @property
    def feeds_anybody(self) -> bool:
        """Whether another node gets its log from here."""
        return self._sync is not None and self._sync.feeds_anybody

    async def inject(self, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Plays a fault (`faults.py`). ValueError: this node can't."""
        if not self._leads and self.validation is not None and kind == Validation.PLAYS:
            return await self.validation.inject(kind, options)
        if not self._leads:
            raise ValueError(
                f"a full node plays nothing but '{Validation.PLAYS}', and that with --verify stateless; not '{kind}'"
            )
        if self._place.candidates:
            raise ValueError(
                "a chain with standbys tells all of its nodes the same, so that it can't be told a lie"
            )
        return await self._faults.inject(kind, options)

    def _forget_backlog(self) -> None:
        self._joined.forget_backlog()

    # --- what is wrong ------------------------------------------------------------------------------------

    def _contradicted(self, contradiction: Contradiction) -> None:
        """Provers say something else than this node's own block: for who leads, nothing is left but to say so."""
        if not self._leads:
            upstream = self._joined.status().upstream or ""
            self._bad_blocks.contradicted(contradiction, self.verification.verified, upstream)
            return
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

    async def _look_whether_stranded(self) -> None:
        since: float | None = None
        while True:
            await asyncio.sleep(1.0)
            now = self._loop.time()
            since = (since or now) if self._joined.status().stranded else None
            if since is not None and now - since > STRANDED_S:
                self._bad_blocks.stranded()
                return

    # --- announcements ------------------------------------------------------------------------------------

    def _announce(self, announcement: Announcement) -> None:
        if self._loop.is_closed():
            return
        self._joined.gossip.publish(Kind.LOG_DIGEST, announcement.encode())
        self._loop.call_soon_threadsafe(self._comparison.own, announcement)

    def _announced(self, payload: bytes, from_node: str) -> bool:
        try:
            announcement = Announcement.decode(payload)
        except ValueError:
            return False
        if announcement.node != self._role.node:
            self._comparison.other(announcement)
            if self.validation is not None:
                self.validation.heard_of(announcement)
        return True

    def _differ(self, own: Announcement, other: Announcement) -> None:
        if not self._leads:
            self._tasks.spawn(self._compare_logs(own, other), "compare-logs")

    async def _compare_logs(self, own: Announcement, other: Announcement) -> None:
        """Fetch what the other node has, and look at both."""
        numbers = own.first_difference(other)
        if numbers is None:
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
            place = LogOffset(number + 1, own.block - 1, own.rollbacks)
            await self._suspect(LogEntry(EntryKind.MINI, place, record), other.node)

    async def _suspect(self, entry: LogEntry, source: str) -> None:
        """Another node has another record of a mini-block: the engine tells whether the sequencer has signed both."""
        assert self._sink is not None
        try:
            await self._loop.run_in_executor(None, self._sink.recheck, entry)
        except Refused as refused:
            self._bad_blocks.record(refused, source)

    # --- for status ---------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """What there is to tell about the network."""
        told: dict[str, Any] = {
            "verified_height": self.verification.verified,
            "incidents": len(self.incidents),
        }
        if self._sync is None:
            return told
        status = self._sync.status()
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
        return told if self._leads else told | self._follows(status)

    def _follows(self, status: SyncStatus) -> dict[str, Any]:
        """What there is to tell while it follows."""
        told: dict[str, Any] = {"verify": self._role.config.network.verify, "upstream": status.upstream}
        if self.validation is not None:
            told["validation"] = self.validation.status()
        if self._reexecutes and not self.verification.quorum.counting:
            told["verified_height"] = self._store.tip.block if self._store.tip is not None else 0
        if status.behind > CATCHING_UP:
            told["catching_up"] = {
                "done": status.position.entries,
                "total": status.best_known.entries,
                "first_block": self._followed_from,
                "block": status.position.blocks,
                "last_block": status.best_known.blocks,
            }
        return told | self._bad_blocks.told(status.position)
