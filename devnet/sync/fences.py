"""Whom a candidate follows, and whom no more.

Who is about to lead in a new term asks the other candidates to follow nobody of an earlier one, and where they stand.
Those that have promised so confirm nothing to who led before. Everything happens on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from devnet.sync.frames import Fence, Fenced
from devnet.sync.log_offset import GENESIS, LogOffset
from devnet.sync.peer import Session
from devnet.tasks import Tasks
from devnet.threads import OnDeath

log = logging.getLogger(__name__)

GRACE_S: Final = 0.03
"""For those that are not needed."""

Hold = Callable[[], Awaitable[LogOffset]]
"""Leaves whom the node follows; where it stands then, with everything on disk."""


class Fences:
    """Of one candidate."""

    def __init__(self, node: str, candidates: frozenset[str], hold: Hold, failure: OnDeath) -> None:
        self._node = node
        self._candidates = candidates
        self._hold = hold
        self._leader = ""
        self._term = 0
        """Of that leader."""
        self._promised = 0
        """Nobody of an earlier term is followed."""
        self._answers: dict[Session, asyncio.Future[Fenced]] = {}
        self._tasks = Tasks(failure)

    def led_by(self, node: str, term: int) -> None:
        """That node leads in that term."""
        if term > self._term:
            self._leader, self._term = node, term

    def may_follow(self, session: Session) -> bool:
        """Who leads itself, as far as is known."""
        node = session.name.node
        return session.status.path == (node,) and node == self._leader and self._term >= self._promised

    async def ask(
        self, sessions: Iterable[Session], term: int, needed: int, timeout_s: float
    ) -> dict[str, LogOffset]:
        """Where those stand that have promised to follow nobody of a term before that one. So many are waited for, the
        others hardly: one may be the leader that stands still."""
        self._promised = max(self._promised, term)
        loop = asyncio.get_running_loop()
        by_node = {session.name.node: session for session in sessions if self._is_other(session)}
        waiting: dict[str, asyncio.Future[Fenced]] = {}
        for node, session in by_node.items():
            waiting[node] = self._answers[session] = loop.create_future()
            session.send(Fence(term))
        deadline = loop.time() + timeout_s
        while pending := [each for each in waiting.values() if not each.done()]:
            enough = len(_promised(waiting, term)) >= needed
            left_s = min(GRACE_S, deadline - loop.time()) if enough else deadline - loop.time()
            done, _ = await asyncio.wait(
                pending, timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
        for session in by_node.values():
            self._answers.pop(session, None)
        return _promised(waiting, term)

    def heard(self, session: Session, frame: Fence | Fenced) -> None:
        """A peer asks, or answers."""
        if isinstance(frame, Fenced):
            answer = self._answers.get(session)
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif self._is_other(session):
            self._tasks.spawn(self._promise(session, frame.term), f"promise {session}")

    def left(self, session: Session) -> None:
        """A peer is gone, and answers nothing."""
        answer = self._answers.pop(session, None)
        if answer is not None and not answer.done():
            answer.cancel()

    async def stop(self) -> None:
        """Promises nothing any more."""
        await self._tasks.cancel()

    async def _promise(self, session: Session, term: int) -> None:
        if term < max(self._promised, self._term):
            session.send(Fenced(0, GENESIS))
            return
        self._promised = term
        log.info("following nobody before term %d, which %s is about to lead in", term, session)
        position = await self._hold()
        session.send(Fenced(term, position))

    def _is_other(self, session: Session) -> bool:
        return session.name.node in self._candidates and session.name.node != self._node


def _promised(waiting: dict[str, asyncio.Future[Fenced]], term: int) -> dict[str, LogOffset]:
    answered = {node: each.result() for node, each in waiting.items() if each.done() and not each.cancelled()}
    return {node: answer.position for node, answer in answered.items() if answer.term == term}
