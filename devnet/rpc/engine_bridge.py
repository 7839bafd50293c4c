"""Between the connections and the engine: hands bodies over, remembers who waits, brings responses back.

    connection --submit(body)--> engine          bytes: answered at once
                                   |             True:  taken; a response comes by `completions`
                                   |             False: some method is Python's -> `route`, a task
    connection <--deliver(ticket)--+

    connection --Line.submit, submit_ws(what arrived)--> engine   the same, framed; False: read it and `submit`

Whatever is handed over is answered: with an error, if a handler fails or the engine takes too long (`sweep`).

Everything runs on the event loop's thread. A file descriptor of the engine's, among the loop's sockets, tells that
responses are ready; then all there are are fetched.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, Protocol

import orjson

from devnet.rpc import jsonrpc
from devnet.rpc.engine_rpc import Answer, EngineRpc
from devnet.rpc.errors import Code, RpcFault, method_not_found, overdue
from devnet.rpc.turns import Gate

log = logging.getLogger(__name__)


class Notified(Protocol):
    """A client that can be sent messages it did not ask for: a WebSocket."""

    def notify(self, *pieces: bytes) -> None:
        """Send one message, given in pieces."""

    def close(self, code: int, reason: str) -> None:
        """Part from it, with a close code of WebSocket's."""

    def on_close(self, action: Callable[[], None]) -> None:
        """Run `action` once nothing can be sent any more."""


CONNECTIONS: Final = 1 << 24
"""Tokens count up in steps of this: between lies the number of the connection that a request came from."""


class Client(Protocol):
    """A connection, as far as responses are concerned."""

    @property
    def number(self) -> int:
        """Its own, as long as it lives; 0 for who is no connection."""

    @property
    def user_agent(self) -> bytes:
        """What the program at the other end says it is; empty where that is not known."""

    @property
    def address(self) -> str:
        """Where it is; empty where that is not known."""

    @property
    def notified(self) -> Notified | None:
        """The way to push notifications to it; None where the transport has none."""

    def deliver(self, ticket: object, response: Answer, status: int = HTTPStatus.OK) -> None:
        """Send the response that `ticket` stands for, when its turn has come. `status`: HTTP's, where it is spoken."""

    def framed(self, ticket: object, response: bytes) -> bytes:
        """A response as the engine would have handed it over for this ticket: with a head, if it writes those."""


class Call:
    """One body in work: whose it is, and what happens once its response is written."""

    __slots__ = ("_afterwards", "client")

    def __init__(self, client: Client) -> None:
        self.client = client
        self._afterwards: list[Callable[[], None]] = []

    def afterwards(self, action: Callable[[], None]) -> None:
        """Run `action` when the response has gone out: a subscription's id precedes its notifications."""
        self._afterwards.append(action)

    def written(self) -> None:
        """Run what was to come after the response."""
        for action in self._afterwards:
            action()


Route = Callable[[bytes, Call], Awaitable[Answer]]

Waiting = dict[int, tuple[Client, object]]
"""Who waits for what the engine has taken, by token."""


class ShortWay(Protocol):
    """From what arrived to its answer, without being read here."""

    def submit(self, data: bytes) -> Answer | bool:
        """Hand over what arrived. The whole answer; True: it will be delivered; False: it is for others to read."""


class Bridge(Protocol):
    """Where connections hand bodies over."""

    def connection(self) -> int:
        """Make a number for a new connection."""

    def cancel(self, client: Client) -> None:
        """End the calls of a client that is gone. They are answered nevertheless."""

    def line(self, client: Client, ticket: object) -> ShortWay:
        """Make a short way for a client that has one request at a time in work."""

    def learn_head(self, message: bytes, length: int) -> None:
        """Let requests with the head of this one take the short way; `length` is that of its body."""

    def submit(self, body: bytes, client: Client, ticket: object) -> Answer | None:
        """Hand a body over. Return its response, or None when `client.deliver` will be called with it."""

    def submit_ws(self, data: bytes, client: Client, ticket: object) -> Answer | bool:
        """Hand over what arrived on a WebSocket. The framed answer; True: it will be delivered; False: read it."""


class Line:
    """The short way of one connection: what arrived goes to the engine as it is, and the answer to the socket."""

    __slots__ = ("_entry", "_next_token", "_submit", "_waiting")

    def __init__(
        self,
        engine: EngineRpc,
        waiting: Waiting,
        next_token: Callable[[], int],
        entry: tuple[Client, object],
    ) -> None:
        self._submit = engine.submit_http
        self._waiting = waiting
        self._next_token = next_token
        self._entry = entry

    def submit(self, data: bytes) -> Answer | bool:
        """Hand over what arrived. The whole answer; True: it will be delivered; False: it is for others to read."""
        token = self._next_token()
        answer = self._submit(data, token)
        if answer is True:
            self._waiting[token] = self._entry
        return answer


class _Asker:
    """A client within the process: resolves a future with the response."""

    notified = None
    user_agent = b""
    address = ""
    number = 0

    def deliver(self, ticket: object, response: Answer, status: int = HTTPStatus.OK) -> None:
        if isinstance(ticket, asyncio.Future) and not ticket.done():
            ticket.set_result(response)

    def framed(self, ticket: object, response: bytes) -> bytes:
        return response


class EngineBridge:
    """Matches responses with those who wait for them."""

    def __init__(
        self, engine: EngineRpc, route: Route, answered: Callable[[], None], answer_timeout_s: float
    ) -> None:
        self._engine = engine
        self._submit = engine.submit
        self._submit_ws = engine.submit_ws
        self._route = route
        self._answered = answered
        self._next_token = itertools.count(CONNECTIONS, CONNECTIONS).__next__
        self._next_connection = itertools.count(1).__next__
        self._waiting: Waiting = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = Gate()
        self._asker = _Asker()
        self._answer_timeout_s = answer_timeout_s
        self._marks: deque[tuple[float, int]] = deque()
        """At each sweep: when it was, and the first token that nobody had yet."""
        self._overdue: set[int] = set()
        """Tokens of what was given up, whose answers may come all the same."""
        self._wakeup_fd: int | None = None

    @property
    def in_work(self) -> int:
        """How many bodies have no response yet."""
        return len(self._waiting) + len(self._tasks)

    def start(self) -> None:
        """Begin to bring responses back to the running loop."""
        self._wakeup_fd = self._engine.wakeup_fd()
        if self._wakeup_fd is not None:
            asyncio.get_running_loop().add_reader(self._wakeup_fd, self._collect)

    def stop(self) -> None:
        """Bring nothing back any more."""
        if self._wakeup_fd is not None:
            asyncio.get_running_loop().remove_reader(self._wakeup_fd)
            self._wakeup_fd = None

    def connection(self) -> int:
        """Make a number for a new connection."""
        return self._next_connection() % CONNECTIONS or self.connection()

    def cancel(self, client: Client) -> None:
        """End the calls of a client that is gone. They are answered nevertheless."""
        self._engine.cancel(client.number)

    def line(self, client: Client, ticket: object) -> Line:
        """Make a short way to the engine for a client that has one request at a time in work."""

        def next_token() -> int:
            return self._next_token() | client.number

        return Line(self._engine, self._waiting, next_token, (client, ticket))

    def learn_head(self, message: bytes, length: int) -> None:
        """Let requests with the head of this one take the short way; `length` is that of its body."""
        self._engine.learn_head(message, length)

    def submit(self, body: bytes, client: Client, ticket: object) -> Answer | None:
        """Hand a body over. Return its response, or None when `client.deliver` will be called with it."""
        token = self._next_token() | client.number
        answer = self._submit(body, token)
        if not isinstance(answer, bool):
            return answer
        if answer:
            self._waiting[token] = (client, ticket)
        else:
            task = asyncio.ensure_future(self._answer(body, client, ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    def submit_ws(self, data: bytes, client: Client, ticket: object) -> Answer | bool:
        """Hand over what arrived on a WebSocket. The framed answer; True: it will be delivered; False: read it."""
        token = self._next_token() | client.number
        answer = self._submit_ws(data, token)
        if answer is True:
            self._waiting[token] = (client, ticket)
        return answer

    async def ask(self, method: str, params: bytes, reply_to: bytes, client: Client) -> Answer:
        """Have the engine answer one request of a body of the client's that it did not take as a whole."""
        token = self._next_token() | client.number
        answer = self._engine.submit_one(method, params, reply_to, token)
        if not isinstance(answer, bool):
            return answer
        if not answer:  # it was the engine's when this server was made, and is not now
            raise method_not_found(method)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[token] = (self._asker, future)
        return await future

    async def call(self, method: str, *params: object) -> object:
        """Have the engine answer a method for one that is composed here, without a thread that waits; the result.
        Raises `PassedOn` with the engine's error."""
        result, _ = jsonrpc.outcome(bytes(await self.ask(method, orjson.dumps(params), b"0", self._asker)))
        return result

    def sweep(self, now: float) -> None:
        """Answer for the engine what it has had for too long. Called about once a second."""
        marks = self._marks
        marks.append((now, self._next_token()))
        first_in_time = 0
        while now - marks[0][0] > self._answer_timeout_s:
            _, first_in_time = marks.popleft()
        for token in list(itertools.takewhile(lambda token: token < first_in_time, self._waiting)):
            client, ticket = self._waiting.pop(token)
            self._overdue.add(token)
            log.error("the engine has not answered a request within %g s", self._answer_timeout_s)
            fault = jsonrpc.refusal(overdue("the request", self._answer_timeout_s))
            client.deliver(ticket, client.framed(ticket, fault))

    async def drain(self, grace_s: float) -> None:
        """Wait until everything is answered, but no longer than `grace_s`."""
        deadline = asyncio.get_running_loop().time() + grace_s
        while self.in_work and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        for task in list(self._tasks):
            task.cancel()

    async def _answer(self, body: bytes, client: Client, ticket: object) -> None:
        call = Call(client)
        try:
            await self._gate.enter(len(body))
            response = await self._route(body, call)
        except Exception:
            log.exception("a request could not be answered")
            response = jsonrpc.refusal(
                RpcFault(Code.INTERNAL_ERROR, "internal error; the node's log tells more")
            )
        client.deliver(ticket, response)
        call.written()
        self._answered()

    def _collect(self) -> None:
        """Deliver what the engine has finished. The loop writes once per connection when it has come round."""
        take = self._waiting.pop
        for token, response in self._engine.completions():
            try:
                client, ticket = take(token)
            except KeyError:
                if token in self._overdue:
                    self._overdue.discard(token)
                    continue
                log.error("the engine answered token %d, which nobody waits for", token)  # noqa: TRY400 no exception
                continue
            client.deliver(ticket, response)
        self._answered()
