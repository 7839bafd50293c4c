"""A node that may lead, and does while it holds the lease: follows, takes over, steps down, hands over.

    watch --free--> acquire --> halt following --> fence the others --> succeed: in the log, then building --> renew ...
      ^                              |  one stands farther: release to it                                     |
      +------------------------------+<----------------------------- released, to be promoted ----------------+
                                                                                   lost: the process begins anew

Before anybody leads, so many candidates say where they stand that one of them has all that was ever shown
(`in_sync.py`). Everything happens on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from devnet.succession.confirmations import Confirmations
from devnet.succession.in_sync import Candidates
from devnet.succession.lease import RENEW_S, TTL_S, Lease, LeaseState, LeaseUnavailable
from devnet.sync import LogOffset
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership
from devnet.tasks import Tasks

log = logging.getLogger(__name__)

AGAIN_S: Final = 0.1
"""Between questions to who gives out the lease, while nobody answers; and between attempts to lead."""
FENCE_S: Final = 0.3
"""For the others to promise that they follow nobody of an earlier term."""
HAND_OVER_S: Final = 3.0
"""For who is promoted: to have everything, and then to lead."""
LOOK_S: Final = 0.002


class CannotPromote(Exception):
    """The lead stays where it is."""


class Node(Protocol):
    """What leads and follows (`roles/chain_node.py`)."""

    async def succeed(self, term: int, confirmations: Confirmations) -> bytes:
        """Leads in that term; the record of it."""

    async def pause(self) -> bool:
        """Neither leads nor follows any more; whether everything that was built is shown."""

    async def go_on(self) -> None:
        """Leads on after a pause."""

    async def hand_over(self, leader: Leadership) -> list[bytes]:
        """After a pause: follows who leads now; the raw transactions that wait."""

    async def follow_leader(self, leader: Leadership) -> None:
        """Follows who leads."""

    async def fence(self, term: int, needed: int, timeout_s: float) -> dict[str, LogOffset]:
        """Where the other candidates stand that follow nobody of an earlier term any more; so many are waited for."""

    def confirmations(self) -> Confirmations:
        """For one leadership."""

    def end(self) -> LogOffset:
        """Where the log ends."""

    @property
    def term(self) -> int:
        """The newest that it has heard of."""

    def led_in(self, term: int) -> bool:
        """Whether this node led in that term, and its log knows of no later one."""

    def depose(self) -> None:
        """Somebody else may lead: begins anew, as a process."""


Send = Callable[[str, list[bytes]], Awaitable[None]]
"""Gives raw transactions to the node that answers JSON-RPC at an address."""


@dataclass
class _Lead:
    """A time of leading."""

    term: int
    confirmations: Confirmations
    in_sync: frozenset[str]
    """As the lease has it."""
    possible: tuple[frozenset[str], ...] = ()
    """Sets that it may have instead, by renewals that were not answered."""
    value: bytes = b""
    released: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """The lease's value is another."""


class Candidate:
    """Call `run` once; `promote` at any time."""

    def __init__(self, candidates: Candidates, lease: Lease, node: Node, send: Send) -> None:
        self.decided = asyncio.Event()
        """Set once it leads or follows."""
        self._candidates = candidates
        self._lease = lease
        self._node = node
        self._send = send
        self._lead: _Lead | None = None
        self._ended = asyncio.Event()
        """Of the present leadership."""
        self._following = 0
        """The term of who is followed."""
        self._promoting = asyncio.Lock()

    async def run(self) -> None:
        """Until it is cancelled, or has lost the lease."""
        state = await self._look(-1)
        while True:
            if state.is_free and await self._take_over(state):
                return
            if state.holder != self._candidates.node and state.value:
                await self._follow(state.value)
            state = await self._look(state.term)

    def stored(self, node: str, position: LogOffset) -> None:
        """A standby has everything up to there on its disk."""
        if self._lead is not None:
            self._lead.confirmations.stored(node, position)

    # --- following ----------------------------------------------------------------------------------------

    async def _look(self, term: int) -> LeaseState:
        """What is new with the lease."""
        while True:
            try:
                return await self._lease.watch(term)
            except LeaseUnavailable as error:
                log.debug("the lease: %s", error)
                await asyncio.sleep(AGAIN_S)

    async def _follow(self, value: bytes) -> None:
        try:
            leadership = ChainRollback.decode(value).leadership
        except InvalidRollback as error:
            log.warning("the lease's value is no leadership: %s", error)
            return
        if leadership is None or leadership.term <= self._following:
            return
        self._following = leadership.term
        await self._node.follow_leader(leadership)
        self.decided.set()

    # --- leading ------------------------------------------------------------------------------------------

    async def _take_over(self, state: LeaseState) -> bool:
        """Leads, if the lease is given, until it hands over; whether the lease was lost then, and the process is to
        end."""
        began = time.monotonic()
        try:
            term = await self._lease.acquire(self._candidates.node, self._node.term)
            kept = await self._lease.watch(-1) if term is not None else None
        except LeaseUnavailable:
            return False
        if term is None or kept is None:
            await asyncio.sleep(AGAIN_S)
            return False
        # Who led last, or begins a chain, has all that was ever shown.
        is_next = term == state.term + 1
        knows_all = is_next and (not state.term or self._node.led_in(state.term))
        log.info("may lead in term %d", term)
        lead = self._lead = _Lead(term, self._node.confirmations(), self._candidates.members(kept.in_sync))
        self._require(lead, lead.in_sync)
        lead.confirmations.renewed(began + TTL_S)
        self._ended.clear()
        died: list[BaseException] = []

        def end(error: BaseException) -> None:
            died.append(error)
            self._ended.set()

        renewing = Tasks(end)
        renewing.spawn(self._renew(lead), "renew-lease")
        try:
            if await self._begin(lead, began, knows_all):
                self.decided.set()
                await self._ended.wait()
            else:
                lead.released = True
                await asyncio.sleep(AGAIN_S)
        finally:
            await renewing.cancel()
        if died:
            raise died[0]
        self._lead = None
        return not lead.released

    async def _begin(self, lead: _Lead, began: float, knows_all: bool) -> bool:
        """Whether this node leads now; else the lease is another's."""
        await self._node.pause()
        asked = len(lead.in_sync) > 1 and not knows_all
        needed = self._candidates.to_ask(lead.in_sync)
        stand = await self._node.fence(lead.term, needed, FENCE_S) if asked else {}
        stand = {node: place for node, place in stand.items() if node in lead.in_sync}
        farther = None if knows_all else self._farther(lead.in_sync, stand)
        if farther is not None:
            why = f"{farther} stands farther" if farther else "too few others say where they stand"
            log.info("%s; not leading in term %d", why, lead.term)
            await self._give_back(lead, farther)
            return False
        level = [node for node, place in stand.items() if place.sequence >= self._node.end().sequence]
        self._change(lead, frozenset([self._candidates.node, *level]))
        lead.value = await self._node.succeed(lead.term, lead.confirmations)
        lead.news.set()
        took_ms = (time.monotonic() - began) * 1000
        log.warning("leads in term %d, %.0f ms after the lease was free", lead.term, took_ms)
        return True

    def _farther(self, members: frozenset[str], stand: dict[str, LogOffset]) -> str | None:
        """Who should lead instead; "" if too few have said where they stand; None: nobody."""
        if len(stand) < self._candidates.to_ask(members):
            return ""
        end = self._node.end().sequence
        return max(
            (node for node, place in stand.items() if place.sequence > end),
            key=lambda node: stand[node].sequence,
            default=None,
        )

    async def _give_back(self, lead: _Lead, to: str) -> None:
        lead.released = True
        try:
            await self._lease.release(self._candidates.node, lead.term, to)
        except LeaseUnavailable as error:
            log.warning("the lease runs out by itself: %s", error)

    async def _renew(self, lead: _Lead) -> None:
        """As long as the lease is this node's. Nothing is shown when it has not been renewed for too long."""
        while not lead.released:
            await self._look_who_is_in_sync(lead)
            began = time.monotonic()
            lead.news.clear()
            members = lead.possible[-1] if lead.possible else lead.in_sync
            told = () if self._candidates.is_strict else tuple(sorted(members))
            try:
                is_ours = await self._lease.renew(self._candidates.node, lead.term, lead.value, told)
            except LeaseUnavailable as error:
                log.warning("cannot renew the lease: %s", error)
            else:
                if not is_ours and not lead.released:
                    log.warning("term %d is over: somebody else may lead", lead.term)
                    lead.confirmations.depose()
                    self._node.depose()
                    self._ended.set()
                    return
                lead.confirmations.renewed(began + TTL_S)
                self._settle(lead, members)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, began + RENEW_S - time.monotonic())):
                    await lead.news.wait()

    # --- who is in sync -----------------------------------------------------------------------------------

    async def _look_who_is_in_sync(self, lead: _Lead) -> None:
        """Who has everything is in; who has not come up for too long is out. The lease is to be told next."""
        if self._candidates.is_strict or not lead.value or lead.possible:
            return
        others = frozenset(self._candidates.names) - {self._candidates.node}
        stragglers = lead.confirmations.stragglers
        wanted = (lead.in_sync | (lead.confirmations.have_all() & others)) - stragglers
        if wanted == lead.in_sync:
            return
        self._change(lead, wanted)
        # From here on nothing is shown that they do not have: it has to hold of what was shown before, too.
        new = wanted - lead.in_sync
        if new and not await self._until(lambda: new <= lead.confirmations.have_all(), RENEW_S / 2):
            lead.possible = ()
            self._require(lead, lead.in_sync)

    def _change(self, lead: _Lead, members: frozenset[str]) -> None:
        """These are to be in sync, with the next renewal."""
        if self._candidates.is_strict or members == lead.in_sync:
            return
        lead.possible = (*lead.possible, members)
        self._require(lead, lead.in_sync, *lead.possible)

    def _settle(self, lead: _Lead, members: frozenset[str]) -> None:
        """The lease has these."""
        if lead.possible[-1:] == (members,):
            log.warning("in sync are %s", ", ".join(sorted(members)))
            lead.in_sync, lead.possible = members, ()
            self._require(lead, members)

    def _require(self, lead: _Lead, *sets: frozenset[str]) -> None:
        lead.confirmations.require(*(self._candidates.requirement(members) for members in sets))

    # --- handing over -------------------------------------------------------------------------------------

    async def promote(self, node: str) -> dict[str, Any]:
        """Has that candidate lead. CannotPromote: it does not."""
        async with self._promoting:
            lead = self._lead
            if lead is None or not lead.value or lead.released:
                raise CannotPromote("this node does not lead")
            if node not in self._candidates.names or node == self._candidates.node:
                others = [name for name in self._candidates.names if name != self._candidates.node]
                raise CannotPromote(f"{node} is none of {', '.join(others) or 'no standbys'}")
            if lead.confirmations.stored_by(node) is None or node not in lead.in_sync or lead.possible:
                raise CannotPromote(f"{node} does not follow, or has not come up yet")
            if lead.confirmations.missing:
                raise CannotPromote("too few standbys answer")
            return await self._hand_over(lead, node)

    async def _hand_over(self, lead: _Lead, node: str) -> dict[str, Any]:
        began = time.monotonic()
        if not await self._node.pause():
            self._node.depose()
            raise CannotPromote("what was built last is not on enough disks")
        if not await self._until(lambda: self._has_all(lead, node), HAND_OVER_S):
            await self._node.go_on()
            raise CannotPromote(f"{node} does not come up")
        await self._give_back(lead, node)
        leader = await self._until_led_by(lead.term)
        if leader is None:
            # Nobody leads, so it may be this node again, as any other candidate.
            self._ended.set()
            raise CannotPromote(f"{node} does not take over")
        paused_ms = (time.monotonic() - began) * 1000
        log.info("handed over to %s in %.1f ms", leader.node, paused_ms)
        self._following = leader.term
        waiting = await self._node.hand_over(leader)
        self._ended.set()
        await self._send(leader.http, waiting)
        return {"leader": leader.node, "term": leader.term, "pause_ms": round(paused_ms, 1)}

    def _has_all(self, lead: _Lead, node: str) -> bool:
        stored = lead.confirmations.stored_by(node)
        return stored is not None and stored.sequence >= self._node.end().sequence

    @staticmethod
    async def _until(is_so: Callable[[], bool], within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def _until_led_by(self, before: int) -> Leadership | None:
        """Who leads in a later term; None: nobody does in time."""
        try:
            async with asyncio.timeout(HAND_OVER_S):
                state = await self._look(before)
                while state.term == before or not state.value:
                    state = await self._look(state.term)
        except TimeoutError:
            return None
        return ChainRollback.decode(state.value).leadership
