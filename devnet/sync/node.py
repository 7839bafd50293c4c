"""A node's part in the network, put together: the mesh of peers, what is fed to them, what comes from them.

    sequencer        log                 publishes what it seals
    full node        log and target      follows, applies, passes on
    prover           neither             gossip only

Everything happens on the event loop that `start` runs on, but for the threads `sync-apply`, `sync-log` and
`sync-snapshot`. `publish` and `gossip.publish` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from devnet.storage.store import Store
from devnet.sync.chain_source import ChainSource
from devnet.sync.follower import REFUSAL, Follower
from devnet.sync.frames import (
    Accepted,
    ChunkRequest,
    Declined,
    Endpoint,
    Frame,
    GenesisRequest,
    ItemFrame,
    Malformed,
    ManifestRequest,
    Ping,
    Status,
    Subscribe,
    Unsubscribe,
)
from devnet.sync.frames import (
    Gossip as GossipFrame,
)
from devnet.sync.gossip import Gossip
from devnet.sync.identity import Credentials
from devnet.sync.mesh import Local, Mesh
from devnet.sync.peer import Link
from devnet.sync.position import Item, ItemKind, Position
from devnet.sync.publisher import ChildStatus, Publisher
from devnet.sync.settings import SyncSettings
from devnet.sync.snapshot import SnapshotServer
from devnet.sync.target import Refused, Target
from devnet.threads import OnDeath

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

log = logging.getLogger(__name__)

SEQUENCER: Final = "sequencer"


@dataclass(frozen=True)
class PeerStatus:
    """One connection."""

    node: str
    role: str
    dialed: bool
    position: Position
    path: tuple[str, ...]
    rtt_ms: float | None
    congestion_control: str
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True)
class SyncStatus:
    """A node's part in the network, for people and tools."""

    position: Position
    best_known: Position
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
    duplicates: int
    refused: int
    switches: int
    """How often an upstream was chosen."""
    stranded: bool
    """Nobody's log reaches back to here: only a snapshot helps."""

    @property
    def behind(self) -> int:
        """Items between here and the farthest place that a peer speaks of."""
        return max(0, self.best_known.sequence - self.position.sequence)


class SyncNode:
    """Make it on the event loop; call `start` once and `stop` once."""

    def __init__(
        self,
        local: Local,
        credentials: Credentials,
        settings: SyncSettings,
        log: ChainSource | None = None,
        target: Target | None = None,
        store: Store | None = None,
        on_refused: Callable[[Refused, str], None] = lambda refused, node: None,
        on_failure: OnDeath | None = None,
    ) -> None:
        """`store`: what genesis and snapshots are served from. `on_failure`: an error that ends the node's use."""
        if target is not None and log is None:
            raise ValueError("who takes a log has one")
        self._loop = asyncio.get_running_loop()
        self._local = local
        self._log = log
        self._failed = failed = on_failure or self._fail
        self._mesh = Mesh(local, credentials, settings, self, failed)
        self.gossip = Gossip(failed)
        self._publisher = Publisher(log, settings, self.standing, failed) if log is not None else None
        self._snapshots = SnapshotServer(store, failed) if store is not None else None
        self._follower: Follower | None = None
        if target is not None and self._publisher is not None:
            self._follower = Follower(target, self._publisher, self._mesh, settings, on_refused, failed)
        self.failure: BaseException | None = None
        self.accused: Callable[[str], None] = lambda reason: None
        """Told why a peer has left that refused what it was given."""

    async def start(self) -> None:
        """Listens (raises `OSError`), connects, follows."""
        await self._mesh.start()
        if self._follower is not None:
            self._follower.start()

    async def stop(self) -> None:
        """Says goodbye; what is being applied is finished."""
        self._mesh.shut()
        if self._follower is not None:
            await self._follower.stop()
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

    # -- a sequencer's log -----------------------------------------------------------------------------------

    def publish(self, sealed: list[SealedMini | SealedBlock]) -> None:
        """What is durable by now, in the log's order. Any thread. Not for full nodes: they pass on what they apply."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, sealed)

    def _publish(self, sealed: list[Any]) -> None:
        try:
            self._hand_on(sealed)
        except Exception as error:
            self._failed(error)

    def _hand_on(self, sealed: list[Any]) -> None:
        assert self._publisher is not None
        place = self._publisher.position
        items: list[Item] = []
        for each in sealed:
            if hasattr(each, "tx_hashes"):
                kind, place = ItemKind.MINI, Position(place.minis + 1, place.blocks)
            else:
                kind, place = ItemKind.BLOCK, Position(place.minis, place.blocks + 1)
            item = Item(kind, place, each.record)
            if item.number != each.number:
                raise ValueError(f"{kind.name} {each.number} was published where {item.number} is next")
            items.append(item)
        self._publisher.publish(items)

    def rest(self, seconds: float) -> None:
        """Follow nobody for so long. Whom it follows it goes on following."""
        if self._follower is not None:
            self._follower.rest(seconds)

    @property
    def feeds_anybody(self) -> bool:
        """Whether a node gets the log from here. Any thread."""
        return self._publisher is not None and self._publisher.feeds_anybody

    def forget_backlog(self) -> None:
        """Who asks again for something that was published gets what is on disk. Any thread."""
        if self._publisher is not None:
            self._loop.call_soon_threadsafe(self._publisher.forget)

    # -- what others ask -------------------------------------------------------------------------------------

    def status(self) -> SyncStatus:
        """How it goes."""
        follower, traffic = self._follower, self._mesh.traffic()
        upstream = follower.upstream if follower is not None else None
        own = self.standing()
        return SyncStatus(
            position=own.position,
            best_known=follower.best_known if follower is not None else own.position,
            upstream=upstream.name.node if upstream is not None else None,
            path=own.path,
            peers=tuple(_peer_status(link) for link in sorted(self._mesh.links, key=str)),
            children=tuple(self._publisher.children()) if self._publisher is not None else (),
            bytes_in=traffic.bytes_in,
            bytes_out=traffic.bytes_out,
            content_in=traffic.content_in,
            content_out=traffic.content_out,
            applied=follower.counts.items if follower is not None else 0,
            duplicates=follower.counts.duplicates if follower is not None else 0,
            refused=follower.counts.refused if follower is not None else 0,
            switches=follower.counts.switches if follower is not None else 0,
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
        return (self._local.node,) if self._local.role == SEQUENCER else ()

    def hungry(self) -> bool:
        """Whether data should come, and none does."""
        return self._follower is not None and not self._follower.path

    def joined(self, link: Link) -> None:
        """A peer is there."""
        self.gossip.joined(link)
        if self._follower is not None:
            self._follower.look()

    def left(self, link: Link) -> None:
        """A peer is gone."""
        self.gossip.left(link)
        if self._publisher is not None:
            self._publisher.unsubscribe(link)
        if self._follower is not None:
            self._follower.left(link)
        _, refused, reason = link.reason.partition(REFUSAL)
        if refused and link.is_ready:
            log.error("%s REFUSED what it was given: %s", link, reason)
            self.accused(reason)

    def swept(self, now: float) -> None:
        """Several times a second."""
        if self._follower is not None:
            self._follower.look()
        if self._snapshots is not None:
            self._snapshots.swept()

    def heard(self, link: Link, frame: Frame) -> None:
        """A frame of a peer that is there."""
        match frame:
            case ItemFrame() if self._follower is not None:
                self._follower.item(link, frame.item)
            case Ping():
                if self._follower is not None:
                    self._follower.look()
            case GossipFrame():
                self.gossip.heard(link, frame)
            case Subscribe() if self._publisher is not None:
                self._publisher.subscribe(link, frame)
            case Unsubscribe() if self._publisher is not None:
                self._publisher.unsubscribe(link)
            case Accepted() if self._follower is not None:
                self._follower.accepted(link, frame)
            case Declined() if self._follower is not None:
                self._follower.declined(link, frame)
            case GenesisRequest() if self._snapshots is not None:
                self._snapshots.genesis(link)
            case ManifestRequest() if self._snapshots is not None:
                self._snapshots.manifest(link)
            case ChunkRequest() if self._snapshots is not None:
                self._snapshots.chunk(link, frame)
            case _:
                raise Malformed(f"{type(frame).__name__} is nothing that this node can be told")

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        log.critical("the node can't follow any more", exc_info=error)


def _peer_status(link: Link) -> PeerStatus:
    return PeerStatus(
        link.name.node,
        link.name.role,
        link.dialed,
        link.status.position,
        link.status.path,
        None if link.rtt_s is None else link.rtt_s * 1000,
        link.congestion_control,
        link.bytes_in,
        link.bytes_out,
    )
