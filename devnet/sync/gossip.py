"""What everyone should hear (attestations, fault reports): to all peers, once, bounded.

A message is known by its digest. What is new is judged by the handler of its kind, and passed on to all peers but the
one it came from only if the handler finds it valid: nobody can use us to spread rubbish. A peer that joins is told the
newest messages. For each peer a bounded number waits; the oldest are dropped first, and it can hear them elsewhere.
Everything happens on the event loop; `publish` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from devnet.sync.frames import HEADER, KIB, MAX_GOSSIP_BYTES, MIB, Channel
from devnet.sync.frames import Gossip as GossipFrame
from devnet.sync.peer import Session, SessionClosed
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

SEEN: Final = 65_536
"""Digests remembered: about an hour of attestations of ten provers."""
RECENT_BYTES: Final = 256 * KIB
RECENT_MESSAGES: Final = 512
WAITING_BYTES: Final = 1 * MIB
MAX_INVALID: Final = 64
"""A peer that sent so many invalid messages in a row is disconnected."""


class Kind(IntEnum):
    """What a message is."""

    ATTESTATION = 1
    FAULT = 2
    LOG_DIGEST = 3
    LEADERSHIP = 4


Handler = Callable[[bytes, str], bool]
"""(payload, name of the node it came from) -> whether it is valid, and should be passed on."""


@dataclass
class GossipCounts:
    """Since the start."""

    sent: int = 0
    heard: int = 0
    duplicates: int = 0
    invalid: int = 0
    dropped: int = 0


@dataclass
class _Line:
    """What waits for one peer."""

    session: Session
    frames: deque[bytes] = field(default_factory=deque)
    size_bytes: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    invalid: int = 0
    task: asyncio.Task[None] | None = None


class Gossip:
    """Made by the node; `on` and `publish` are for everyone."""

    def __init__(self, failure: OnDeath) -> None:
        self.counts = GossipCounts()
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[int, Handler] = {}
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0
        self._lines: dict[Session, _Line] = {}
        self._tasks = Tasks(failure)

    def on(self, kind: Kind, handler: Handler) -> None:
        """Who judges and takes the messages of a kind. Called on the event loop; must be quick."""
        self._handlers[kind] = handler

    def publish(self, kind: Kind, payload: bytes) -> None:
        """Tells everyone; nobody, once the node has stopped. Our own handler is not called. Any thread."""
        if len(payload) > MAX_GOSSIP_BYTES:
            raise ValueError(f"a message of {len(payload)} bytes; the cap is {MAX_GOSSIP_BYTES}")
        # A worker that outlives the loop may have something to say yet: it is raised that the loop is closed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._publish, kind, payload)

    def _publish(self, kind: int, payload: bytes) -> None:
        if self._is_new(kind, payload):
            self._spread(GossipFrame(kind, payload).encode(), self._lines.values())

    def heard(self, session: Session, frame: GossipFrame) -> None:
        """A peer's message."""
        session.consumed(HEADER.size + 1 + len(frame.payload), Channel.NEWS)
        handler = self._handlers.get(frame.kind)
        if handler is None:
            return  # of a later version, or nothing that this node can judge
        if not self._is_new(frame.kind, frame.payload):
            self.counts.duplicates += 1
            return
        self.counts.heard += 1
        line = self._lines.get(session)
        if handler(frame.payload, session.name.node):
            if line is not None:
                line.invalid = 0
            self._spread(
                frame.encode(), [each for each in self._lines.values() if each.session is not session]
            )
            return
        self.counts.invalid += 1
        log.warning("%s sent an invalid %s", session, Kind(frame.kind).name.lower())
        if line is not None:
            line.invalid += 1
            if line.invalid >= MAX_INVALID:
                session.close("too many invalid messages")

    def _is_new(self, kind: int, payload: bytes) -> bool:
        digest = hashlib.blake2b(bytes((kind,)) + payload, digest_size=16).digest()
        if digest in self._seen:
            return False
        self._seen[digest] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return True

    def _spread(self, frame: bytes, lines: Iterable[_Line]) -> None:
        self._recent.append(frame)
        self._recent_bytes += len(frame)
        while self._recent_bytes > RECENT_BYTES or len(self._recent) > RECENT_MESSAGES:
            self._recent_bytes -= len(self._recent.popleft())
        for line in lines:
            self._queue(line, frame)

    def _queue(self, line: _Line, frame: bytes) -> None:
        line.frames.append(frame)
        line.size_bytes += len(frame)
        while line.size_bytes > WAITING_BYTES:
            line.size_bytes -= len(line.frames.popleft())
            self.counts.dropped += 1
        line.news.set()

    def joined(self, session: Session) -> None:
        """A peer is there: it hears the newest messages."""
        line = self._lines[session] = _Line(session)
        for frame in self._recent:
            self._queue(line, frame)
        line.task = self._tasks.spawn(self._tell(line), f"tell {session}")

    def left(self, session: Session) -> None:
        """A peer is gone."""
        line = self._lines.pop(session, None)
        if line is not None and line.task is not None:
            line.task.cancel()

    async def _tell(self, line: _Line) -> None:
        try:
            while True:
                line.news.clear()
                if not line.frames:
                    await line.news.wait()
                    continue
                frame = line.frames.popleft()
                line.size_bytes -= len(frame)
                await line.session.stream(Channel.NEWS, [frame])
                self.counts.sent += 1
        except SessionClosed:
            pass
        except Exception:
            log.exception("cannot tell %s", line.session)
            line.session.close("internal error")

    async def stop(self) -> None:
        """Tells nobody any more."""
        self._lines.clear()
        await self._tasks.cancel()
