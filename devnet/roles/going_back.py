"""JSON-RPC methods that take the chain back to an earlier place (`evm_snapshot`, `evm_revert`, `anvil_rollback`,
`anvil_reorg`, `anvil_reset`, `debug_setHead`), under the names, parameters and answers that anvil, hardhat and geth
have for them.

A snapshot is the name of a place in the log, so that taking one costs nothing and any number may be open. Going back to
one ends it and all that were taken after it.

Not here: how a node goes back (`chain_node.py`), what a reset is asked for (`reset.py`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

from devnet.errors import UserError
from devnet.roles.reset import Forking, forking_of, require_own
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.rpc.methods import Home, method
from devnet.storage import Store

GoBack = Callable[[int, int], Awaitable[None]]
"""To a chain of so many mini-blocks; ends the ids from the other number on. Raises `UserError`: nothing has changed."""

Check = Callable[[object], None]
"""Raises `RpcFault` for a transaction that could not enter the pool at any state. Any thread."""

Send = Callable[[object, Call], Awaitable[None]]
"""Has a transaction enter the pool, raw or for an account of the node's. Raises `RpcFault` or `RpcError`."""

EmptyPool = Callable[[], Awaitable[None]]
"""Drops what waits in the pool."""

_NUMBER: Final = re.compile(r"0x[0-9a-fA-F]{1,64}|[0-9]{1,78}")
_SNAPSHOT: Final = "Names this place of the chain, to come back to it; the name."
_RESET: Final = "Takes the whole chain back, to its first block; ends all snapshots, empties the pool."
_REVERT: Final = "Takes the chain back to a snapshot; whether there was such a one."


class GoingBackNamespace:
    """Of a node with a chain; the sequencer answers for those that follow."""

    def __init__(
        self,
        store: Store,
        go_back: GoBack,
        check: Check,
        send: Send,
        empty_pool: EmptyPool,
        fork: Forking | None,
    ) -> None:
        """`fork`: what the chain was forked from; None where it was not."""
        self._check = check
        self._empty_pool = empty_pool
        self._fork = fork
        self._send = send
        self._store = store
        self._go_back = go_back
        self._one_at_a_time = asyncio.Lock()

    @method("evm_snapshot", about=_SNAPSHOT, home=Home.SEQUENCER)
    @method("anvil_snapshot", about=_SNAPSHOT, home=Home.SEQUENCER)
    async def snapshot(self, given: list[object], call: Call) -> bytes:
        """Name the place where the chain stands."""
        async with self._one_at_a_time:
            tip = self._store.tip
            identifier = self._store.take_evm_snapshot(tip.mini + 1 if tip is not None else 0)
        return b'"0x%x"' % identifier

    @method("evm_revert", "id", about=_REVERT, home=Home.SEQUENCER)
    @method("anvil_revert", "id", about=_REVERT, home=Home.SEQUENCER)
    async def revert(self, given: list[object], call: Call) -> bytes:
        """Go back to a snapshot."""
        identifier = _count(given[0], "id")
        async with self._one_at_a_time:
            minis = self._store.evm_snapshot(identifier)
            if minis is None:
                return b"false"
            await self._go(minis, identifier)
        return b"true"

    @method("anvil_rollback", "depth?", about="Takes that many blocks back, or one.", home=Home.SEQUENCER)
    async def rollback(self, given: list[object], call: Call) -> bytes:
        """Take the newest blocks back."""
        depth = 1 if not given or given[0] is None else _count(given[0], "depth")
        async with self._one_at_a_time:
            await self._take_back(depth, "Rollback")
        return b"null"

    @method(
        "anvil_reorg",
        "depth",
        "transactions",
        about="Takes that many blocks back, and sends transactions that come instead.",
        home=Home.SEQUENCER,
    )
    async def reorg(self, given: list[object], call: Call) -> bytes:
        """Replace the newest blocks by others."""
        depth = _count(given[0], "depth")
        transactions = _in_order(given[1], depth)
        for transaction in transactions:
            await asyncio.to_thread(self._check, transaction)
        async with self._one_at_a_time:
            await self._take_back(depth, "Reorg")
            for transaction in transactions:
                await self._send(transaction, call)
        return b"null"

    @method("debug_setHead", "number", about="Takes all blocks after this one back.", home=Home.SEQUENCER)
    async def set_head(self, given: list[object], call: Call) -> bytes:
        """Make a block the newest one."""
        number = _count(given[0], "number")
        async with self._one_at_a_time:
            height = self._height
            if number > height:
                raise invalid_params(f"block {number} is not there: the newest one is {height}")
            await self._take_back(height - number, "Rollback")
        return b"null"

    @method("anvil_reset", "options?", about=_RESET, home=Home.SEQUENCER)
    @method("hardhat_reset", "options?", about=_RESET, home=Home.SEQUENCER)
    async def reset(self, given: list[object], call: Call) -> bytes:
        """Take everything back; a fork to the block that it was forked at."""
        forking = forking_of(given[0] if given else None)
        if forking is not None:
            require_own(forking, self._fork)
        async with self._one_at_a_time:
            await self._go(0, 0)
            await self._empty_pool()
        return b"null"

    @property
    def _height(self) -> int:
        return (self._store.tip or self._store.origin).block

    async def _take_back(self, depth: int, what: str) -> None:
        height, first = self._height, self._store.origin.block
        if depth > height - first:
            raise invalid_params(
                f"{what} depth must not exceed current chain height: current height {height}, depth {depth}"
                + (f", forked at block {first}" if first else "")
            )
        last = self._store.block(height - depth)
        minis = last[0] + 1 if last is not None else 0
        await self._go(minis, self._store.evm_snapshots_beyond(minis))

    async def _go(self, minis: int, first_gone: int) -> None:
        try:
            await self._go_back(minis, first_gone)
        except UserError as error:
            raise refused(f"{error.what}: {error.why}") from None


def _in_order(value: object, depth: int) -> list[object]:
    """Transactions, each given with the block that it shall be in, counted from the first one that is replaced."""
    pairs: list[tuple[int, object]] = []
    for pair in value if isinstance(value, list) else [None]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise invalid_params(
                "transactions must be a list of pairs: a transaction, and a number of a block"
            )
        block = _count(pair[1], "the number of a block")
        if block >= depth:
            raise invalid_params(
                "Block number for reorg tx will exceed the reorged chain height. "
                f"Block number {block} must not exceed (depth-1) {depth - 1}"
            )
        pairs.append((block, pair[0]))
    return [transaction for _, transaction in sorted(pairs, key=lambda pair: pair[0])]


def _count(value: object, name: str) -> int:
    """A number as clients write it: hexadecimal, also with leading zeroes, decimal, or a JSON number."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value, 16 if value.startswith("0x") else 10)
    raise invalid_params(f"{name} must be a number")
