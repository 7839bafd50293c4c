"""Which peers a node is connected to: listens, dials, keeps an address book, sweeps.

A node tries to have `sessions` connections, so that another upstream is at hand when its own dies, and dials everyone
it knows of while no data reaches it (`hungry`). It takes `max_sessions` at most; whoever comes then is told of others
and sent away: what a node uploads does not grow with their number. Everything happens on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import Final, Protocol

from devnet.sync.frames import MAX_ENDPOINTS, Endpoint, Frame, Hello, Peers, Status
from devnet.sync.identity import Credentials
from devnet.sync.peer import Rejected, Session, SessionClosed, SessionOwner
from devnet.sync.settings import SyncSettings
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

SWEEP_S: Final = 0.1
LATE_S: Final = 0.15
"""A sweep that comes later than this tells that we were asleep ourselves."""
MAX_BOOK: Final = 256
MAX_FAILURES: Final = 8
"""A place that somebody told us of is forgotten after so many failures."""
DIALS_AT_ONCE: Final = 6
NEWCOMER: Final = bytes(32)
"""The genesis hash of one who does not know it yet."""
PROVER: Final = "prover"


@dataclass(frozen=True)
class Local:
    """What this node says of itself."""

    node: str
    role: str
    chain_id: int
    genesis_hash: bytes


class Service(Protocol):
    """The node's business with its peers."""

    def standing(self) -> Status:
        """Where this node stands."""

    def hungry(self) -> bool:
        """Whether data should come, and none does."""

    def joined(self, session: Session) -> None:
        """A peer is there."""

    def heard(self, session: Session, frame: Frame) -> None:
        """A frame of a peer that is there."""

    def left(self, session: Session) -> None:
        """A peer is gone."""

    def swept(self, now: float) -> None:
        """Several times a second."""


@dataclass
class _Place:
    """An entry of the address book."""

    endpoint: Endpoint
    bootstrap: bool
    due: float = 0.0
    failures: int = 0


@dataclass
class Traffic:
    """Bytes of all connections so far, as they were on the wire."""

    bytes_in: int = 0
    bytes_out: int = 0
    content_in: int = 0
    content_out: int = 0

    def add(self, session: Session) -> None:
        """Counts a connection."""
        self.bytes_in += session.bytes_in
        self.bytes_out += session.bytes_out
        self.content_in += session.content_in
        self.content_out += session.content_out


@dataclass
class _Counts:
    refused: int = 0
    ended: Traffic = field(default_factory=Traffic)


class Mesh(SessionOwner):
    """Call `start` once and `stop` once."""

    def __init__(
        self,
        local: Local,
        credentials: Credentials,
        settings: SyncSettings,
        service: Service,
        failure: OnDeath,
    ) -> None:
        self.local = local
        self.sessions: set[Session] = set()
        """Those that are ready."""
        self._settings = settings
        self._service = service
        self._server_context = credentials.server_context()
        self._client_context = credentials.client_context()
        self._all: set[Session] = set()
        self._book: dict[str, _Place] = {}
        self._tasks = Tasks(failure)
        self._dials: dict[str, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._endpoint: Endpoint | None = None
        self._stopping = False
        self._swept_at = 0.0
        self._counts = _Counts()
        for endpoint in settings.bootstrap:
            if endpoint.node != local.node:
                self._book[endpoint.node] = _Place(endpoint, bootstrap=True)

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listens (raises `OSError`) and begins to dial."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Session(self, self._settings, dialed=False),
            self._settings.host,
            self._settings.port,
            ssl=self._server_context,
            ssl_handshake_timeout=self._settings.handshake_s,
        )
        port: int = self._server.sockets[0].getsockname()[1]
        self._endpoint = Endpoint(self.local.node, self._settings.host, port)
        self._swept_at = loop.time()
        self._tasks.spawn(self._sweep_on(), "mesh-sweep")

    def shut(self) -> None:
        """Nobody comes in any more, and nobody is dialed: who does so during the stop would get half a node."""
        self._stopping = True
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Says goodbye to everyone."""
        self.shut()
        await self._tasks.cancel()
        for session in list(self._all):
            session.close("the node stops")
        deadline = asyncio.get_running_loop().time() + 1.0
        while self._all and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        for session in list(self._all):
            session.abort("the node has stopped")

    @property
    def endpoint(self) -> Endpoint:
        """Where this node listens. Only after `start`."""
        if self._endpoint is None:
            raise RuntimeError("the node is not listening")
        return self._endpoint

    def traffic(self) -> Traffic:
        """Bytes of all connections, those that have ended too."""
        ended = self._counts.ended
        total = Traffic(ended.bytes_in, ended.bytes_out, ended.content_in, ended.content_out)
        for session in self._all:
            total.add(session)
        return total

    # -- the connections' owner ------------------------------------------------------------------------------

    def connected(self, session: Session) -> None:
        """From here on its end is told."""
        self._all.add(session)

    def hello(self) -> Hello:
        """What we say of ourselves."""
        local = self.local
        host, port = self._settings.advertised or (self.endpoint.host, self.endpoint.port)
        return Hello(
            *(local.chain_id, local.genesis_hash, local.node, local.role),
            *(host, port, self._service.standing()),
        )

    def ready(self, session: Session) -> None:
        """Takes the peer in, if it fits."""
        hello, local = session.hello, self.local
        if self._stopping:
            raise Rejected("the node stops")
        if hello.node == local.node:
            raise Rejected("you are myself")
        if hello.chain_id != local.chain_id:
            raise Rejected(f"this is chain {local.chain_id}, not {hello.chain_id}")
        if (
            NEWCOMER not in (hello.genesis_hash, local.genesis_hash)
            and hello.genesis_hash != local.genesis_hash
        ):
            raise Rejected(f"this chain's genesis is 0x{local.genesis_hash.hex()}")
        for older in list(self.sessions):
            if older.name.node == hello.node and older.dialed == session.dialed:
                # The peer's certificate says that it is the same one: it has started again, or lost its end.
                self._forget(older)
                older.close("you have connected anew")
        if (
            not session.dialed
            and hello.node not in self._settings.standbys
            and sum(not each.dialed for each in self.sessions) >= self._settings.max_sessions
        ):
            session.send(Peers(self.endpoints(but=hello.node)))
            raise Rejected("full")
        self.sessions.add(session)
        if session.listens is not None:
            self.learn((session.listens,), by_itself=True)
        log.info(
            "connected with %s (%s), which stands at %s", session, hello.role, tuple(session.status.position)
        )
        session.send(Peers(self.endpoints(but=hello.node)))
        session.ping(self._service.standing())
        self._service.joined(session)

    def heard(self, session: Session, frame: Frame) -> None:
        """A frame that is not the connection's own business."""
        if isinstance(frame, Peers):
            self.learn(frame.endpoints)
        else:
            self._service.heard(session, frame)

    def lost(self, session: Session) -> None:
        """The end of a connection."""
        if session not in self._all:
            return
        self._all.discard(session)
        self._counts.ended.add(session)
        if not session.is_ready:
            self._counts.refused += not session.dialed
            log.info(
                "a connection that %s: %s",
                "we made failed" if session.dialed else "came was refused",
                session.reason,
            )
        self._forget(session)

    def _forget(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.discard(session)
            log.info("disconnected from %s: %s", session, session.reason or "replaced")
            place = self._book.get(session.name.node)
            if place is not None:
                place.due = asyncio.get_running_loop().time() + self._settings.retry_s * random.random()
            self._service.left(session)

    def announce(self) -> None:
        """Tells everyone where we stand now, not at the next ping."""
        status = self._service.standing()
        for session in self.sessions:
            if not session.closed:
                session.ping(status)

    # -- the address book ------------------------------------------------------------------------------------

    def learn(self, endpoints: tuple[Endpoint, ...], by_itself: bool = False) -> None:
        """Notes where others listen. Where we were told to begin, only a node itself can move."""
        for endpoint in endpoints:
            if endpoint.node == self.local.node or not endpoint.port or not endpoint.node:
                continue
            place = self._book.get(endpoint.node)
            if place is not None:
                # It may have started anew on another port; only it or its neighbours know.
                told = by_itself or not (place.bootstrap or self._has_session(endpoint.node))
                if place.endpoint != endpoint and told:
                    place.endpoint, place.due, place.failures = endpoint, 0.0, 0
            elif len(self._book) < MAX_BOOK:
                self._book[endpoint.node] = _Place(endpoint, bootstrap=False)

    def endpoints(self, but: str = "") -> tuple[Endpoint, ...]:
        """Where those listen whom we are connected with."""
        found = {
            session.listens.node: session.listens
            for session in self.sessions
            if session.listens is not None and session.listens.node != but
        }
        return tuple(found.values())[:MAX_ENDPOINTS]

    def _has_session(self, node: str) -> bool:
        return any(session.name.node == node for session in self.sessions)

    def _dial_due(self, now: float) -> None:
        if self._stopping:
            return
        enough = sum(session.name.role != PROVER for session in self.sessions) + len(self._dials)
        wanted = MAX_BOOK if self._service.hungry() else self._settings.sessions
        if enough >= wanted:
            return
        due = [
            place
            for node, place in self._book.items()
            if place.due <= now and node not in self._dials and not self._has_session(node)
        ]
        random.shuffle(due)
        due.sort(key=lambda place: (place.failures, not place.bootstrap))
        for place in due[: min(wanted - enough, DIALS_AT_ONCE - len(self._dials))]:
            self.dial(place.endpoint)

    def dial_soon(self, node: str) -> None:
        """Somebody whom we were told of just now: try at once."""
        place = self._book.get(node)
        if place is not None and node not in self._dials and not self._has_session(node):
            if len(self._dials) < DIALS_AT_ONCE:
                self.dial(place.endpoint)
            else:
                place.due = 0.0

    def dial(self, endpoint: Endpoint) -> None:
        """Tries to connect, in the background."""
        if self._stopping:
            return
        node = endpoint.node
        task = self._dials[node] = self._tasks.spawn(self._dial(endpoint), f"dial {node}")
        task.add_done_callback(lambda _: self._dials.pop(node, None))

    async def _dial(self, endpoint: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        session = Session(self, self._settings, dialed=True)
        try:
            async with asyncio.timeout(self._settings.handshake_s):
                await loop.create_connection(
                    lambda: session, endpoint.host, endpoint.port, ssl=self._client_context
                )
                await session.greeted
        except (OSError, TimeoutError, SessionClosed) as error:
            log.debug("cannot reach %s: %r", endpoint, error)
            session.abort("no greeting in time")
            self._failed(endpoint)
        else:
            if place := self._book.get(endpoint.node):
                place.failures = 0
            if session.name.node != endpoint.node:
                self._failed(endpoint)  # somebody else lives there now

    def _failed(self, endpoint: Endpoint) -> None:
        place = self._book.get(endpoint.node)
        if place is None:
            return
        place.failures += 1
        wait = min(self._settings.retry_s * 2 ** (place.failures - 1), self._settings.retry_max_s)
        place.due = asyncio.get_running_loop().time() + wait * random.uniform(0.75, 1.25)
        if place.failures >= MAX_FAILURES and not place.bootstrap:
            del self._book[endpoint.node]

    # -- the sweep -------------------------------------------------------------------------------------------

    async def _sweep_on(self) -> None:
        while True:
            self._sweep(asyncio.get_running_loop().time())
            await asyncio.sleep(SWEEP_S)

    def _sweep(self, now: float) -> None:
        late = now - self._swept_at - SWEEP_S
        self._swept_at = now
        status = self._service.standing()
        for session in list(self._all):
            if late > LATE_S:
                session.forgive(late)
            session.tick(now, status)
        self._service.swept(now)
        self._dial_due(now)
