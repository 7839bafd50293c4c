"""What enters the pool, for who asks a node that follows: transactions wait at the node that leads, which is asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson

from devnet.rpc.errors import RpcFault
from devnet.rpc.leader import Forward, Leader
from devnet.tasks import Tasks

if TYPE_CHECKING:
    from devnet._engine import Rewind

log = logging.getLogger(__name__)

BETWEEN_LOOKS_S: Final = 0.05
AGAIN_S: Final = 1.0
"""Before a leader is asked again that has given no answer."""


class PendingThere:
    """A filter of the leader's pool."""

    def __init__(self, forward: Forward, *, full: bool = False) -> None:
        """`full`: whole transactions instead of their hashes."""
        self._forward = forward
        self._full = full
        self._id: str | None = None

    async def begin(self) -> None:
        """What enters the pool from now on is news. Raises `RpcFault`: the leader does not answer."""
        self._id = orjson.loads(await self._forward("eth_newPendingTransactionFilter", [self._full]))

    async def take(self) -> list[Any]:
        """What has come since the last time. Raises `RpcFault`: the leader does not answer, or has been restarted."""
        found: list[Any] = orjson.loads(await self._forward("eth_getFilterChanges", [self._id]))
        return found

    def rewinding(self, plan: Rewind, most: int) -> None:
        """What has entered the pool has done so."""

    def rewound(self) -> None:
        """Likewise."""


class PendingRelay:
    """Asks the leader for as long as somebody wants to hear of its pool."""

    def __init__(
        self, leader: Leader, wanted: Callable[[], bool], tell: Callable[[dict[str, Any]], None]
    ) -> None:
        """`wanted`: whether anybody still does. `tell`: is given each transaction."""
        self._leader = leader
        self._wanted = wanted
        self._tell = tell
        self._tasks = Tasks(_died)
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Of what enters the leader's pool from now on is told, if another node leads. Raises `RpcFault`: it does not
        answer."""
        forward = self._leader.forward
        if forward is None or (self._task is not None and not self._task.done()):
            return
        there = PendingThere(forward, full=True)
        await there.begin()
        self._task = self._tasks.spawn(self._run(forward, there), "pending-relay")

    async def _run(self, forward: Forward, there: PendingThere) -> None:
        while self._wanted() and self._leader.forward is forward:
            try:
                for transaction in await there.take():
                    self._tell(transaction)
            except RpcFault:
                # It does not answer, or has been restarted: of what it takes meanwhile nobody hears.
                await asyncio.sleep(AGAIN_S)
                with contextlib.suppress(RpcFault):
                    await there.begin()
            await asyncio.sleep(BETWEEN_LOOKS_S)


def _died(error: BaseException) -> None:
    """The node goes on, and the next subscription begins anew."""
    log.error("nobody hears of the leader's pool any more", exc_info=error)
