"""Gets the log from one peer at a time, and applies it in its order.

    items of the upstream --(in order? once?)--> arrived --> thread `sync-apply`: target --> publisher

| what                         | rule                                                                              |
|------------------------------|-----------------------------------------------------------------------------------|
| whom to follow               | a peer whose path leads to the sequencer and not over us; the shortest path first   |
| nobody has a path            | a peer that is ahead of us, to come level while the sequencer is away               |
| upstream silent or gone      | at once another connected peer; `dead_s` is the latest                             |
| upstream alive, brings nothing | left after `stall_s`, if others are ahead                                         |
| an item                      | continues the log exactly, or is an old one (compared), or ends the connection      |
| an item that the target refuses | its peer is left alone for a while, and what it sent after that is forgotten      |

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

from devnet.sync.frames import (
    HEADER,
    MAX_PATH,
    Accepted,
    Channel,
    Declined,
    Malformed,
    Subscribe,
    Unsubscribe,
)
from devnet.sync.mesh import PROVER, Mesh
from devnet.sync.peer import Link
from devnet.sync.position import Item, Position
from devnet.sync.publisher import Publisher
from devnet.sync.settings import SyncSettings
from devnet.sync.target import Refused, Target
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

ITEM_OVERHEAD: Final = HEADER.size + 17
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

    items: int = 0
    duplicates: int = 0
    refused: int = 0
    switches: int = 0


@dataclass
class _Arrived:
    item: Item
    link: Link
    again: bool


class Follower:
    """Call `start` once and `stop` once; the node hands over what peers say."""

    def __init__(
        self,
        target: Target,
        publisher: Publisher,
        mesh: Mesh,
        settings: SyncSettings,
        on_refused: Callable[[Refused, str], None],
        on_failure: OnDeath,
        after_s: float = 0.0,
    ) -> None:
        """`after_s`: nobody is asked before."""
        self.upstream: Link | None = None
        self.counts = FollowerCounts()
        self.position = target.position()
        """Everything up to here is applied."""
        self._received = self.position
        self._target = target
        self._publisher = publisher
        self._mesh = mesh
        self._settings = settings
        self._on_refused = on_refused
        self._tasks = Tasks(on_failure)
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[_Arrived] = deque()
        self._in_work: list[_Arrived] = []
        self._news = asyncio.Event()
        self._asked: Link | None = None
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
        """Begins to apply what arrives."""
        self._tasks.spawn(self._apply(), "sync-apply")

    async def stop(self) -> None:
        """Finishes what is being applied, hands it on, and ends."""
        self._stopping = True
        self._leave()
        await self._tasks.cancel()
        await self._loop.run_in_executor(None, self._thread.shutdown)
        self._advance([arrived.item for arrived in self._in_work if not arrived.again])
        for arrived in (*self._in_work, *self._arrived):
            _consumed(arrived.link, arrived.item)

    # -- what the node asks ----------------------------------------------------------------------------------

    @property
    def path(self) -> tuple[str, ...]:
        """The nodes by which data comes here, the sequencer first and this node last; empty: none comes."""
        upstream = self.upstream
        if upstream is None or upstream.closed or not upstream.status.path:
            return ()
        return (*upstream.status.path, self._mesh.local.node)

    @property
    def best_known(self) -> Position:
        """The farthest that a peer says it stands."""
        known = [link.status.position for link in self._mesh.links if link.name.role != PROVER]
        return max([self.position, *known], key=lambda position: position.sequence)

    @property
    def stranded(self) -> bool:
        """Others are ahead, but nobody's log reaches back to where we stand: only a snapshot helps."""
        ahead = [
            link.status
            for link in self._mesh.links
            if link.name.role != PROVER and link.status.position.sequence > self.position.sequence
        ]
        return bool(ahead) and all(status.oldest.minis > self.position.minis for status in ahead)

    # -- what peers say --------------------------------------------------------------------------------------

    def accepted(self, link: Link, frame: Accepted) -> None:
        """The log comes."""
        if link is self._asked and frame.serial == self._serial:
            self._asked = None
            self.upstream = link
            self.counts.switches += 1
            self._behind_since = None
            log.info("following %s (%s) from %s", link, " > ".join(link.status.path), tuple(self._received))
            self.look()

    def declined(self, link: Link, frame: Declined) -> None:
        """The log does not come, or no longer."""
        if link is self._asked and frame.serial == self._serial:
            log.info("%s declines: %s", link, frame.reason)
            self._asked = None
        elif link is self.upstream and frame.serial == 0:
            log.info("%s feeds us no more: %s", link, frame.reason)
            self.upstream = None
        else:
            return
        self._avoid[link.name.node] = self._loop.time() + DECLINED_S * random.uniform(0.5, 1.5)
        self._mesh.learn(frame.instead)
        for endpoint in frame.instead:
            self._mesh.dial_soon(endpoint.node)
        self.look()

    def item(self, link: Link, item: Item) -> None:
        """The next item of the log, or so it should be."""
        if link is not self.upstream:
            unasked(link, item)
            return
        if item.before == self._received:
            self._received = item.after
            again = False
        elif item.after.sequence <= self._received.sequence:
            self.counts.duplicates += 1
            again = True
        else:
            raise Malformed(f"an item after {tuple(item.before)}, but the log is at {tuple(self._received)}")
        self._behind_since = None
        self._arrived.append(_Arrived(item, link, again))
        self._news.set()

    def left(self, link: Link) -> None:
        """A peer is gone."""
        if link is self._asked:
            self._asked = None
        if link is self.upstream:
            log.info("the upstream %s is gone: %s", link, link.reason)
            self.upstream = None
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

    def _reason_to_leave(self, link: Link, now: float) -> str:
        if link.closed:
            return link.reason
        if self._mesh.local.node in link.status.path:
            return "its data comes by us"
        others = [other for other in self._candidates(now) if other.name.node != link.name.node]
        if not others:
            return ""
        if link.suspect(now):
            return f"silent for {link.silent_s(now):.2f} s"
        if not link.status.path and others[0].status.path:
            return "no data comes to it"
        if self._stalled(link, others, now):
            self._avoid[link.name.node] = now + STALLED_S
            return "it brings nothing, while others are ahead"
        return ""

    def _stalled(self, link: Link, others: list[Link], now: float) -> bool:
        flowing = link.partial_bytes != self._partial
        self._partial = link.partial_bytes
        best = max(other.status.position.sequence for other in others)
        if flowing or self._arrived or best <= self._received.sequence:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        return self._behind_since is not None and now - self._behind_since > link.patience_s(
            self._settings.stall_s
        )

    def _candidates(self, now: float) -> list[Link]:
        """Whom we might follow, the best first."""
        me = self._mesh.local.node
        possible = [
            link
            for link in self._mesh.links
            if link.name.role != PROVER
            and not link.suspect(now)
            and me not in link.status.path
            and len(link.status.path) < MAX_PATH
            and not self._publisher.feeds(link)
            and link.status.oldest.minis <= self._received.minis
            and self._avoid.get(link.name.node, 0.0) <= now
        ]
        with_path = [link for link in possible if link.status.path]
        if with_path:
            random.shuffle(with_path)
            with_path.sort(key=lambda link: (link.status.free == 0, len(link.status.path), link.rtt_s or 0.0))
            return with_path
        ahead = [link for link in possible if link.status.position.sequence > self._received.sequence]
        return sorted(ahead, key=lambda link: -link.status.position.sequence)

    def _ask(self, now: float) -> None:
        candidates = self._candidates(now) if now >= self._resting_until else []
        if candidates:
            self._asked, self._asked_at = candidates[0], now
            self._serial = next(_serials)
            self._asked.send(Subscribe(self._serial, self._received))

    def _leave(self) -> None:
        for link in (self.upstream, self._asked):
            if link is not None:
                link.send(Unsubscribe())
        self.upstream = self._asked = None

    # -- applying --------------------------------------------------------------------------------------------

    async def _apply(self) -> None:
        while True:
            while self._arrived:
                await self._apply_some()
            self._news.clear()
            if not self._arrived:
                await self._news.wait()

    async def _apply_some(self) -> None:
        batch = self._in_work
        size = 0
        again = self._arrived[0].again
        while self._arrived and self._arrived[0].again == again and size < self._settings.apply_bytes:
            batch.append(self._arrived.popleft())
            size += len(batch[-1].item.record)
        items = [arrived.item for arrived in batch]
        work = self._recheck if again else self._target.apply
        refused: Refused | None = None
        # The thread goes on when this task is cancelled; `stop` waits for it.
        try:
            await self._loop.run_in_executor(self._thread, work, items)
        except Refused as error:
            refused = error
        if not again:
            self._advance(items)
        self._in_work = []
        for arrived in batch:
            _consumed(arrived.link, arrived.item)
        if refused is not None:
            source = next((each.link for each in batch if each.item is refused.item), batch[0].link)
            self._refuse(source, refused)

    def _recheck(self, items: list[Item]) -> None:
        for item in items:
            self._target.recheck(item)

    def _advance(self, items: list[Item]) -> None:
        self.position = self._target.position()
        applied = [item for item in items if item.after.sequence <= self.position.sequence]
        self.counts.items += len(applied)
        self._publisher.publish(applied)
        if applied and self._refusals and self.upstream is not None:
            self._refusals.pop(self.upstream.name.node, None)

    def _refuse(self, source: Link, refused: Refused) -> None:
        """What came after a wrong item stands on sand: forget it all, and ask somebody else."""
        node = source.name.node
        self.counts.refused += 1
        count = self._refusals[node] = self._refusals.get(node, 0) + 1
        pause_s = min(REFUSED_S * 2 ** (count - 1), REFUSED_MAX_S)
        self._avoid[node] = self._loop.time() + pause_s
        log.error("REFUSED what %s sent: %s; it is left alone for %.0f s", source, refused, pause_s)
        self._on_refused(refused, node)
        self._leave()
        for arrived in self._arrived:
            _consumed(arrived.link, arrived.item)
        self._arrived.clear()
        self._received = self.position
        source.close(f"{REFUSAL}{refused}")
        self.look()


def unasked(link: Link, item: Item) -> None:
    """An item of a peer that is not followed: it was sent before the peer heard that we left."""
    _consumed(link, item)


def _consumed(link: Link, item: Item) -> None:
    link.consumed(len(item.record) + ITEM_OVERHEAD, Channel.DATA)
