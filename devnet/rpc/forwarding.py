"""A chain node's engine, and the sequencer behind it: while the node follows, what belongs to the sequencer goes there.

    body --ForwardingRpc.submit--> engine            reads
                 |  False: `Dispatcher` -> `Forwarder.methods()` -> the sequencer, over HTTP
                 +-- what the engine's lines give another home (`methods.py`): what sends, what counts the pool in, and
                     proofs where this node does not keep the commitment that they come from

A transaction whose receipt came back from the sequencer is answered only when this node has applied its mini-block,
so that a client finds here what it was told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from devnet.rpc import jsonrpc
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.engine_bridge import Call
from devnet.rpc.engine_rpc import Answer, ChainRpc
from devnet.rpc.errors import Code, RpcFault
from devnet.rpc.methods import ENGINE, Handler, Home, Line, Method

PENDING: Final = "pending"
"""The block that holds what waits in the pool."""
SYNC_METHOD: Final = "eth_sendRawTransactionSync"
"""Has errors of its own (EIP-7966)."""
OWN_VIEW_S: Final = 1.0
"""How long an answer may wait for this node to come to where the sequencer was."""
OWN_EFFECT_S: Final = 10.0
"""Likewise, where all that was asked for is the effect."""

FORCED: Final = frozenset({"mega_depositTransaction", "eth_sendTransaction", "eth_sendUnsignedTransaction"})
"""What returns the hash of a transaction that is in the chain, or soon."""

MINED: Final = frozenset({"anvil_mine", "hardhat_mine", "evm_mine"})
"""What returns when the sequencer shows blocks that it has closed."""


TAKEN_BACK: Final = frozenset(
    {
        "evm_revert",
        "anvil_revert",
        "anvil_rollback",
        "anvil_reorg",
        "anvil_reset",
        "hardhat_reset",
        "debug_setHead",
    }
)
"""What returns when the sequencer has rolled the chain back; false: it has not."""
LOADED: Final = frozenset({"anvil_loadState", "hardhat_loadState", "mega_loadState"})
"""What returns when the sequencer shows the accounts that it was given."""
FOLLOWED: Final = FORCED | MINED | TAKEN_BACK | LOADED
"""What is answered when this node shows the effect, too."""


class WaitFor(Protocol):
    """Until this node shows that mini-block and that block and has carried out so many rollbacks, or the time is
    over."""

    def __call__(self, mini: int, timeout_s: float, block: int = 0, rollbacks: int = 0) -> Awaitable[bool]:
        """Whether it does."""


class Forwarder:
    """Asks the sequencer."""

    def __init__(
        self,
        sequencer: str,
        wait_for: WaitFor,
        proofs: bool = False,
        own_view_s: float = OWN_VIEW_S,
    ) -> None:
        """`proofs`: those are the sequencer's too. `own_view_s`: how long a receipt may wait for this node to come to
        where the sequencer was."""
        homes = {Home.SEQUENCER, Home.POOL} | ({Home.COMMITMENT} if proofs else set())
        self.forwarded = {line.name: line for line in ENGINE.values() if line.home in homes}
        """What is not (only) answered here."""
        self._client = NodeClient(sequencer)
        self._wait_for = wait_for
        self._own_view_s = own_view_s
        self._loop = asyncio.get_running_loop()
        self._engine_call: Callable[[str, bytes], bytes] | None = None

    def methods(self, engine: ChainRpc) -> dict[str, Method]:
        """What is forwarded, ready to be served; the engine answers what is not."""
        self._engine_call = engine.call
        return {name: Method(line, self._handler(line)) for name, line in self.forwarded.items()}

    def takes(self, method: str, params: bytes) -> bool:
        """Whether a request is the sequencer's, as far as its text tells."""
        line = self.forwarded.get(method)
        return line is not None and (line.home is not Home.POOL or PENDING.encode() in params)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def call_blocking(self, method: str, params: bytes) -> bytes:
        """From a worker thread: for composed methods (`eth_sendTransaction`)."""
        future = asyncio.run_coroutine_threadsafe(self.forward(method, json.loads(params)), self._loop)
        return future.result()

    async def forward(self, method: str, params: list[object]) -> bytes:
        """The sequencer's answer, rendered; its error as it is."""
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            answer = await self._client.post(request.encode())
        except NodeSilentError as silence:
            code = Code.SYNC_UNREADY if method == SYNC_METHOD else Code.SERVER_ERROR
            raise RpcFault(code, f"the sequencer cannot be reached: {silence}") from None
        result, rendered = jsonrpc.outcome(answer)
        line = ENGINE.get(method)
        if method in FOLLOWED and result is not False:
            await self._until_its_end_is_shown_here()
        elif line is not None and line.home is Home.SEQUENCER and isinstance(result, dict):
            await self._until_shown_here(result, self._own_view_s)
        return rendered.encode()

    async def _until_its_end_is_shown_here(self) -> None:
        """All that stands in the sequencer's log by now, on the chain as it is after its last rollback."""
        try:
            end = json.loads(await self.forward("mega_getLogEnd", []))
        except RpcFault:
            return  # what was asked for is done all the same
        mini, block, rollbacks = (
            int(end[name] or "-0x1", 16) for name in ("miniBlock", "block", "rollbacks")
        )
        await self._wait_for(mini, OWN_EFFECT_S, block, rollbacks)

    def _handler(self, line: Line) -> Handler:
        async def handler(params: list[object], call: Call) -> bytes:
            if line.home is not Home.POOL or PENDING in params:
                return await self.forward(line.name, params)
            assert self._engine_call is not None
            rendered = json.dumps(params).encode()
            return await self._loop.run_in_executor(None, self._engine_call, line.name, rendered)

        return handler

    async def _until_shown_here(self, receipt: dict[str, Any], timeout_s: float) -> None:
        mini = (receipt.get("mega") or {}).get("miniBlock")
        if isinstance(mini, str):
            await self._wait_for(int(mini, 16), timeout_s)


class ForwardingRpc:
    """The engine, less what the sequencer has to answer while there is a forwarder (`ChainRpc`)."""

    def __init__(self, engine: ChainRpc) -> None:
        self._engine = engine
        self._forwarder: Forwarder | None = None
        self._marks: tuple[bytes, ...] = ()
        self._submit = engine.submit
        self._submit_http = engine.submit_http
        self._submit_ws = engine.submit_ws
        self.methods = engine.methods
        self.learn_head = engine.learn_head
        self.submit_one = engine.submit_one
        self.cancel = engine.cancel
        self.completions = engine.completions
        self.wakeup_fd = engine.wakeup_fd
        self.mini_json = engine.mini_json
        self.head_json = engine.head_json
        self.logs_json = engine.logs_json
        self.state_changes_json = engine.state_changes_json
        self.pending_hashes = engine.pending_hashes
        self.published = engine.published
        self.metrics = engine.metrics
        self.pipeline = engine.pipeline

    def forward(self, forwarder: Forwarder | None) -> None:
        """By whom from now on the sequencer is asked; None: everything is the engine's."""
        self._forwarder = forwarder
        self._marks = (
            tuple(method.encode() for method in forwarder.forwarded) if forwarder is not None else ()
        )

    def submit(self, body: bytes, token: int) -> Answer | bool:
        """As the engine's; False for bodies that have to be looked at."""
        return False if self._marks and self._concerns(body) else self._submit(body, token)

    def submit_http(self, message: bytes, token: int) -> Answer | bool:
        """Likewise."""
        return False if self._marks and self._concerns(message) else self._submit_http(message, token)

    def submit_ws(self, data: bytes, token: int) -> Answer | bool:
        """Likewise; never while there is a forwarder: what is masked cannot be looked at."""
        return False if self._marks else self._submit_ws(data, token)

    def _concerns(self, data: bytes) -> bool:
        return any(mark in data for mark in self._marks)

    def call(self, method: str, params: bytes) -> bytes:
        """As the engine's; called in worker threads only."""
        forwarder = self._forwarder
        if forwarder is not None and forwarder.takes(method, params):
            return forwarder.call_blocking(method, params)
        return self._engine.call(method, params)

    def call_at_once(self, method: str, params: bytes) -> bytes | None:
        """As the engine's; None for what is the sequencer's."""
        forwarder = self._forwarder
        if forwarder is not None and forwarder.takes(method, params):
            return None
        return self._engine.call_at_once(method, params)


__all__ = ["ForwardingRpc", "Forwarder"]
