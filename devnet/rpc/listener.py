"""Where clients knock: takes connections, a few a round of the event loop, and turns away who comes when it is full.

Who is turned away is told so (503) and its socket closed in the same moment, so that it never holds a descriptor that
the node needs for something else. The event loop's own servers take all who knock before anybody can refuse them.

Not here: how many are let in (`descriptors.py`), and what they say (`http.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

from devnet.rpc import http_response
from devnet.rpc.http import HttpConnection

log = logging.getLogger(__name__)

BACKLOG: Final = 1_024
LOOPBACK: Final = "127.0.0.1"
IPV6_LOOPBACK: Final = "::1"
"""Clients that ask for `localhost` may try this first, and some of them nothing else."""
PER_ROUND: Final = 16
"""Connections taken in one round of the loop."""
PAUSE_S: Final = 0.1
"""Before knocking is listened to again when the system has no descriptor or no memory for a socket."""
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


async def bind(host: str, port: int) -> list[socket.socket]:
    """Take a port on all addresses of a host; 0 takes a free one, the same on all. Raises `OSError`.

    Clients that connect from now on wait until a `Listener` serves them: a node that is still reading its chain turns
    nobody away.
    """
    found = await _bind_all(host, port)
    if host == LOOPBACK:
        with contextlib.suppress(OSError):  # no IPv6 here, or somebody else's port: a convenience only
            found += await _bind_all(IPV6_LOOPBACK, found[0].getsockname()[1])
    return found


async def _bind_all(host: str, port: int) -> list[socket.socket]:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as undo:
        found: list[socket.socket] = []
        for family, name in dict.fromkeys((family, address[0]) for family, _, _, _, address in addresses):
            listening = undo.enter_context(
                socket.create_server((str(name), port), family=family, backlog=BACKLOG)
            )
            listening.setblocking(False)
            found.append(listening)
            port = listening.getsockname()[1]
        undo.pop_all()
    return found


class Listener:
    """The listening sockets of one server."""

    def __init__(self, connection: Callable[[], HttpConnection], count: Callable[[], int], most: int) -> None:
        """`connection`: makes one for a socket; `count`: how many are open; `most`: how many may be."""
        self._connection = connection
        self._count = count
        self.most = most
        self._arriving: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._refused = 0
        self._full = http_response.refusal_of_connection(most)

    @property
    def port(self) -> int:
        """The port. Only while listening."""
        if not self._sockets:
            raise RuntimeError("the server is not listening")
        port: int = self._sockets[0].getsockname()[1]
        return port

    def serve(self, sockets: list[socket.socket]) -> None:
        """Take who comes to these, and who waits there already."""
        self._sockets = sockets
        for listening in sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Listen no more."""
        while self._sockets:
            listening = self._sockets.pop()
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()

    def take_refused(self) -> int:
        """How many have been turned away since the last time."""
        refused, self._refused = self._refused, 0
        return refused

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(PER_ROUND):
            try:
                accepted, _address = listening.accept()
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._pause(listening, error)
                return  # nobody is there any more
            accepted.setblocking(False)
            if self._count() + len(self._arriving) >= self.most:
                self._turn_away(accepted)
            else:
                task = asyncio.ensure_future(self._welcome(accepted))
                self._arriving.add(task)
                task.add_done_callback(self._arriving.discard)

    async def _welcome(self, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._connection, accepted)
        except OSError:  # gone already
            accepted.close()

    def _turn_away(self, accepted: socket.socket) -> None:
        self._refused += 1
        with accepted, contextlib.suppress(OSError):
            accepted.send(self._full)
            accepted.shutdown(socket.SHUT_WR)
            accepted.recv(65_536)  # what is unread when a socket is closed destroys the answer on its way

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        log.error("no connection can be taken: %s", error.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(PAUSE_S, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)
