"""What has come since a filter was asked the last time: one class per kind of filter, each with a cursor of its own.

Nothing is collected between two questions: the cursor says how far the last one saw, and the engine is asked for what
lies behind it. So a filter costs a few numbers, however long its client stays away.

Not here: which filters there are, and when they expire (`polled_filters.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import orjson

from devnet.rpc import filters
from devnet.rpc.backend import Backend
from devnet.rpc.engine_rpc import ChainRpc
from devnet.rpc.errors import invalid_params

if TYPE_CHECKING:
    from devnet._engine import Rewind

MAX_BLOCKS: Final = 1_000
"""Of one answer; the rest comes with the next."""
MAX_TRANSACTIONS: Final = 20_000
"""Likewise."""
MAX_REMOVED: Final = 20_000
"""Logs that a filter is told to be gone with one answer; the oldest of more are left out."""
_BEYOND: Final = 2**63
"""A cursor that no pool has come to."""


class News(Protocol):
    """One kind of filter."""

    async def take(self) -> list[Any]:
        """Return what has come since the last time."""

    def rewinding(self, plan: Rewind, most: int) -> None:
        """The chain is about to be rolled back: what goes can still be read, of so many mini-blocks at most."""

    def rewound(self) -> None:
        """It was: what comes after the place is news again."""


class Place(NamedTuple):
    """A log's place in the chain, as the cursor of `eth_getLogsWithCursor` says it."""

    block: int
    log: int

    @classmethod
    def read(cls, cursor: str) -> Place:
        """Read a cursor: both numbers in 32 bits."""
        return cls(int(cursor[2:10], 16), int(cursor[10:18], 16))

    def __str__(self) -> str:
        return f"0x{self.block:08x}{self.log:08x}"


class _Chain:
    """Which chain there is, for who reads it in several steps: another one when it begins to be rolled back, and yet
    another one when that is done."""

    def __init__(self) -> None:
        self.now = 0

    def change(self) -> None:
        self.now += 1

    def is_still(self, chain: int) -> bool:
        """Whether what was read since `now` was this is of one chain, which stands."""
        return self.now == chain and chain % 2 == 0


class BlockNews:
    """Hashes of sealed blocks."""

    def __init__(self, backend: Backend, newest: int) -> None:
        """`newest`: the newest block that is not news."""
        self._backend = backend
        self._next = newest + 1
        self._chain = _Chain()
        self._kept = 0
        """The last block that a rollback lets stand."""

    async def take(self) -> list[Any]:
        """Return the hashes of the blocks that were sealed since the last time."""
        chain = self._chain.now
        newest = await newest_block(self._backend)
        numbers = range(self._next, min(newest, self._next + MAX_BLOCKS - 1) + 1)
        headers: list[Any] = [
            await self._backend.call("eth_getHeaderByNumber", hex(number)) for number in numbers
        ]
        if not self._chain.is_still(chain):
            return []
        self._next += len(headers)
        return [header["hash"] for header in headers]

    def rewinding(self, plan: Rewind, most: int) -> None:
        """From now on, and until that is done, nothing is news."""
        self._chain.change()
        self._kept = plan.block

    def rewound(self) -> None:
        """The blocks that come instead are news."""
        self._chain.change()
        self._next = min(self._next, self._kept + 1)


class PendingNews:
    """Transactions that enter this node's pool."""

    def __init__(self, engine: ChainRpc, backend: Backend, *, full: bool) -> None:
        """`full`: the whole transactions instead of their hashes."""
        self._engine = engine
        self._backend = backend
        self._full = full
        self._cursor, _ = engine.pending_hashes(_BEYOND)

    async def take(self) -> list[Any]:
        """Return the transactions that were admitted since the last time, as far as the pool remembers."""
        end, found = self._engine.pending_hashes(self._cursor)
        hashes = ["0x" + digest.hex() for digest in found[:MAX_TRANSACTIONS]]
        self._cursor = end - (len(found) - len(hashes))
        if not self._full:
            return hashes
        bodies = [await self._backend.call("eth_getTransactionByHash", digest) for digest in hashes]
        return [body for body in bodies if body is not None]

    def rewinding(self, plan: Rewind, most: int) -> None:
        """What has entered the pool has done so."""

    def rewound(self) -> None:
        """Likewise."""


class LogNews:
    """Logs of sealed blocks, or of mini-blocks if the filter begins with `latest` or `pending`."""

    def __init__(self, engine: ChainRpc, backend: Backend, asked: dict[str, Any], newest: int) -> None:
        """`asked`: the filter as it was given; `newest`: the newest block that is sealed. Raises `RpcFault`."""
        self._backend = backend
        self._one_block = asked.get("blockHash") is not None
        if self._one_block and (asked.get("fromBlock") is not None or asked.get("toBlock") is not None):
            raise invalid_params("blockHash cannot be combined with fromBlock or toBlock")
        ranged = {name: value for name, value in asked.items() if name != "blockHash"}
        key, by_mini = filters.log_filter(ranged)
        first, last = filters.block_range(ranged)
        self._matcher = {name: asked[name] for name in ("address", "topics") if asked.get(name) is not None}
        self._last = last if isinstance(last, int) else None
        self._by_mini = by_mini and self._last is None
        self._first = Place(first if isinstance(first, int) else 0, 0)
        self._next = max(Place(newest + 1, 0), self._first)
        self._since = self._next
        """What came before was never told."""
        self._engine = engine
        self._key = key
        self._chain = _Chain()
        self._kept = self._next
        """What a rollback lets stand of what was told ends there."""
        self._removed: list[Any] = []

    async def begin(self) -> None:
        """Pass over what the open block holds already."""
        while (await self._page())[1]:
            pass
        self._since = self._next

    async def take(self) -> list[Any]:
        """Return the logs that have come since the last time: 20,000 at most, the rest with the next question; before
        them, marked as such, those that were told and have been taken back since."""
        logs, _ = await self._page()
        removed, self._removed = self._removed, []
        return removed + logs

    def rewinding(self, plan: Rewind, most: int) -> None:
        """Note what was told and goes, the newest first, unless too many mini-blocks would have to be looked at; from
        now on, and until that is done, nothing is news."""
        self._chain.change()
        self._kept = Place(plan.block + 1, 0)
        if self._one_block or self._next <= self._kept:
            return
        gone: list[Any] = []
        for mini, _ in plan.busy if len(plan.busy) <= most else ():
            passed = [log for log in self._logs(mini) if _behind([log]) <= self._next]
            if mini >= plan.minis or not self._by_mini:
                gone += [log for log in passed if self._since < _behind([log])]
            elif passed:
                self._kept = _behind(passed)
        self._removed += [{**log, "removed": True} for log in reversed(gone)]
        del self._removed[MAX_REMOVED:]

    def _logs(self, mini: int) -> list[Any]:
        return [orjson.loads(log) for log in self._engine.logs_json(self._key, mini)]

    def rewound(self) -> None:
        """What comes behind the place is news again."""
        self._chain.change()
        self._next = max(self._first, min(self._next, self._kept))
        self._since = min(self._since, self._next)

    async def _page(self) -> tuple[list[Any], bool]:
        """The next logs, and whether there are more."""
        if self._one_block:
            return [], False
        chain = self._chain.now
        newest = await newest_block(self._backend)
        last = newest if self._last is None else min(newest, self._last)
        # By mini-blocks the open block counts too, which comes behind the newest sealed one.
        if self._next.block > last + self._by_mini:
            return [], False
        asked = {
            **self._matcher,
            "fromBlock": hex(min(self._next.block, last)),
            "toBlock": "latest" if self._by_mini else hex(last),
            "cursor": str(self._next),
        }
        page: Any = await self._backend.call("eth_getLogsWithCursor", asked)
        logs: list[Any] = page["logs"]
        if not self._chain.is_still(chain):
            return [], False
        if "cursor" in page:
            self._next = Place.read(page["cursor"])
        else:
            self._next = max(self._next, Place(last + 1, 0), _behind(logs))
        return logs, "cursor" in page


async def newest_block(backend: Backend) -> int:
    """Return the number of the newest sealed block."""
    return int(str(await backend.call("eth_blockNumber")), 16)


def _behind(logs: list[Any]) -> Place:
    """The place behind the last of some logs."""
    if not logs:
        return Place(0, 0)
    return Place(int(logs[-1]["blockNumber"], 16), int(logs[-1]["logIndex"], 16) + 1)
