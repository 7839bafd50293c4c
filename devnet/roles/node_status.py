"""Where a node stands: its heights, how far it is behind, and who waits for it to get somewhere; what `/healthz` tells.

`note` is called by the thread that writes the log; everything else on the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from devnet._engine import SealedBlock, SealedMini
from devnet.role_config import RoleConfig
from devnet.storage import Store

More = Callable[[], Mapping[str, Any]]


class _Shown(NamedTuple):
    """Mini-block and block, of a chain that was rolled back so often."""

    mini: int
    block: int
    rollbacks: int

    def reaches(self, other: _Shown) -> bool:
        return all(mine >= wanted for mine, wanted in zip(self, other, strict=True))


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
        self._shown = self._stored()
        """What stands in the store may not be shown yet."""
        self._waiting: list[tuple[_Shown, asyncio.Future[bool]]] = []

    def health(self) -> dict[str, Any]:
        """For `/healthz`."""
        mini, block = self._store.tip or self._store.origin
        first = self._store.first
        validated = self._validated()
        return {
            "ready": True,
            "status": "ok",
            "node": self._role.node,
            "role": self._role.role,
            "height": block,
            "mini_block": max(mini, 0),
            "lag_ms": self.lag_ms(),
            "log_begins_after": first.block if first is not None else None,
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
        mini, block, rollbacks = self._shown
        for item in sealed:
            if isinstance(item, SealedMini):
                mini, self._timestamp_us = item.number, item.timestamp_us
            else:
                block = item.number
        self._shown = _Shown(mini, block, rollbacks)
        if self._waiting and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def rewound(self) -> None:
        """The chain was rolled back, and nothing has come since."""
        self._shown = self._stored()
        self._wake()

    def _stored(self) -> _Shown:
        return _Shown(*(self._store.tip or self._store.origin), self._store.rollbacks)

    async def wait_for(self, mini: int, timeout_s: float, block: int = 0, rollbacks: int = 0) -> bool:
        """Until this node shows that mini-block and that block and has carried out so many rollbacks, or the time is
        over."""
        wanted = _Shown(mini, block, rollbacks)
        if self._shown.reaches(wanted):
            return True
        waiter: asyncio.Future[bool] = self._loop.create_future()
        entry = (wanted, waiter)
        self._waiting.append(entry)
        try:
            if self._shown.reaches(wanted):
                return True
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError:
            return False
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def _wake(self) -> None:
        for wanted, waiter in self._waiting:
            if self._shown.reaches(wanted) and not waiter.done():
                waiter.set_result(True)
