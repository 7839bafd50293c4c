"""Where a node stands: its heights, how far it is behind, and who waits for it to get somewhere; what `/healthz` tells.

`note` is called by the thread that writes the log; everything else on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from devnet._engine import SealedBlock, SealedMini
from devnet.role_config import RoleConfig
from devnet.storage import Store

More = Callable[[], Mapping[str, Any]]


class NodeStatus:
    """Of one node with a chain."""

    def __init__(
        self, role: RoleConfig, store: Store, validated: Callable[[], int | None], more: More = dict
    ) -> None:
        """`validated`: the newest block that stateless validators have reported. `more`: what else there is to tell."""
        self._role = role
        self._store = store
        self._validated = validated
        self._more = more
        self._loop = asyncio.get_running_loop()
        self._timestamp_us = 0
        self._shown = store.tip or (-1, 0)
        """Mini-block and block. What stands in the store may not be shown yet."""
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []

    def health(self) -> dict[str, Any]:
        """For `/healthz`."""
        mini, block = self._store.tip or (-1, 0)
        validated = self._validated()
        return {
            "ready": True,
            "status": "ok",
            "node": self._role.node,
            "role": self._role.role,
            "height": block,
            "mini_block": max(mini, 0),
            "lag_ms": self.lag_ms(),
            **({"validated_height": validated} if validated is not None else {}),
            **self._more(),
        }

    def lag_ms(self) -> float | None:
        """The age of the newest mini-block that this node shows."""
        if not self._timestamp_us:
            return None
        return max(0.0, round(time.time() * 1000 - self._timestamp_us / 1000, 1))

    def note(self, sealed: Iterable[SealedMini | SealedBlock]) -> None:
        """These are on disk, and shown."""
        mini, block = self._shown
        for item in sealed:
            if isinstance(item, SealedMini):
                mini, self._timestamp_us = item.number, item.timestamp_us
            else:
                block = item.number
        self._shown = (mini, block)
        if self._waiting and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    async def wait_for(self, mini: int, timeout_s: float, block: int = 0) -> bool:
        """Until this node shows that mini-block and that block, or the time is over."""
        if self._reached(mini, block):
            return True
        waiter: asyncio.Future[bool] = self._loop.create_future()
        entry = (mini, block, waiter)
        self._waiting.append(entry)
        try:
            if self._reached(mini, block):
                return True
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError:
            return False
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def _reached(self, mini: int, block: int) -> bool:
        return self._shown[0] >= mini and self._shown[1] >= block

    def _wake(self) -> None:
        for mini, block, waiter in self._waiting:
            if self._reached(mini, block) and not waiter.done():
                waiter.set_result(True)
