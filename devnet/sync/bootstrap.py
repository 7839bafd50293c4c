"""A node that has nothing, or too little: fetches the genesis, and a snapshot when that is quicker than the log.

Runs before the node's engine and its part in the network begin, on connections of its own. Catching up from any place
that a peer's log reaches needs nothing of this: `follower.py` asks for the log from there on.

    genesis -> store.create          manifest -> chunks -> store.install ... -> check -> store.installed

Every chunk must have the digest that the manifest says; what the whole must have is the state root of the snapshot's
block. `Trust.verify_chunk` may check a chunk by itself, before it is kept; `Trust.verify_state` sees the whole before
anything is served from it, and raises when its root is another. A peer whose snapshot fails is not asked again; a
peer that goes away is replaced by another one, from the beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from devnet.storage import tables
from devnet.storage.rows import BadRows, Row, decode_rows
from devnet.storage.store import Store
from devnet.sync.frames import (
    HEADER,
    Channel,
    Chunk,
    ChunkRequest,
    Endpoint,
    Frame,
    Genesis,
    GenesisRequest,
    Hello,
    Malformed,
    Manifest,
    ManifestRequest,
    Status,
)
from devnet.sync.identity import Credentials
from devnet.sync.mesh import NEWCOMER, PROVER, SWEEP_S, Local
from devnet.sync.peer import Rejected, Session, SessionClosed
from devnet.sync.settings import SyncSettings
from devnet.sync.snapshot import digest

log = logging.getLogger(__name__)

AHEAD: Final = 4
"""Chunks asked for before the first of them is here."""
ANSWER_S: Final = 60.0
"""A manifest means that a peer reads its whole state."""
ROUND_S: Final = 0.25
"""Between rounds over all peers, while none can help."""

Answer = TypeVar("Answer", bound=Frame)


class BadSnapshot(Exception):
    """What a peer sent is not the state that it should be."""


class Trust(Protocol):
    """What a snapshot must stand before it is believed. Both are called in a thread, and raise `BadSnapshot`."""

    def verify_chunk(self, manifest: Manifest, index: int, rows: list[Row]) -> None:
        """A chunk, before it is kept."""

    def verify_state(self, manifest: Manifest, store: Store) -> None:
        """The whole, installed in the store: its root must be the one in the header of the manifest's block."""


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    stage: str
    """"genesis", "manifest", "snapshot", "checking"."""
    peer: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class FoundGenesis:
    """What a chain begins with, as a peer told it. The hash must be what the engine makes of the document."""

    genesis_hash: bytes
    identity: bytes
    """The identity card of the peer's store (`storage.Identity`)."""
    document: bytes


class _Caller:
    """One connection that asks and waits. A session's owner."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[type[Frame], asyncio.Future[Frame]]] = deque()
        self.session: Session | None = None

    def connected(self, session: Session) -> None:
        pass

    def hello(self) -> Hello:
        local = self._local
        return Hello(local.chain_id, local.genesis_hash, local.node, local.role, "", 0, Status())

    def ready(self, session: Session) -> None:
        hello, local = session.hello, self._local
        if hello.chain_id != local.chain_id:
            raise Rejected(f"this is chain {local.chain_id}, not {hello.chain_id}")
        if local.genesis_hash not in (NEWCOMER, hello.genesis_hash):
            raise Rejected("this is another chain: its genesis differs")
        self.session = session

    def heard(self, session: Session, frame: Frame) -> None:
        if frame.CHANNEL is Channel.DATA:
            if not self._waiting or not isinstance(frame, self._waiting[0][0]):
                raise Malformed(f"{type(frame).__name__} that nobody asked for")
            answer = self._waiting.popleft()[1]
            if not answer.done():
                answer.set_result(frame)
            session.consumed(HEADER.size + frame.payload_bytes, Channel.DATA)
        elif frame.CHANNEL is Channel.NEWS:
            session.consumed(HEADER.size + frame.payload_bytes, Channel.NEWS)

    def lost(self, session: Session) -> None:
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(SessionClosed(session.reason))
        self._waiting.clear()

    def ask(self, question: Frame, kind: type[Answer]) -> asyncio.Future[Answer]:
        assert self.session is not None
        answer: asyncio.Future[Answer] = self._loop.create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self.session.closed:
            answer.set_exception(SessionClosed(self.session.reason))
        else:
            self._waiting.append((kind, answer))  # type: ignore[arg-type]
            self.session.send(question)
        return answer


@asynccontextmanager
async def _call(
    local: Local, credentials: Credentials, endpoint: Endpoint, settings: SyncSettings
) -> AsyncIterator[tuple[_Caller, Session]]:
    loop = asyncio.get_running_loop()
    caller = _Caller(local)
    session = Session(caller, replace(settings, dead_s=max(settings.dead_s, 3.0)), dialed=True)
    beat: asyncio.TimerHandle | None = None

    def tick() -> None:
        nonlocal beat
        session.tick(loop.time(), Status())
        beat = loop.call_later(SWEEP_S, tick)

    try:
        async with asyncio.timeout(settings.handshake_s):
            await loop.create_connection(
                lambda: session, endpoint.host, endpoint.port, ssl=credentials.client_context()
            )
            await session.greeted
        tick()
        yield caller, session
    finally:
        if beat is not None:
            beat.cancel()
        session.close("thank you")


async def fetch_genesis(
    local: Local,
    credentials: Credentials,
    endpoints: Iterable[Endpoint],
    settings: SyncSettings,
    progress: Callable[[Progress], None] = lambda _: None,
) -> FoundGenesis:
    """Asks peers in turn, again and again, until one answers. `local.genesis_hash` need not be known."""
    places = list(endpoints)
    while True:
        for endpoint in places:
            progress(Progress("genesis", endpoint.node))
            try:
                async with _call(local, credentials, endpoint, settings) as (caller, session):
                    if session.hello.genesis_hash == NEWCOMER or session.name.role == PROVER:
                        continue
                    async with asyncio.timeout(ANSWER_S):
                        answer = await caller.ask(GenesisRequest(), Genesis)
                    return FoundGenesis(session.hello.genesis_hash, answer.settings, answer.document)
            except (OSError, TimeoutError) as error:
                log.info("no genesis from %s: %s", endpoint, error or "no answer in time")
        await asyncio.sleep(ROUND_S)


async def fetch_snapshot(
    local: Local,
    credentials: Credentials,
    endpoints: Iterable[Endpoint],
    settings: SyncSettings,
    store: Store,
    trust: Trust,
    progress: Callable[[Progress], None] = lambda _: None,
) -> bool:
    """Fills a store without a log from a peer's snapshot, if that is better than the peers' logs.

    False: the log is the way. Every peer was asked at most once, unless it went away.
    """
    places = {endpoint.node: endpoint for endpoint in endpoints}
    reachable = True
    while places and reachable:
        reachable = False
        for node, endpoint in list(places.items()):
            store.uninstall()
            try:
                async with _call(local, credentials, endpoint, settings) as (caller, session):
                    reachable = True
                    if not _is_better(session.status, settings):
                        if session.name.role != PROVER and not session.status.oldest.minis:
                            return False
                        del places[node]
                    elif await _take_snapshot(caller, session, store, trust, progress):
                        return True
                    else:
                        del places[node]
            except BadSnapshot as error:
                log.error("REFUSED the snapshot of %s: %s", endpoint, error)  # noqa: TRY400 the peer's fault
                del places[node]
            except (OSError, TimeoutError) as error:
                log.info("no snapshot from %s: %s", endpoint, error or "no answer in time")
            except asyncio.CancelledError:
                store.uninstall()
                raise
    store.uninstall()
    return False


def _is_better(status: Status, settings: SyncSettings) -> bool:
    return status.oldest.minis > 0 or status.position.minis > settings.snapshot_behind


async def _take_snapshot(
    caller: _Caller, session: Session, store: Store, trust: Trust, progress: Callable[[Progress], None]
) -> bool:
    node = session.name.node
    progress(Progress("manifest", node))
    async with asyncio.timeout(ANSWER_S):
        manifest = await caller.ask(ManifestRequest(), Manifest)
    if not manifest.digests:
        return False
    total = len(manifest.digests)
    log.info("taking the snapshot of %s at block %d: %d chunks", node, manifest.position.blocks, total)
    asked: deque[asyncio.Future[Chunk]] = deque()
    for index in range(total):
        while len(asked) < AHEAD and index + len(asked) < total:
            request = ChunkRequest(manifest.position, index + len(asked))
            asked.append(caller.ask(request, Chunk))
        async with asyncio.timeout(ANSWER_S):
            chunk = await asked.popleft()
        await asyncio.to_thread(_keep, manifest, index, chunk, store, trust)
        progress(Progress("snapshot", node, index + 1, total))
    progress(Progress("checking", node, total, total))
    await asyncio.to_thread(_finish, manifest, store, trust)
    return True


def _keep(manifest: Manifest, index: int, chunk: Chunk, store: Store, trust: Trust) -> None:
    if not chunk.data:
        raise SessionClosed("the peer has let the snapshot go")
    if chunk.index != index or digest(chunk.data) != manifest.digests[index]:
        raise BadSnapshot(f"chunk {index} is not what the manifest says")
    try:
        rows = decode_rows(chunk.data)
    except BadRows as error:
        raise BadSnapshot(f"chunk {index}: {error}") from None
    for key, value in rows:
        if not _fits(key, value, manifest):
            raise BadSnapshot(f"chunk {index} has a row 0x{key[:60].hex()} that no snapshot has")
    trust.verify_chunk(manifest, index, rows)
    store.install(rows)


def _fits(key: bytes, value: bytes, manifest: Manifest) -> bool:
    size = len(key) - 1
    match key[:1]:
        case tables.STATE:
            return size in (4, 20, 52)
        case tables.CODE:
            return size == 32
        case tables.ROLLBACK:
            return size == 8 and 0 < tables.read_number(key[1:]) <= manifest.position.rollbacks
        case tables.BLOCK:
            return size == 8 and 0 < tables.read_number(key[1:]) <= manifest.position.blocks
        case tables.TX_TOTAL:
            return size == len(value) == 8 and 0 < tables.read_number(key[1:]) <= manifest.position.blocks
    return False


def _finish(manifest: Manifest, store: Store, trust: Trust) -> None:
    """The block must be there as the manifest says; then the whole is looked at."""
    minis, blocks, rollbacks = manifest.position
    if store.block(blocks) != (minis - 1, manifest.block_record):
        raise BadSnapshot(f"block {blocks}, where the snapshot stands, is missing")
    store.installed(manifest.position.tip, rollbacks)
    try:
        trust.verify_state(manifest, store)
    except BaseException:
        store.uninstall()
        raise
