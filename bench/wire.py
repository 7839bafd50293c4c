"""The load generator's sockets: HTTP/1.1 keep-alive connections that do as little as possible.

Requests are rendered to bytes before the clock starts; a response is only framed (Content-Length), kept, and later
searched for errors, so that the generator takes a small part of the machine it measures.
"""

from __future__ import annotations

import asyncio
from typing import cast

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class LoadError(RuntimeError):
    """The peer did not do its part; the measurement is void."""


def post(host: str, port: int, body: bytes) -> bytes:
    """A whole request."""
    return (
        b"POST / HTTP/1.1\r\nHost: %b:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (
            host.encode(),
            port,
            len(body),
            body,
        )
    )


def send_raw(raw: bytes, request_id: int, method: str = "eth_sendRawTransaction") -> bytes:
    """The JSON of one request that sends a signed transaction."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":["0x%b"]}' % (
        request_id,
        method.encode(),
        raw.hex().encode(),
    )


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._expected = -1

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Connects."""
        _, protocol = await asyncio.get_running_loop().create_connection(cls, host, port)
        return protocol

    def request(self, data: bytes) -> asyncio.Future[bytes]:
        """Sends a whole request; the future holds the response's body."""
        if self._transport is None or self._waiter is not None:
            raise LoadError("the connection is closed or busy")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._waiter

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(f"the peer hung up ({exc})"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._received += data
        if self._expected < 0:
            end = self._received.find(HEAD_END)
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            start = head.find(LENGTH)
            if start < 0:
                self._fail(f"a response without Content-Length: {head[:200]!r}")
                return
            self._expected = end + len(HEAD_END) + int(head[start + len(LENGTH) :].split(b"\r", 1)[0])
            self._body_at = end + len(HEAD_END)
        if len(self._received) >= self._expected and self._waiter is not None:
            body = bytes(self._received[self._body_at : self._expected])
            self._received.clear()
            self._expected = -1
            waiter, self._waiter = self._waiter, None
            waiter.set_result(body)

    def _fail(self, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(why))


def check(body: bytes) -> None:
    """Voids the measurement when a response holds an error."""
    at = body.find(b'"error"')
    if at >= 0:
        raise LoadError(f"the peer refused: {body[at : at + 300].decode(errors='replace')}")
