"""`evm_mine_detailed`: blocks that are closed now, shown with what their transactions returned.

Not here: closing blocks, and executing transactions again, which are the engine's.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from devnet.rpc import params
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import limit_exceeded
from devnet.rpc.methods import method

MAX_BLOCKS: Final = 1_000
"""In one answer."""
RESULTS: Final = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
ABOUT: Final = "As evm_mine; the blocks with their transactions, each with its `output` and `revertReason`."


class MineDetailedNamespace:
    """Closes blocks and shows them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @method("anvil_mine_detailed", "options?", about=ABOUT)
    @method("evm_mine_detailed", "options?", about=ABOUT)
    async def mine_detailed(self, given: list[object], call: Call) -> bytes:
        """Close blocks and show them, the oldest first."""
        count = _count(given[0] if given else None)
        await self._backend.call("evm_mine", *given)
        newest = int(str(await self._backend.call("eth_blockNumber")), 16)
        return orjson.dumps([await self._block(hex(newest - back)) for back in reversed(range(count))])

    async def _block(self, number: str) -> dict[str, Any]:
        block: Any = await self._backend.call("eth_getBlockByNumber", number, True)
        if block["transactions"]:
            traces: Any = await self._backend.call("debug_traceBlockByNumber", number, RESULTS)
            for transaction, trace in zip(block["transactions"], traces, strict=True):
                result = trace["result"]
                transaction["output"] = result.get("output", "0x")
                if "revertReason" in result:
                    transaction["revertReason"] = result["revertReason"]
        return dict(block)


def _count(options: object) -> int:
    """How many blocks are asked for. Raises `RpcFault`."""
    given = options.get("blocks") if isinstance(options, dict) else None
    count = 1 if given is None else params.amount(given, "blocks")
    if count > MAX_BLOCKS:
        raise limit_exceeded(f"at most {MAX_BLOCKS} blocks are shown at a time; evm_mine closes more")
    return count
