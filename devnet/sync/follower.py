"""Gets the log from one peer at a time, and applies it in its order.

    entries of the upstream --(in order? once?)--> arrived --> thread `sync-apply`: sink --> publisher

| what                         | rule                                                                              |
|------------------------------|-----------------------------------------------------------------------------------|
| whom to follow               | a peer whose path leads to the sequencer and not over us; the shortest path first   |
| nobody has a path            | a peer that is ahead of us, to come level while the sequencer is away               |
| upstream silent or gone      | at once another connected peer; `dead_s` is the latest                             |
| upstream alive, brings nothing | left after `stall_s`, if others are ahead                                         |
| an entry                      | continues the log exactly, or is an old one (compared), or ends the connection      |
| an entry that the sink refuses | its peer is left alone for a while, and what it sent after that is forgotten      |

Circles can't last: a node's path is its upstream's and itself, and who finds itself in its upstream's path leaves it.
Owns one thread, `sync-apply`; everything else happens on the event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.frames import (
    HEADER,
    MAX_PATH,
    Accepted,
    Channel,
    Declined,
    Malformed,
    Status,
    Stored,
    Subscribe,
    Unsubscribe,
)
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset
from devnet.sync.log_sink import LogSink, Refused
from devnet.sync.mesh import PROVER, Mesh
from devnet.sync.peer import Session
from devnet.sync.publisher import Publisher
from devnet.sync.settings import SyncSettings
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

ENTRY_OVERHEAD: Final = HEADER.size + 25
DECLINED_S: Final = 0.4
"""A peer that declined is not asked again for so long."""
STALLED_S: Final = 3.0
REFUSED_S: Final = 0.5
"""A peer whose data was refused is left alone for so long; doubled each time, until something of its is good."""
REFUSED_MAX_S: Final = 8.0
REFUSAL: Final = "refused: "
"""With this word a peer is left whose data was refused."""

_serials = itertools.count(1)


@dataclass
class FollowerCounts:
    """Since the start."""

    entries: int = 0
    duplicates: int = 0
    refused: int = 0
    switches: int = 0


@dataclass
class _Arrived:
    entry: LogEntry
    session: Session
    again: bool
    due: float
    """When it may be applied, by the loop's clock."""


class Follower:
    """Call `start` once and `stop` once; the node hands over what peers say."""

    def __init__(
        self,
        sink: LogSink,
        publisher: Publisher,
        mesh: Mesh,
        settings: SyncSettings,
        on_refused: Callable[[Refused, str], None],
        on_failure: OnDeath,
        after_s: float = 0.0,
        may_follow: Callable[[Session], bool] = lambda session: True,
        tells_stored: bool = False,
    ) -> None:
        """`after_s`: nobody is asked before. `may_follow`: whom a standby follows. `tells_stored`: whether the upstream
        is told of what is on disk here."""
        self.upstream: Session | None = None
        self.counts = FollowerCounts()
        self.position = sink.position()
        """Everything up to here is applied."""
        self._received = self.position
        self._sink = sink
        self._publisher = publisher
        self._mesh = mesh
        self._settings = settings
        self._on_refused = on_refused
        self._may_follow = may_follow
        self._tells_stored = tells_stored
        self._tasks = Tasks(on_failure)
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[_Arrived] = deque()
        self._in_work: list[_Arrived] = []
        self._news = asyncio.Event()
        self._asked: Session | None = None
        self._asked_at = 0.0
        self._serial = 0
        """Of the newest question. No two of a process are alike, as answers to an earlier follower's may come late."""
        self._avoid: dict[str, float] = {}
        """Until when a node is not asked."""
        self._resting_until = self._loop.time() + after_s
        self._refusals: dict[str, int] = {}
        self._behind_since: float | None = None
        self._partial = 0
        self._stopping = False
        self._path: tuple[str, ...] = ()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync-apply")

    def start(self) -> None:
        """Begins to apply what arrives, and asks for it."""
        self._tasks.spawn(self._apply(), "sync-apply")
        self.look()

    async def stop(self) -> None:
        """Finishes what is being applied, hands it on, and ends."""
        self._stopping = True
        self._leave()
        await self._tasks.cancel()
        await self._loop.run_in_executor(None, self._thread.shutdown)
        self._advance([arrived.entry for arrived in self._in_work if not arrived.again])
        for arrived in (*self._in_work, *self._arrived):
            _consumed(arrived.session, arrived.entry)

    # -- what the node asks ----------------------------------------------------------------------------------

    @property
    def path(self) -> tuple[str, ...]:
        """The nodes by which data comes here, the sequencer first and this node last; empty: none comes."""
        upstream = self.upstream
        if upstream is None or upstream.closed or not upstream.status.path:
            return ()
        return (*upstream.status.path, self._mesh.local.node)

    @property
    def best_known(self) -> LogOffset:
        """The farthest that a peer says it stands."""
        known = [session.status.position for session in self._mesh.sessions if session.name.role != PROVER]
        return max([self.position, *known], key=lambda position: position.sequence)

    @property
    def stranded(self) -> bool:
        """Others are ahead, but nobody's log reaches back to where we stand: only a snapshot helps."""
        ahead = [
            session.status
            for session in self._mesh.sessions
            if session.name.role != PROVER and session.status.position.sequence > self.position.sequence
        ]
        return bool(ahead) and not any(_reaches_back(status, self.position) for status in ahead)

    # -- what peers say --------------------------------------------------------------------------------------

    def accepted(self, session: Session, frame: Accepted) -> None:
        """The log comes."""
        if session is self._asked and frame.serial == self._serial:
            self._asked = None
            self.upstream = session
            self.counts.switches += 1
            self._behind_since = None
            log.info(
                "following %s (%s) from %s", session, " > ".join(session.status.path), tuple(self._received)
            )
            self.look()

    def declined(self, session: Session, frame: Declined) -> None:
        """The log does not come, or no longer."""
        if session is self._asked and frame.serial == self._serial:
            log.info("%s declines: %s", session, frame.reason)
            self._asked = None
        elif session is self.upstream and frame.serial == 0:
            log.info("%s feeds us no more: %s", session, frame.reason)
            self.upstream = None
        else:
            return
        self._avoid[session.name.node] = self._loop.time() + DECLINED_S * random.uniform(0.5, 1.5)
        self._mesh.learn(frame.instead)
        for endpoint in frame.instead:
            self._mesh.dial_soon(endpoint.node)
        self.look()

    def entry(self, session: Session, entry: LogEntry) -> None:
        """The next entry of the log, or so it should be."""
        if session is not self.upstream:
            unasked(session, entry)
            return
        if entry.continues(self._received):
            self._require_place(entry)
            self._received = entry.after
            again = False
        elif entry.after.sequence <= self._received.sequence:
            self.counts.duplicates += 1
            again = True
        else:
            raise Malformed(f"an entry up to {tuple(entry.after)}, but the log is at {tuple(self._received)}")
        self._behind_since = None
        due = self._loop.time() + self._settings.lag_s
        self._arrived.append(_Arrived(entry, session, again, due))
        self._news.set()

    def _require_place(self, entry: LogEntry) -> None:
        """A rollback leads where it says that it leads."""
        if entry.kind is not EntryKind.ROLLBACK:
            return
        try:
            after = ChainRollback.decode(entry.record).after(self._received)
        except InvalidRollback as error:
            raise Malformed(str(error)) from None
        if entry.after != after:
            raise Malformed(f"a rollback to {tuple(entry.after)} that leads to {tuple(after)}")

    def left(self, session: Session) -> None:
        """A peer is gone."""
        if session is self._asked:
            self._asked = None
        if session is self.upstream:
            log.info("the upstream %s is gone: %s", session, session.reason)
            self.upstream = None
        self.look()

    def led_by(self, node: str) -> None:
        """That node leads from now on: what it declined before it may give now, and nothing comes by who led before."""
        self._avoid.pop(node, None)
        if self.upstream is not None and self.upstream.status.path[:1] not in ((), (node,)):
            log.info("leaving %s: %s leads now", self.upstream, node)
            self._leave()
        self.look()

    # -- whom to follow --------------------------------------------------------------------------------------

    def look(self) -> None:
        """Whether there is something to do about the upstream; called whenever anything may have changed."""
        now = self._loop.time()
        if self.upstream is not None:
            reason = self._reason_to_leave(self.upstream, now)
            if reason:
                log.info("leaving %s: %s", self.upstream, reason)
                self._leave()
        if self._asked is not None and (
            self._asked.closed or now - self._asked_at > self._asked.patience_s(self._settings.suspect_s)
        ):
            self._avoid[self._asked.name.node] = now + STALLED_S
            self._asked.send(Unsubscribe())
            self._asked = None
        if self.upstream is None and self._asked is None and not self._stopping:
            self._ask(now)
        if self.path != self._path:
            self._path = self.path
            for node in self._path[:-1]:
                self._publisher.dismiss(node, "my data comes by you")
            self._mesh.announce()

    def _reason_to_leave(self, session: Session, now: float) -> str:
        if session.closed:
            return session.reason
        if self._mesh.local.node in session.status.path:
            return "its data comes by us"
        if not self._may_follow(session):
            return "it does not lead"
        others = [other for other in self._candidates(now) if other.name.node != session.name.node]
        if not others:
            return ""
        if session.suspect(now):
            return f"silent for {session.silent_s(now):.2f} s"
        if not session.status.path and others[0].status.path:
            return "no data comes to it"
        if self._stalled(session, others, now):
            self._avoid[session.name.node] = now + STALLED_S
            return "it brings nothing, while others are ahead"
        return ""

    def _stalled(self, session: Session, others: list[Session], now: float) -> bool:
        flowing = session.partial_bytes != self._partial
        self._partial = session.partial_bytes
        best = max(other.status.position.sequence for other in others)
        if flowing or self._arrived or best <= self._received.sequence:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        return self._behind_since is not None and now - self._behind_since > session.patience_s(
            self._settings.stall_s
        )

    def _candidates(self, now: float) -> list[Session]:
        """Whom we might follow, the best first."""
        me = self._mesh.local.node
        possible = [
            session
            for session in self._mesh.sessions
            if session.name.role != PROVER
            and not session.suspect(now)
            and self._may_follow(session)
            and me not in session.status.path
            and len(session.status.path) < MAX_PATH
            and not self._publisher.feeds(session)
            and _reaches_back(session.status, self._received)
            and self._avoid.get(session.name.node, 0.0) <= now
        ]
        with_path = [session for session in possible if session.status.path]
        if with_path:
            random.shuffle(with_path)
            with_path.sort(
                key=lambda session: (session.status.free == 0, len(session.status.path), session.rtt_s or 0.0)
            )
            return with_path
        ahead = [
            session for session in possible if session.status.position.sequence > self._received.sequence
        ]
        return sorted(ahead, key=lambda session: -session.status.position.sequence)

    def _ask(self, now: float) -> None:
        candidates = self._candidates(now) if now >= self._resting_until else []
        if candidates:
            self._asked, self._asked_at = candidates[0], now
            self._serial = next(_serials)
            self._asked.send(Subscribe(self._serial, self._received))

    def _leave(self) -> None:
        for session in (self.upstream, self._asked):
            if session is not None:
                session.send(Unsubscribe())
        self.upstream = self._asked = None

    # -- applying --------------------------------------------------------------------------------------------

    async def _apply(self) -> None:
        while True:
            while self._arrived:
                if (early_s := self._arrived[0].due - self._loop.time()) > 0:
                    await asyncio.sleep(early_s)
                await self._apply_some()
            self._news.clear()
            if not self._arrived:
                await self._news.wait()

    async def _apply_some(self) -> None:
        batch = self._in_work
        size = 0
        again = self._arrived[0].again
        now = self._loop.time()
        while self._arrived and self._arrived[0].again == again and size < self._settings.apply_bytes:
            if batch and self._arrived[0].due > now:
                break
            batch.append(self._arrived.popleft())
            size += len(batch[-1].entry.record)
        entries = [arrived.entry for arrived in batch]
        work = self._recheck if again else self._sink.apply
        refused: Refused | None = None
        # The thread goes on when this task is cancelled; `stop` waits for it.
        try:
            await self._loop.run_in_executor(self._thread, work, entries)
        except Refused as error:
            refused = error
        if not again:
            self._advance(entries)
        self._in_work = []
        for arrived in batch:
            _consumed(arrived.session, arrived.entry)
        if refused is None:
            # Before that it is not known whether what is here is what the upstream has.
            self._tell_stored()
        else:
            source = next((each.session for each in batch if each.entry is refused.entry), batch[0].session)
            self._refuse(source, refused)

    def _recheck(self, entries: list[LogEntry]) -> None:
        for entry in entries:
            self._sink.recheck(entry)

    def _advance(self, entries: list[LogEntry]) -> None:
        self.position = self._sink.position()
        applied = [entry for entry in entries if entry.after.sequence <= self.position.sequence]
        self.counts.entries += len(applied)
        hand_on = self._publisher.write if self._publisher.is_resting else self._publisher.publish
        hand_on(applied)
        if applied and self._refusals and self.upstream is not None:
            self._refusals.pop(self.upstream.name.node, None)

    def _tell_stored(self) -> None:
        if self._tells_stored and self.upstream is not None and not self.upstream.closed:
            self.upstream.send(Stored(self.position))

    def _refuse(self, source: Session, refused: Refused) -> None:
        """What came after a wrong entry stands on sand: forget it all, and ask somebody else."""
        node = source.name.node
        self.counts.refused += 1
        count = self._refusals[node] = self._refusals.get(node, 0) + 1
        pause_s = min(REFUSED_S * 2 ** (count - 1), REFUSED_MAX_S)
        self._avoid[node] = self._loop.time() + pause_s
        log.error("REFUSED what %s sent: %s; it is left alone for %.0f s", source, refused, pause_s)
        self._on_refused(refused, node)
        self._leave()
        for arrived in self._arrived:
            _consumed(arrived.session, arrived.entry)
        self._arrived.clear()
        self._received = self.position
        source.close(f"{REFUSAL}{refused}")
        self.look()


def _reaches_back(status: Status, place: LogOffset) -> bool:
    """Whether a node has what follows a place."""
    return status.oldest.minis <= place.minis and status.oldest.rollbacks <= place.rollbacks


def unasked(session: Session, entry: LogEntry) -> None:
    """An entry of a peer that is not followed: it was sent before the peer heard that we left."""
    _consumed(session, entry)


def _consumed(session: Session, entry: LogEntry) -> None:
    session.consumed(len(entry.record) + ENTRY_OVERHEAD, Channel.DATA)
