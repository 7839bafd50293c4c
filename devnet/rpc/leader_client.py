"""The node that leads, as who follows asks it: where another may take over, a request waits for the next leader.

    request --> leader --> answer
                   |  it can't be reached, says that it does not lead, or another leads before it has answered
                   +--> wait for the next one (`redirect`), or for it to come back; ask again

What changes the chain each time it is asked for is not asked twice, unless it is known not to have been done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from devnet.rpc import jsonrpc
from devnet.rpc.client import TIMEOUT_S, NodeClient, NodeSilentError
from devnet.rpc.errors import Code
from devnet.rpc.leader import FORWARDER

PATIENCE_S: Final = 10.0
"""How long a request waits for a leader, where another may take over. That takes a second; but of those that are gone
enough may have to come back."""
AGAIN_S: Final = 0.1
"""After so long one that can't be reached is asked again, if no other leads."""
GRACE_S: Final = 0.2
"""For the answer of one that leads no more: it may have been on its way."""

LEAVES: Final = ("another node builds the chain now", "the node is stopping")
"""What the engine of one that leads no more says of transactions that came to it and are not in the chain."""

Members = dict[str, tuple[Any, str]]
"""Of a response: each member's value, and how it is written."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a leader has answered."""

    members: Members
    is_second: bool
    """It was not the first that was asked: the request may have been had before, and been sent again meanwhile."""


class LeaderClient:
    """Asks whoever leads. On the event loop."""

    def __init__(self, url: str, patience_s: float = 0.0) -> None:
        """`patience_s`: how long a request may wait for a leader; 0 where there is only one for ever."""
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._point_to(url)

    def redirect(self, url: str) -> None:
        """Another leads, or the same one anew."""
        moved = self._moved
        self._client.close()
        self._point_to(url)
        moved.set_result(None)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    async def ask(self, request: bytes, *, twice: bool) -> Reply:
        """The answer to one request; raises NodeSilentError. `twice`: whether asking for it again does no harm."""
        until = self._loop.time() + self._patience_s
        is_second = False
        while True:
            moved, client = self._moved, self._client
            try:
                members = dict(jsonrpc.members((await self._answer(client, moved, request)).decode())[0])
                if not self._patience_s or not _leads_not(members) or self._loop.time() >= until:
                    return Reply(members, is_second)
            except NodeSilentError as silence:
                if self._loop.time() >= until or (silence.was_sent and not twice):
                    raise
            is_second = True
            await asyncio.wait((moved,), timeout=AGAIN_S)

    def _point_to(self, url: str) -> None:
        self._client = NodeClient(url, TIMEOUT_S, FORWARDER if self._patience_s else b"")
        self._moved: asyncio.Future[None] = self._loop.create_future()
        """Done when another leads."""

    async def _answer(self, client: NodeClient, moved: asyncio.Future[None], request: bytes) -> bytes:
        """Of one that stands still nothing is heard, so it is not waited for when another leads."""
        if not self._patience_s:
            return await client.post(request)
        is_over = False
        try:
            async with asyncio.timeout(None) as limit:

                def hurry(_: asyncio.Future[None]) -> None:
                    if not is_over:
                        limit.reschedule(self._loop.time() + GRACE_S)

                moved.add_done_callback(hurry)
                try:
                    return await client.post(request)
                finally:
                    is_over = True
                    moved.remove_done_callback(hurry)
        except TimeoutError:
            raise NodeSilentError(
                f"{client.url} leads no more, and has not answered", was_sent=True
            ) from None


def _leads_not(members: Members) -> bool:
    error = members["error"][0] if "error" in members else None
    return isinstance(error, dict) and (
        error.get("code") == Code.NOT_LEADING or error.get("message") in LEAVES
    )
