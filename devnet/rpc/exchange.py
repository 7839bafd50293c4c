"""Between the connections and the engine: hands bodies over, remembers who waits, brings responses back.

    connection --submit(body)--> engine          bytes: answered at once
                                   |             True:  taken; a response comes by `completions`
                                   |             False: some method is Python's -> `route`, a task
    connection <--deliver(ticket)--+

Everything runs on the event loop's thread. The engine's bell, a file descriptor among the loop's sockets, tells
that responses are ready; one ring fetches all there are.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from devnet.rpc.door import EngineDoor

log = logging.getLogger(__name__)


class Notified(Protocol):
    """A client that can be sent messages it did not ask for: a WebSocket."""

    def notify(self, *pieces: bytes) -> None:
        """Send one message, given in pieces."""

    def on_close(self, action: Callable[[], None]) -> None:
        """Run `action` once nothing can be sent any more."""


class Client(Protocol):
    """A connection, as far as responses are concerned."""

    @property
    def notified(self) -> Notified | None:
        """The way to push notifications to it; None where the transport has none."""

    def deliver(self, ticket: object, response: bytes) -> None:
        """Accept the response that `ticket` stands for; it may be kept until `flush`."""

    def flush(self) -> None:
        """Write what was delivered."""


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


Route = Callable[[bytes, Call], Awaitable[bytes]]


class _Asker:
    """A client within the process: resolves a future with the response."""

    notified = None

    def deliver(self, ticket: object, response: bytes) -> None:
        if isinstance(ticket, asyncio.Future) and not ticket.done():
            ticket.set_result(response)

    def flush(self) -> None:
        return


class Exchange:
    """Matches responses with those who wait for them."""

    def __init__(self, engine: EngineDoor, route: Route, answered: Callable[[], None]) -> None:
        self._engine = engine
        self._submit = engine.submit
        self._route = route
        self._answered = answered
        self._next_token = itertools.count(1).__next__
        self._waiting: dict[int, tuple[Client, object]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asker = _Asker()
        self._bell: int | None = None

    @property
    def in_work(self) -> int:
        """How many bodies have no response yet."""
        return len(self._waiting) + len(self._tasks)

    def start(self) -> None:
        """Begin to bring responses back to the running loop."""
        self._bell = self._engine.bell()
        if self._bell is not None:
            asyncio.get_running_loop().add_reader(self._bell, self._collect)

    def stop(self) -> None:
        """Bring nothing back any more."""
        if self._bell is not None:
            asyncio.get_running_loop().remove_reader(self._bell)
            self._bell = None

    def submit(self, body: bytes, client: Client, ticket: object) -> bytes | None:
        """Hand a body over. Return its response, or None when `client.deliver` will be called with it."""
        token = self._next_token()
        answer = self._submit(body, token)
        if isinstance(answer, bytes):
            return answer
        if answer:
            self._waiting[token] = (client, ticket)
        else:
            task = asyncio.ensure_future(self._answer(body, client, ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def ask(self, method: str, params: bytes, reply_to: bytes) -> bytes:
        """Have the engine answer one request of a body that it did not take as a whole."""
        token = self._next_token()
        answer = self._engine.submit_one(method, params, reply_to, token)
        if isinstance(answer, bytes):
            return answer
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[token] = (self._asker, future)
        return await future

    async def drain(self, grace_s: float) -> None:
        """Wait until everything is answered, but no longer than `grace_s`."""
        deadline = asyncio.get_running_loop().time() + grace_s
        while self.in_work and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        for task in list(self._tasks):
            task.cancel()

    async def _answer(self, body: bytes, client: Client, ticket: object) -> None:
        call = Call(client)
        response = await self._route(body, call)
        client.deliver(ticket, response)
        client.flush()
        call.written()
        self._answered()

    def _collect(self) -> None:
        """Deliver what the engine has finished, and write once per connection."""
        waiting, touched = self._waiting, set()
        for token, response in self._engine.completions():
            try:
                client, ticket = waiting.pop(token)
            except KeyError:
                log.error("the engine answered token %d, which nobody waits for", token)  # noqa: TRY400 no exception
                continue
            client.deliver(ticket, response)
            touched.add(client)
        for client in touched:
            client.flush()
        self._answered()
