"""Where connections of the gateway's address hand their bodies over: judged first, then answered by the node.

Everything runs on the event loop's thread. Every body is a task; how many of them a connection may have in work is its
own to bound (`flow_control.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson

from devnet.rpc import jsonrpc
from devnet.rpc.engine_bridge import Bridge, Call, Client, Notified
from devnet.rpc.engine_rpc import Answer
from devnet.rpc.errors import Code, RpcFault
from devnet.rpc.gateway import judge, measured, rules
from devnet.rpc.gateway.budgets import Budgets
from devnet.rpc.gateway.rules import BrokenRuleError, Gateway
from devnet.rpc.jsonrpc import Entry, Malformed, Request
from devnet.rpc.routes import JSON, Page
from devnet.rpc.turns import Gate
from devnet.tasks import Tasks

log = logging.getLogger(__name__)

AnswerOne = Callable[[Entry, Call], Awaitable[Answer]]
"""Has the node answer one request of a body (`Dispatcher.answer_one`)."""
Reply = tuple[Answer, int]
"""A response, and HTTP's status for it."""


class _LongWay:
    """Instead of the short one: the gateway reads everything."""

    def submit(self, data: bytes) -> bool:
        return False


class _Part:
    """A client's request apart from its others, so that it can be ended alone."""

    def __init__(self, client: Client, number: int) -> None:
        self.number = number
        self.user_agent = client.user_agent
        self.address = client.address
        self.notified = None

    def deliver(self, ticket: object, response: Answer, status: int = HTTPStatus.OK) -> None:
        """Nothing is delivered to a part: who asked waits for it."""

    def framed(self, ticket: object, response: bytes) -> bytes:
        return response


class GatewayBridge:
    """A `Bridge` that lets through what the public endpoint would."""

    def __init__(
        self,
        gateway: Gateway,
        node: Bridge,
        answer_one: AnswerOne,
        answered: Callable[[], None],
        subscriptions: Callable[[Notified], int],
    ) -> None:
        """`node`: the bridge of the node's own address. `subscriptions`: how many a connection has."""
        self._gateway = gateway
        self._node = node
        self._answer_one = answer_one
        self._answered = answered
        self._subscriptions = subscriptions
        self._budgets = Budgets()
        self._gate = Gate()
        self._tasks = Tasks(lambda error: log.error("a response was not delivered", exc_info=error))
        self.connection = node.connection
        self.cancel = node.cancel
        self.sweep = self._budgets.sweep
        self.opened = self._budgets.opened
        self.message_too_large = rules.MESSAGE_BYTES.text()

    def line(self, client: Client, ticket: object) -> _LongWay:
        """There is no short way."""
        return _LongWay()

    def learn_head(self, message: bytes, length: int) -> None:
        """Nobody asks for it."""

    def submit_ws(self, data: bytes, client: Client, ticket: object) -> bool:
        """There is no short way."""
        return False

    def submit(self, body: bytes, client: Client, ticket: object) -> None:
        """Take a body; `client.deliver` will be called with its response."""
        self._tasks.spawn(self._answer(body, client, ticket), "gateway-request")

    async def drain(self, grace_s: float) -> None:
        """Wait until everything is answered, but no longer than `grace_s`."""
        if in_work := tuple(self._tasks):
            await asyncio.wait(in_work, timeout=grace_s)
        await self._tasks.cancel()

    def body_too_large(self) -> Page:
        """What no body may be, whatever stands in it."""
        return _page(rules.TRANSACTION_BODY.broken())

    def refusal_of_websocket(self, address: str) -> Page | None:
        """Say why a client may not have another WebSocket, if so."""
        try:
            self._budgets.require_room(address)
        except BrokenRuleError as broken:
            return _page(broken)
        return None

    # --- one body -----------------------------------------------------------------------------------------

    async def _answer(self, body: bytes, client: Client, ticket: object) -> None:
        call = Call(client)
        status = int(HTTPStatus.OK)
        try:
            await self._gate.enter(len(body))
            response, status = await self._judged(body, call)
        except Exception:
            log.exception("a request to the gateway could not be answered")
            fault = RpcFault(Code.INTERNAL_ERROR, "internal error; the node's log tells more")
            response = jsonrpc.refusal(fault)
        client.deliver(ticket, response, status)
        call.written()
        self._answered()

    async def _judged(self, body: bytes, call: Call) -> Reply:
        try:
            message = jsonrpc.read(body, max_batch=len(body))
        except RpcFault as fault:
            return jsonrpc.refusal(fault), HTTPStatus.OK
        entries = message if isinstance(message, list) else [message]
        verdicts = [self._verdict(entry, call.client) for entry in entries]
        try:
            self._admit(body, message, call.client)
            admitted = (entry for entry, broken in zip(entries, verdicts, strict=True) if broken is None)
            self._budgets.charge(call.client.address, judge.charges(admitted))
        except BrokenRuleError as broken:
            reply_to = jsonrpc.NULL if isinstance(message, list) else message.reply_to
            return _refusal(reply_to or jsonrpc.NULL, broken)
        if not isinstance(message, list):
            return await self._one(message, verdicts[0], call)
        return await self._batch(entries, verdicts, call)

    def _admit(self, body: bytes, message: Entry | list[Entry], client: Client) -> None:
        """Raises `BrokenRuleError` for a body that is refused as a whole."""
        if client.notified is not None:
            self._budgets.message(client)
        judge.check_body(len(body), message)
        if isinstance(message, list):
            judge.check_batch(message)

    def _verdict(self, entry: Entry, client: Client) -> BrokenRuleError | None:
        if isinstance(entry, Malformed):
            return None
        try:
            judge.check(entry, self._gateway, is_websocket=client.notified is not None)
        except BrokenRuleError as broken:
            return broken
        return None

    async def _batch(self, entries: list[Entry], verdicts: list[BrokenRuleError | None], call: Call) -> Reply:
        responses: list[Answer] = []
        size = 0
        for entry, broken in zip(entries, verdicts, strict=True):
            response, _ = await self._one(entry, broken, call)
            if response:
                responses.append(response)
                size += len(response)
            if size > rules.MAX_RESPONSE_BYTES:
                return _refusal(jsonrpc.NULL, rules.RESPONSE.broken())
        return (b"[%b]" % b",".join(responses) if responses else b""), HTTPStatus.OK

    # --- one request --------------------------------------------------------------------------------------

    async def _one(self, entry: Entry, broken: BrokenRuleError | None, call: Call) -> Reply:
        if isinstance(entry, Malformed):
            return await self._answer_one(entry, call), HTTPStatus.OK
        try:
            if broken is not None:
                raise broken
            return await self._run(entry, call), HTTPStatus.OK
        except BrokenRuleError as fault:
            return _refusal(entry.reply_to, fault)

    async def _run(self, request: Request, call: Call) -> Answer:
        """Have the node answer. Raises `BrokenRuleError` for what shows only now."""
        if request.method == "eth_accounts":  # the endpoint has no keys
            return jsonrpc.result_message(request.reply_to, b"[]") if request.reply_to is not None else b""
        notified = call.client.notified
        if request.method == "eth_subscribe" and notified is not None:
            self._require_subscription(notified)
        forwarded, waits = judge.as_forwarded(request)
        if measured.is_timed(request):
            answer = await self._run_in_time(forwarded, call)
        else:
            answer = await self._answer_one(forwarded, call)
        await measured.require_compute(request, answer, lambda traced: self._answer_one(traced, call))
        if len(answer) > rules.MAX_RESPONSE_BYTES:
            raise rules.RESPONSE.broken()
        return _explained(request, answer, waits) if waits is not None else answer

    def _require_subscription(self, notified: Notified) -> None:
        if self._subscriptions(notified) >= rules.MAX_SUBSCRIPTIONS:
            raise rules.SUBSCRIPTION_COUNT.broken()

    async def _run_in_time(self, request: Request, call: Call) -> Answer:
        part = _Part(call.client, self._node.connection())
        work = self._answer_one(request, Call(part))
        return await measured.in_time(work, request, lambda: self._node.cancel(part))


def _explained(request: Request, answer: Answer, waits: BrokenRuleError) -> Answer:
    """The answer; if it says that the time is over, it says whose limit that was."""
    told: dict[str, Any] = orjson.loads(answer)
    error = told.get("error")
    if request.reply_to is None or not error or error["message"] != rules.WAIT.words:
        return answer
    return jsonrpc.error_message(request.reply_to, orjson.dumps({**error, "message": waits.message}))


def _refusal(reply_to: bytes | None, broken: BrokenRuleError) -> Reply:
    """A notification is not answered."""
    response = b"" if reply_to is None else jsonrpc.error_message(reply_to, broken.to_json())
    return response, broken.rule.status if response else HTTPStatus.OK


def _page(broken: BrokenRuleError) -> Page:
    return Page(broken.rule.status, JSON, jsonrpc.refusal(broken))
