"""Bodies with methods that Python answers: split between the namespaces and the engine, put together in
order.

The engine saw the body first and gave it back because it does not know all of its methods. The requests of
a batch are worked off one after another, so that a batch sees its own effects.

Not here: any method (one module per namespace: `eth.py`, `net.py`, `web3.py` ...).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from devnet._engine import RpcError
from devnet.rpc import jsonrpc
from devnet.rpc.engine_bridge import Call, Client
from devnet.rpc.engine_rpc import Answer
from devnet.rpc.errors import Code, RpcFault, limit_exceeded, method_not_found, overdue
from devnet.rpc.jsonrpc import Malformed, Request
from devnet.rpc.leader import Leader, refuse_if_forwarded
from devnet.rpc.methods import Home, Method
from devnet.rpc.settings import ServerSettings
from devnet.rpc.turns import Turn

log = logging.getLogger(__name__)

Ask = Callable[[str, bytes, bytes, Client], Awaitable[Answer]]
"""Has the engine answer one request (method, parameters, id) of a client with a whole response."""


class Dispatcher:
    """Answers the bodies that the engine alone cannot."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        engine_methods: Iterable[str],
        ask: Ask,
        settings: ServerSettings,
        leader: Leader,
    ) -> None:
        self._methods = methods
        """Looked at before the engine's own, and as they are at the time."""
        self._engine_methods = frozenset(engine_methods)
        self._ask = ask
        self._settings = settings
        self._leader = leader

    async def answer(self, body: bytes, call: Call) -> Answer:
        """Return the response to a body; empty when it holds nothing but notifications."""
        try:
            message = jsonrpc.read(body, self._settings.max_batch)
        except RpcFault as fault:
            return jsonrpc.refusal(fault)
        deadline = asyncio.get_running_loop().time() + self._settings.answer_timeout_s
        if not isinstance(message, list):
            return await self._one(message, call, deadline)
        responses: list[Answer] = []
        size = 0
        turn = Turn()
        for entry in message:
            if turn.is_over():
                await asyncio.sleep(0)
                turn = Turn()
            fits = size <= self._settings.max_answer_bytes
            response = await self._one(entry, call, deadline) if fits else self._too_large(entry)
            if response:
                responses.append(response)
                size += len(response)
        return b"[%b]" % b",".join(responses) if responses else b""

    async def answer_one(self, entry: Request | Malformed, call: Call) -> Answer:
        """Return the response to one request of a body that has been read; empty for a notification."""
        deadline = asyncio.get_running_loop().time() + self._settings.answer_timeout_s
        return await self._one(entry, call, deadline)

    def _too_large(self, entry: Request | Malformed) -> bytes:
        """Answer a request of a batch whose answer is larger than allowed already; it is not run."""
        if entry.reply_to is None:
            return b""
        most = f"{self._settings.max_answer_bytes} bytes (--max-answer-bytes)"
        text = f"the answer would be larger than {most}: ask for less at a time"
        return jsonrpc.error_message(entry.reply_to, limit_exceeded(text).to_json())

    async def _one(self, entry: Request | Malformed, call: Call, deadline: float) -> Answer:
        if isinstance(entry, Malformed):
            return jsonrpc.error_message(entry.reply_to, entry.fault.to_json())
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                if entry.method in self._engine_methods and entry.method not in self._methods:
                    params = entry.raw_params.encode()
                    return await self._ask(entry.method, params, entry.reply_to or b"", call.client)
                result = await self._run(entry, call)
        except Exception as error:
            rendered = self._overdue(entry.method) if limit.expired() else _render_error(error, entry.method)
            return b"" if entry.reply_to is None else jsonrpc.error_message(entry.reply_to, rendered)
        return b"" if entry.reply_to is None else jsonrpc.result_message(entry.reply_to, result)

    async def _run(self, request: Request, call: Call) -> bytes:
        method = self._methods.get(request.method)
        if method is None:
            raise method_not_found(request.method)
        given = jsonrpc.positional(request)
        if method.line.home is Home.SEQUENCER and self._leader.forward is not None:
            method.line.check(given)
            refuse_if_forwarded(call)
            return await self._leader.forward(request.method, given)
        return await method.answer(given, call)

    def _overdue(self, method: str) -> bytes:
        limit_s = self._settings.answer_timeout_s
        log.error("%s was not answered within %g s", method, limit_s)
        return overdue(method, limit_s).to_json()


def _render_error(error: Exception, method: str) -> bytes:
    if isinstance(error, RpcFault | RpcError):
        return error.to_json()
    log.error("%s failed", method, exc_info=error)
    text = f"internal error in {method}; the node's log tells more"
    return RpcFault(Code.INTERNAL_ERROR, text).to_json()
