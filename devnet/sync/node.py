"""A node's part in the network, put together: the mesh of peers, what is fed to them, what comes from them.

    who leads        log                 publishes what it seals
    who follows      log and sink        gets the log from others, applies it, passes it on
    a standby        log and sink        gets the log from who leads and from nobody else, says what is on its disk
    prover           neither             gossip only

Everything happens on the event loop that `start` runs on, but for the threads `sync-apply`, `sync-log` and
`sync-snapshot`. `publish` and `gossip.publish` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from devnet._engine import SealedBlock, SealedMini
from devnet.storage.store import Store
from devnet.sync.fences import Fences
from devnet.sync.follower import REFUSAL, Follower, FollowerCounts, unasked
from devnet.sync.frames import (
    Accepted,
    ChunkRequest,
    Declined,
    Endpoint,
    EntryFrame,
    Fence,
    Fenced,
    Frame,
    GenesisRequest,
    Malformed,
    ManifestRequest,
    Ping,
    Status,
    Stored,
    Subscribe,
    Unsubscribe,
)
from devnet.sync.frames import (
    Gossip as GossipFrame,
)
from devnet.sync.gossip import Gossip
from devnet.sync.identity import Credentials
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset
from devnet.sync.log_reader import LogReader
from devnet.sync.log_sink import LogSink, Refused
from devnet.sync.mesh import Local, Mesh
from devnet.sync.peer import Session
from devnet.sync.publisher import ChildStatus, Publisher
from devnet.sync.settings import SyncSettings
from devnet.sync.snapshot import SnapshotServer
from devnet.threads import OnDeath

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PeerStatus:
    """One connection."""

    node: str
    role: str
    dialed: bool
    position: LogOffset
    path: tuple[str, ...]
    rtt_ms: float | None
    congestion_control: str
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True)
class SyncStatus:
    """A node's part in the network, for people and tools."""

    position: LogOffset
    best_known: LogOffset
    upstream: str | None
    path: tuple[str, ...]
    peers: tuple[PeerStatus, ...]
    children: tuple[ChildStatus, ...]
    bytes_in: int
    bytes_out: int
    content_in: int
    """Before compression."""
    content_out: int
    applied: int
    """This and the next three: since it follows."""
    duplicates: int
    refused: int
    switches: int
    """How often an upstream was chosen."""
    stranded: bool
    """Nobody's log reaches back to here: only a snapshot helps."""

    @property
    def behind(self) -> int:
        """Items between here and the farthest place that a peer speaks of."""
        return max(0, self.best_known.entries - self.position.entries)


class SyncNode:
    """Make it on the event loop; call `start` once and `stop` once, and `lead` and `follow` as often as need be."""

    def __init__(
        self,
        local: Local,
        credentials: Credentials,
        settings: SyncSettings,
        log: LogReader | None = None,
        sink: LogSink | None = None,
        store: Store | None = None,
        on_refused: Callable[[Refused, str], None] = lambda refused, node: None,
        on_accused: Callable[[], None] = lambda: None,
        on_failure: OnDeath | None = None,
        on_stored: Callable[[str, LogOffset], None] = lambda node, position: None,
    ) -> None:
        """`store`: what genesis and snapshots are served from. `on_refused`: something that a peer gave is not taken;
        whose it was. `on_accused`: a peer has left that refused what it was given. `on_failure`: an error that ends the
        node's use. `on_stored`: a standby has everything on its disk up to there."""
        if sink is not None and log is None:
            raise ValueError("who takes a log has one")
        self._loop = asyncio.get_running_loop()
        self._local = local
        self._settings = settings
        self._log = log
        self._sink = sink
        self._on_refused = on_refused
        self._on_accused = on_accused
        self._failed = failed = on_failure or self._fail
        self._mesh = Mesh(local, credentials, settings, self, failed)
        self.gossip = Gossip(failed)
        is_candidate = local.node in settings.standbys
        self._publisher = (
            Publisher(log, settings, self.standing, failed, is_candidate) if log is not None else None
        )
        self._fences = Fences(local.node, settings.standbys, self._hold, failed) if is_candidate else None
        self._on_stored = on_stored
        self._snapshots = SnapshotServer(store, failed) if store is not None else None
        self._follower: Follower | None = None
        self._leads = False
        self._turning = asyncio.Lock()
        self.failure: BaseException | None = None

    async def start(self) -> None:
        """Listens (raises `OSError`) and connects; neither leads nor follows yet."""
        await self._mesh.start()

    async def lead(self) -> None:
        """From now on the log goes on here, by `publish`."""
        async with self._turning:
            await self._halt()
            self._leads = True
            if self._publisher is not None:
                self._publisher.resume()
        self._mesh.announce()

    async def follow(self, after_s: float = 0.0) -> None:
        """From now on the log goes on elsewhere, and comes from peers; nobody is asked for it before `after_s`."""
        async with self._turning:
            await self._halt()
            self._follow(after_s)
        self._mesh.announce()

    def _follow(self, after_s: float = 0.0) -> None:
        if self._sink is None or self._publisher is None:
            raise ValueError("nobody takes a log here")
        follower = self._follower = Follower(
            *(self._sink, self._publisher, self._mesh, self._settings, self._on_refused, self._failed),
            after_s,
            may_follow=self._fences.may_follow if self._fences is not None else lambda session: True,
            tells_stored=self._fences is not None,
        )
        if self._fences is not None:
            self._publisher.rest()
        follower.start()

    async def halt(self) -> None:
        """Neither leads nor follows any more; what is being applied is finished."""
        async with self._turning:
            await self._halt()

    async def _halt(self) -> None:
        follower, self._follower, self._leads = self._follower, None, False
        if follower is not None:
            await follower.stop()

    async def stop(self) -> None:
        """Says goodbye; what is being applied is finished."""
        self._mesh.shut()
        if self._fences is not None:
            await self._fences.stop()
        await self.halt()
        if self._publisher is not None:
            await self._publisher.stop()
        await self.gossip.stop()
        if self._snapshots is not None:
            await self._snapshots.stop()
        await self._mesh.stop()

    @property
    def endpoint(self) -> Endpoint:
        """Where this node listens. Only after `start`."""
        return self._mesh.endpoint

    def learn(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Peers that became known in another way."""
        self._mesh.learn(endpoints)

    # -- succession ------------------------------------------------------------------------------------------

    def led_by(self, node: str, term: int) -> None:
        """That node leads in that term: of two, a standby follows the one with the higher. On the loop."""
        if self._fences is not None:
            self._fences.led_by(node, term)
        if self._follower is not None:
            self._mesh.dial_soon(node)
            self._follower.led_by(node)

    async def fence(self, term: int, needed: int, timeout_s: float) -> dict[str, LogOffset]:
        """Has the other candidates that can be reached follow nobody of an earlier term; where those stand that have
        promised so. So many are waited for, the others hardly."""
        if self._fences is None:
            raise ValueError("this node is no candidate")
        return await self._fences.ask(self._mesh.sessions, term, needed, timeout_s)

    async def _hold(self) -> LogOffset:
        """Follows whom it may from now on, with what is being applied on disk; where that ends."""
        assert self._log is not None
        async with self._turning:
            if self._follower is not None:
                await self._halt()
                self._follow()
        self._mesh.announce()
        # Who has led shows nothing more; what it has not shown, it has promised to nobody.
        return (
            self._publisher.position if self._leads and self._publisher is not None else self._log.position()
        )

    # -- who leads -------------------------------------------------------------------------------------------

    def write(self, sealed: list[SealedMini | SealedBlock]) -> None:
        """What is on this node's disk by now, for standbys only. Any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._guarded, self._write, sealed)

    def confirm(self, position: LogOffset) -> None:
        """What is on enough disks, for everybody. Any thread."""
        if not self._loop.is_closed() and self._publisher is not None:
            self._loop.call_soon_threadsafe(self._publisher.confirm, position)

    def publish(self, sealed: list[SealedMini | SealedBlock]) -> None:
        """What is durable by now, in the log's order. Any thread. Not for who follows: that passes on what it
        applies."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._guarded, self._publish, sealed)

    def _guarded(
        self,
        hand_on: Callable[[list[SealedMini | SealedBlock]], None],
        sealed: list[SealedMini | SealedBlock],
    ) -> None:
        try:
            hand_on(sealed)
        except Exception as error:
            self._failed(error)

    def _publish(self, sealed: list[SealedMini | SealedBlock]) -> None:
        assert self._publisher is not None
        self._publisher.publish(self._entries(sealed))

    def _write(self, sealed: list[SealedMini | SealedBlock]) -> None:
        assert self._publisher is not None
        self._publisher.write(self._entries(sealed))

    def _entries(self, sealed: list[SealedMini | SealedBlock]) -> list[LogEntry]:
        assert self._publisher is not None
        place = self._publisher.written
        entries: list[LogEntry] = []
        for each in sealed:
            if isinstance(each, SealedMini):
                kind, place = EntryKind.MINI, place._replace(minis=place.minis + 1)
            else:
                kind, place = EntryKind.BLOCK, place._replace(blocks=place.blocks + 1)
            entry = LogEntry(kind, place, each.record)
            if entry.number != each.number:
                raise ValueError(f"{kind.name} {each.number} was published where {entry.number} is next")
            entries.append(entry)
        return entries

    @property
    def feeds_anybody(self) -> bool:
        """Whether a node gets the log from here. Any thread."""
        return self._publisher is not None and self._publisher.feeds_anybody

    def forget_backlog(self) -> None:
        """Who asks again for something that was published gets what is on disk. Any thread."""
        if self._publisher is not None:
            self._loop.call_soon_threadsafe(self._publisher.forget)

    def rolled_back(self, record: bytes) -> None:
        """The log in the store was cut back by this rollback, and goes on from there. For who leads, on the loop."""
        if self._publisher is not None and self._log is not None:
            hand_on = self._publisher.write if self._fences is not None else self._publisher.publish
            hand_on([LogEntry(EntryKind.ROLLBACK, self._log.position(), record)])
            self._mesh.announce()

    # -- what others ask -------------------------------------------------------------------------------------

    def status(self) -> SyncStatus:
        """How it goes."""
        follower, traffic = self._follower, self._mesh.traffic()
        counts = follower.counts if follower is not None else FollowerCounts()
        upstream = follower.upstream if follower is not None else None
        own = self.standing()
        position = self._publisher.written if self._publisher is not None else own.position
        return SyncStatus(
            position=position,
            best_known=follower.best_known if follower is not None else position,
            upstream=upstream.name.node if upstream is not None else None,
            path=own.path,
            peers=tuple(_peer_status(session) for session in sorted(self._mesh.sessions, key=str)),
            children=tuple(self._publisher.children()) if self._publisher is not None else (),
            bytes_in=traffic.bytes_in,
            bytes_out=traffic.bytes_out,
            content_in=traffic.content_in,
            content_out=traffic.content_out,
            applied=counts.entries,
            duplicates=counts.duplicates,
            refused=counts.refused,
            switches=counts.switches,
            stranded=follower.stranded if follower is not None else False,
        )

    # -- the mesh's service ----------------------------------------------------------------------------------

    def standing(self) -> Status:
        """What peers are told."""
        if self._publisher is None or self._log is None:
            return Status()
        return Status(self._publisher.position, self._log.oldest(), self._path(), self._publisher.free)

    def _path(self) -> tuple[str, ...]:
        if self._follower is not None:
            return self._follower.path
        return (self._local.node,) if self._leads else ()

    def hungry(self) -> bool:
        """Whether data should come, and none does."""
        return self._follower is not None and not self._follower.path

    def joined(self, session: Session) -> None:
        """A peer is there."""
        self.gossip.joined(session)
        if self._follower is not None:
            self._follower.look()

    def left(self, session: Session) -> None:
        """A peer is gone."""
        self.gossip.left(session)
        if self._publisher is not None:
            self._publisher.unsubscribe(session)
        if self._fences is not None:
            self._fences.left(session)
        if self._follower is not None:
            self._follower.left(session)
        _, refused, reason = session.reason.partition(REFUSAL)
        if refused and session.is_ready:
            log.error("%s REFUSED what it was given: %s", session, reason)
            self._on_accused()

    def swept(self, now: float) -> None:
        """Several times a second."""
        if self._follower is not None:
            self._follower.look()
        if self._snapshots is not None:
            self._snapshots.swept()

    def heard(self, session: Session, frame: Frame) -> None:
        """A frame of a peer that is there."""
        match frame:
            case EntryFrame() if self._sink is not None:
                if self._follower is not None:
                    self._follower.entry(session, frame.entry)
                else:
                    unasked(session, frame.entry)
            case Ping():
                self._heard_of_place(session, frame)
                if self._follower is not None:
                    self._follower.look()
            case Stored() if self._fences is not None:
                self._stored(session, frame)
            case Fence() | Fenced() if self._fences is not None:
                self._fences.heard(session, frame)
            case GossipFrame():
                self.gossip.heard(session, frame)
            case Subscribe() if self._publisher is not None:
                self._publisher.subscribe(session, frame)
            case Unsubscribe() if self._publisher is not None:
                self._publisher.unsubscribe(session)
            case Accepted() if self._sink is not None:
                if self._follower is not None:
                    self._follower.accepted(session, frame)
            case Declined() if self._sink is not None:
                if self._follower is not None:
                    self._follower.declined(session, frame)
            case GenesisRequest() if self._snapshots is not None:
                self._snapshots.genesis(session)
            case ManifestRequest() if self._snapshots is not None:
                self._snapshots.manifest(session)
            case ChunkRequest() if self._snapshots is not None:
                self._snapshots.chunk(session, frame)
            case _:
                raise Malformed(f"{type(frame).__name__} is nothing that this node can be told")

    def _stored(self, session: Session, frame: Stored) -> None:
        assert self._publisher is not None
        place = self._publisher.fed(session)
        if place is not None and session.name.node in self._settings.standbys:
            # It can't have more than it was given.
            self._on_stored(session.name.node, min(place, frame.position, key=lambda one: one.sequence))

    def _heard_of_place(self, session: Session, frame: Ping) -> None:
        """Of a standby: who leads says what is confirmed."""
        follower, place = self._follower, frame.status.position
        if self._fences is None or follower is None or session is not follower.upstream:
            return
        assert self._publisher is not None
        if place.sequence > self._publisher.position.sequence:
            self._publisher.confirm(place)

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        log.critical("the node can't follow any more", exc_info=error)


def _peer_status(session: Session) -> PeerStatus:
    return PeerStatus(
        session.name.node,
        session.name.role,
        session.dialed,
        session.status.position,
        session.status.path,
        None if session.rtt_s is None else session.rtt_s * 1000,
        session.congestion_control,
        session.bytes_in,
        session.bytes_out,
    )
