"""Feeds the log to other nodes: each from the place where it stands, as fast as it takes it.

    publish --> backlog --> child's task --(credit, socket)--> child
    log on disk --(when the child's place has left the backlog)--^

A child is a place in the log and nothing else: nothing is queued for it, so that a slow or stuck one costs neither
memory nor anybody else's time. When its place leaves the backlog it is fed from the disk until it has come up again.
A node feeds `max_children` children; further ones are sent to those.

Where the chain has standbys, they come in addition to those, and the leader gives them what it has written (`write`);
all others wait until that is on enough disks (`confirm`). Somebody who asks is then first given the record of the last
rollback or succession before its place: who has another one there followed a leader that was none.

Owns one thread for reading the disk (`sync-log`); everything else happens on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from devnet.sync.backlog import Backlog
from devnet.sync.frames import Accepted, Channel, Declined, Endpoint, EntryFrame, Status, Subscribe
from devnet.sync.log_offset import GENESIS, EntryKind, LogEntry, LogOffset
from devnet.sync.log_reader import LogReader, NoSuchPlace
from devnet.sync.peer import Session, SessionClosed
from devnet.sync.settings import SyncSettings
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

RESTING: Final = "a standby feeds nobody"


@dataclass
class _Child:
    session: Session
    place: LogOffset
    """Everything up to here was sent."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_standby: bool = False
    from_disk: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class ChildStatus:
    """How a child is doing."""

    node: str
    behind: int
    """Items that were not sent to it yet."""
    from_disk: bool


class Publisher:
    """Call `publish` with what is durable, in order; or `write` with it, and `confirm` later."""

    def __init__(
        self,
        reader: LogReader,
        settings: SyncSettings,
        status: Callable[[], Status],
        failure: OnDeath,
        is_candidate: bool = False,
    ) -> None:
        """`is_candidate`: of a node that may lead, of whose log nothing is known to be confirmed."""
        self.is_resting = False
        """Whether nobody is fed: of a standby, as long as it follows."""
        self._reader = reader
        self._settings = settings
        self._status = status
        self._backlog = Backlog(reader.position(), settings.backlog_bytes, settings.backlog_entries)
        self._confirmed = GENESIS if is_candidate else self._backlog.end
        self._children: dict[Session, _Child] = {}
        self._tasks = Tasks(failure)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sync-log")

    @property
    def position(self) -> LogOffset:
        """Where the log ends, as far as everybody may have it."""
        return self._confirmed

    @property
    def written(self) -> LogOffset:
        """Where it ends, as far as standbys are given it."""
        return self._backlog.end

    @property
    def free(self) -> int:
        """How many more children it could feed."""
        if self.is_resting:
            return 0
        return max(
            0, self._settings.max_children - sum(not child.is_standby for child in self._children.values())
        )

    @property
    def feeds_anybody(self) -> bool:
        """Whether there are nodes to be fed."""
        return bool(self._children)

    def children(self) -> list[ChildStatus]:
        """Who is fed."""
        end = self.position.entries
        return [
            ChildStatus(child.session.name.node, max(0, end - child.place.entries), child.from_disk)
            for child in self._children.values()
        ]

    def feeds(self, session: Session) -> bool:
        """Whether that peer is a child."""
        return session in self._children

    def fed(self, session: Session) -> LogOffset | None:
        """Up to where a child was given the log, at most; None: it is none."""
        child = self._children.get(session)
        return self._backlog.end if child is not None else None

    def publish(self, entries: list[LogEntry]) -> None:
        """Goes on with the log."""
        self.write(entries)
        self.confirm(self._backlog.end)

    def write(self, entries: list[LogEntry]) -> None:
        """Goes on with the log, for standbys only."""
        self._backlog.append(entries)
        for child in self._children.values():
            if child.is_standby:
                child.news.set()

    def confirm(self, position: LogOffset) -> None:
        """What was written is for everybody, up to there."""
        bounds = (position, self._backlog.end)
        self._confirmed = min(bounds, key=lambda bound: bound.sequence)
        for child in self._children.values():
            child.news.set()

    def rest(self) -> None:
        """Feeds nobody from now on."""
        self.is_resting = True
        for session in list(self._children):
            self.unsubscribe(session)
            session.send(Declined(0, RESTING))

    def resume(self) -> None:
        """Feeds others again."""
        self.is_resting = False

    def forget(self) -> None:
        """Who asks again for something older gets what is on disk."""
        self._backlog.forget()

    def subscribe(self, session: Session, frame: Subscribe) -> None:
        """A peer wants the log from a place on."""
        self.unsubscribe(session)
        reason = self._objection(session, frame.position)
        if reason:
            session.send(Declined(frame.serial, reason, self._instead(session)))
            return
        session.send(Accepted(frame.serial))
        is_standby = session.name.node in self._settings.standbys
        child = self._children[session] = _Child(session, frame.position, is_standby=is_standby)
        child.task = self._tasks.spawn(self._feed(child), f"feed {session}")
        log.info("feeding %s from %s", session, tuple(frame.position))

    def _objection(self, session: Session, place: LogOffset) -> str:
        status = self._status()
        is_standby = session.name.node in self._settings.standbys
        if self.is_resting:
            return RESTING
        if session.name.node in status.path:
            return "my data comes by you"
        if place.sequence > self.written.sequence:
            return "you are ahead of me"
        if place.minis < status.oldest.minis or place.rollbacks < status.oldest.rollbacks:
            return "my log begins later"
        if not status.path and place == self.position:
            return "no data comes to me"
        if not self.free and not is_standby:
            return "full"
        return ""

    def _instead(self, asking: Session) -> tuple[Endpoint, ...]:
        return tuple(
            session.listens
            for session in self._children
            if session.listens is not None and session.name.node != asking.name.node
        )

    def unsubscribe(self, session: Session) -> None:
        """A peer wants no more, or is gone."""
        child = self._children.pop(session, None)
        if child is not None and child.task is not None:
            child.task.cancel()

    def dismiss(self, node: str, reason: str) -> None:
        """Feeds a node no more: it would go in a circle."""
        for session in [session for session in self._children if session.name.node == node]:
            self.unsubscribe(session)
            session.send(Declined(0, reason))

    async def _feed(self, child: _Child) -> None:
        session = child.session
        try:
            await self._tell_last_rollback(child)
            while True:
                child.news.clear()
                frames, place = await self._next(child)
                if not frames:
                    await child.news.wait()
                    continue
                await session.stream(Channel.DATA, frames)
                child.place = place
        except SessionClosed:
            pass
        except NoSuchPlace as error:
            session.close(str(error))
        except Exception:
            log.exception("cannot feed %s", session)
            session.close("internal error")
        finally:
            if self._children.get(session) is child:
                del self._children[session]

    async def _next(self, child: _Child) -> tuple[list[bytes], LogOffset]:
        place = child.place
        end = self.written if child.is_standby else self.position
        if place.sequence >= end.sequence:
            return [], place  # also when it had it from the disk before it was published
        found = self._backlog.after(place, self._settings.batch_bytes, end)
        child.from_disk = found is None
        if found is not None:
            return found
        entries = await asyncio.get_running_loop().run_in_executor(
            self._disk, self._reader.read, place, self._settings.range_bytes
        )
        if not entries:
            raise NoSuchPlace(f"nothing follows {tuple(place)}")
        if self._settings.standbys and not child.is_standby:
            entries = [entry for entry in entries if entry.after.sequence <= end.sequence]
            if not entries:
                return [], place
        return [EntryFrame(entry).encode() for entry in entries], entries[-1].after

    async def _tell_last_rollback(self, child: _Child) -> None:
        """What stands there in this log; who has another record there has to go back."""
        number = child.place.rollbacks
        if not self._settings.standbys or not number:
            return
        record = await asyncio.get_running_loop().run_in_executor(
            self._disk, self._reader.find, EntryKind.ROLLBACK, number
        )
        if record is not None:
            entry = LogEntry(EntryKind.ROLLBACK, child.place, record)
            await child.session.stream(Channel.DATA, [EntryFrame(entry).encode()])

    async def stop(self) -> None:
        """Feeds nobody any more."""
        self._children.clear()
        await self._tasks.cancel()
        self._disk.shutdown(wait=True)
