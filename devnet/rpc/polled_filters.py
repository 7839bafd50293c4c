"""`eth_newFilter` and its kin: filters that clients ask again and again what has come, over HTTP as over a WebSocket.

A filter belongs to nobody: who knows its id, which cannot be guessed, may ask it. It is gone when it was not asked for
`EXPIRY_S`, and with the process.

Everything runs on the event loop's thread; the engine is asked in the backend's threads.

Not here: what has come (`filter_news.py`), and what a filter may look like (`filters.py`).
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from devnet.rpc import filters
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.engine_rpc import ChainRpc
from devnet.rpc.errors import RpcFault, invalid_params, limit_exceeded, refused
from devnet.rpc.filter_news import BlockNews, LogNews, News, PendingNews, newest_block
from devnet.rpc.leader import Leader
from devnet.rpc.methods import method
from devnet.rpc.pending_relay import PendingThere

if TYPE_CHECKING:
    from devnet._engine import Rewind

EXPIRY_S: Final = 300.0
MAX_BYTES: Final = 16 * 1024 * 1024
"""Of the log filters of all clients together."""
MAX_LOOKED_AT: Final = 20_000
"""Mini-blocks in which logs are looked for that go, over all filters. What there are more of is not told to be gone."""


@dataclass(eq=False, slots=True)
class Filter:
    """One filter."""

    news: News
    asked_at: float
    logs: dict[str, Any] | None = None
    """What `eth_getLogs` is asked for it; None: it is no filter of logs."""
    size: int = 0
    """Bytes of that."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two who ask at once get one answer after the other, nothing twice."""


class FilterNamespace:
    """The filters of one node."""

    def __init__(self, engine: ChainRpc, backend: Backend, leader: Leader, max_filters: int) -> None:
        self._engine = engine
        self._backend = backend
        self._leader = leader
        self._max_filters = max_filters
        self._filters: dict[str, Filter] = {}
        self._now = 0.0

    def sweep(self, now: float) -> None:
        """Forget the filters that nobody has asked for too long. Called about once a second."""
        self._now = now
        for identifier, one in list(self._filters.items()):
            if now - one.asked_at > EXPIRY_S:
                del self._filters[identifier]

    def rewinding(self, plan: Rewind) -> None:
        """The chain is about to be rolled back: what goes can still be read."""
        most = MAX_LOOKED_AT // max(1, len(self._filters))
        for one in self._filters.values():
            one.news.rewinding(plan, most)

    def rewound(self) -> None:
        """It was."""
        for one in self._filters.values():
            one.news.rewound()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._filters)

    @method("eth_newFilter", "filter", about="Begins to collect logs; the id of a filter to ask for them.")
    async def new_filter(self, given: list[object], call: Call) -> bytes:
        """Make a filter of logs."""
        [asked] = given
        if not isinstance(asked, dict):
            raise invalid_params("the log filter must be an object")
        try:
            size = len(orjson.dumps(asked))
        except TypeError as error:
            raise invalid_params(f"the log filter cannot be read: {error}") from None
        if size + sum(one.size for one in self._filters.values()) > MAX_BYTES:
            raise limit_exceeded(f"too long filters: those of all clients have {MAX_BYTES} bytes at most")
        news = LogNews(self._engine, self._backend, asked, await newest_block(self._backend))
        await news.begin()
        return self._install(Filter(news, self._now, asked, size))

    @method("eth_newBlockFilter", about="Begins to collect the hashes of sealed blocks; a filter's id.")
    async def new_block_filter(self, given: list[object], call: Call) -> bytes:
        """Make a filter of blocks."""
        return self._install(Filter(BlockNews(self._backend, await newest_block(self._backend)), self._now))

    @method(
        "eth_newPendingTransactionFilter",
        "full?",
        about="Begins to collect transactions that enter the pool, or their hashes; a filter's id.",
    )
    async def new_pending_transaction_filter(self, given: list[object], call: Call) -> bytes:
        """Make a filter of transactions."""
        full = filters.flag(given[0] if given else None, "full")
        if (forward := self._leader.forward) is not None:
            there = PendingThere(forward, full=full)
            await there.begin()
            return self._install(Filter(there, self._now))
        return self._install(Filter(PendingNews(self._engine, self._backend, full=full), self._now))

    @method(
        "eth_getFilterChanges", "filter id", about="What has come since the filter was asked the last time."
    )
    async def changes(self, given: list[object], call: Call) -> bytes:
        """Ask a filter for what is new."""
        found = self._find(given[0])
        async with found.asking:
            return orjson.dumps(await found.news.take())

    @method("eth_getFilterLogs", "filter id", about="All logs that a filter of logs stands for, new or not.")
    async def logs(self, given: list[object], call: Call) -> bytes:
        """Ask a filter for everything."""
        found = self._find(given[0])
        if found.logs is None:
            raise refused("filter not found: it is no filter of logs")
        return orjson.dumps(await self._backend.call("eth_getLogs", found.logs))

    @method("eth_uninstallFilter", "filter id", about="Forgets a filter; whether there was one.")
    async def uninstall(self, given: list[object], call: Call) -> bytes:
        """Forget a filter."""
        return orjson.dumps(self._filters.pop(_identifier(given[0]), None) is not None)

    def _install(self, one: Filter) -> bytes:
        if len(self._filters) >= self._max_filters:
            raise limit_exceeded(f"too many filters: the limit is {self._max_filters} (--max-filters)")
        identifier = hex(secrets.randbits(128) | 1 << 127)  # a quantity, which has no leading zeroes
        self._filters[identifier] = one
        return orjson.dumps(identifier)

    def _find(self, value: object) -> Filter:
        found = self._filters.get(_identifier(value))
        if found is None:
            raise _unknown()
        found.asked_at = self._now
        return found


def _identifier(value: object) -> str:
    if not isinstance(value, str):
        raise invalid_params("filter id must be a text")
    return value.lower()


def _unknown() -> RpcFault:
    """In geth's words and with its code, by which libraries know that they have to make a new one."""
    return refused("filter not found")
