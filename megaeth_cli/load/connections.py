"""Connections that carry load: each has requests of its own and one of them in flight.

Without a schedule it sends the next request when the last one is answered; with one it sends at the times that are
given, and when an answer is late, the next request is counted from when it was due, not from when it could be sent.
`loop.py` moves the bytes; nothing here waits.
"""

from __future__ import annotations

import random
import socket
from array import array
from collections.abc import Iterator

from megaeth_cli.load.wire import (
    Endpoint,
    Framing,
    HttpFraming,
    LoadError,
    WebSocketFraming,
    http_message,
    websocket_handshake,
    websocket_message,
)

CONNECT_TIMEOUT_S = 10.0
ERROR = b'"error"'
MAX_KEPT = 10_000
"""Bodies with errors that a connection keeps for the count by kind."""


class Transport:
    """A socket to a node, HTTP or WebSocket."""

    def __init__(self, endpoint: Endpoint, *, websocket: bool = False) -> None:
        try:
            self.socket = socket.create_connection((endpoint.host, endpoint.port), CONNECT_TIMEOUT_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.framing: Framing = WebSocketFraming() if websocket else HttpFraming()
            if websocket:
                self.socket.sendall(websocket_handshake(endpoint))
                while self.framing.take(self._read()) is None:
                    pass
        except OSError as error:
            raise LoadError(f"{endpoint.authority}: {error}") from None
        self.socket.setblocking(False)
        self._endpoint = endpoint
        self._websocket = websocket

    def message(self, body: bytes) -> bytes:
        """A body as it goes over this connection."""
        return websocket_message(body) if self._websocket else http_message(self._endpoint, body)

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def _read(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise LoadError("the peer hung up during the handshake")
        return data


class Connection:
    """One connection's requests, and when they were sent and answered.

    `requests` are whole messages; an empty one means that there is none yet. `due` gives the moments to send at, in
    seconds after the start.
    """

    def __init__(
        self,
        transport: Transport,
        requests: Iterator[bytes],
        weight: int = 1,
        due: Iterator[float] | None = None,
    ) -> None:
        self.transport = transport
        self.weight = weight
        """Calls in each request."""
        self.due = due
        self.began = array("d")
        """When each request was sent; of a late one, when it was due."""
        self.ended = array("d")
        """When each was answered."""
        self.errors: list[bytes] = []
        self.refused = 0
        """Calls that were answered with an error."""
        self.sent = b""
        """The newest request."""
        self._requests = requests

    def next(self, now: float) -> bytes | None:
        """The next request; empty when it is not there yet, None when there are no more."""
        message = next(self._requests, None)
        if message:
            self.sent = message
        return message

    def answered(self, body: bytes, now: float) -> None:
        """Takes an answer."""
        self.ended.append(now)
        if ERROR in body:
            self.refused += body.count(ERROR)
            if len(self.errors) < MAX_KEPT:
                self.errors.append(body)

    def waits(self) -> Iterator[float]:
        """Seconds from sending to the answer, of all that was answered."""
        return (ended - began for began, ended in zip(self.began, self.ended, strict=False))


def evenly(per_second: float, offset: float = 0.0) -> Iterator[float]:
    """Moments at an even rate."""
    number = 0
    while True:
        yield offset + number / per_second
        number += 1


def after_pauses(mean_s: float, offset: float = 0.0, seed: int = 0) -> Iterator[float]:
    """Moments that know nothing of anybody's clock."""
    chance, at = random.Random(seed), offset
    while True:
        at += chance.uniform(0, 2 * mean_s)
        yield at
