"""Bodies with methods that Python answers: split between the namespaces and the engine, put together in
order.

The engine saw the body first and gave it back because it does not know all of its methods. The requests of
a batch are worked off one after another, so that a batch sees its own effects.

Not here: any method (one module per namespace: `eth.py`, `net.py`, `web3.py` ...).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

import orjson

from devnet._engine import RpcError
from devnet.rpc import jsonrpc
from devnet.rpc.errors import Code, RpcFault, invalid_request, method_not_found
from devnet.rpc.exchange import Call
from devnet.rpc.jsonrpc import Request

log = logging.getLogger(__name__)

Handler = Callable[[list[object], Call], Awaitable[bytes]]
"""Answers one method: positional parameters in, the rendered result out; raises `RpcFault`."""

Ask = Callable[[str, bytes, bytes], Awaitable[bytes]]
"""Has the engine answer one request (method, parameters, id) with a whole response."""


class Dispatcher:
    """Answers the bodies that the engine alone cannot."""

    def __init__(
        self, handlers: Mapping[str, Handler], engine_methods: Iterable[str], ask: Ask, max_batch: int
    ) -> None:
        self._handlers = handlers
        self._engine_methods = frozenset(engine_methods)
        self._ask = ask
        self._max_batch = max_batch

    async def answer(self, body: bytes, call: Call) -> bytes:
        """Return the response to a body; empty when it holds nothing but notifications."""
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return jsonrpc.refusal(RpcFault(Code.PARSE_ERROR, f"Parse error: {error}"))
        if not isinstance(message, list):
            return await self._one(message, call)
        if not message:
            return jsonrpc.refusal(invalid_request("empty batch"))
        if len(message) > self._max_batch:
            text = f"batch too large: {len(message)} requests, at most {self._max_batch}"
            return jsonrpc.refusal(invalid_request(text))
        responses = [response for item in message if (response := await self._one(item, call))]
        return b"[%b]" % b",".join(responses) if responses else b""

    async def _one(self, item: object, call: Call) -> bytes:
        try:
            request = jsonrpc.read_request(item)
        except RpcFault as fault:
            return jsonrpc.error_message(jsonrpc.id_of(item), fault.to_json())
        if request.method in self._engine_methods:
            return await self._ask(request.method, orjson.dumps(request.params), request.reply_to or b"")
        try:
            result = await self._run(request, call)
        except Exception as error:
            rendered = _render_error(error, request.method)
            return b"" if request.reply_to is None else jsonrpc.error_message(request.reply_to, rendered)
        return b"" if request.reply_to is None else jsonrpc.result_message(request.reply_to, result)

    async def _run(self, request: Request, call: Call) -> bytes:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise method_not_found(request.method)
        return await handler(jsonrpc.positional(request), call)


def _render_error(error: Exception, method: str) -> bytes:
    if isinstance(error, RpcFault | RpcError):
        return error.to_json()
    log.error("%s failed", method, exc_info=error)
    text = f"internal error in {method}; the node's log tells more"
    return RpcFault(Code.INTERNAL_ERROR, text).to_json()
