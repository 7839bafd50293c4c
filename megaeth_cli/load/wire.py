"""Requests rendered to bytes before any clock starts, and responses cut out of what the socket gives.

A response is framed and no more: HTTP by Content-Length (or chunks, where a node sends those), WebSocket by the
frame's length. What stands in it is `answers.py`'s business. No sockets here.
"""

from __future__ import annotations

import base64
import os
from typing import ClassVar, NamedTuple, Protocol
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
CHUNKED = b"transfer-encoding: chunked"
_FINAL_TEXT, _FINAL_PING, _FINAL_PONG, _FINAL_CLOSE = 0x81, 0x89, 0x8A, 0x88
_MASKED = 0x80
_NO_MASK = bytes(4)


class LoadError(RuntimeError):
    """The peer did not do its part: what was measured means nothing."""


class Endpoint(NamedTuple):
    """Where a node answers."""

    host: str
    port: int
    path: str = "/"

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """An `http://` or `ws://` URL.

        >>> Endpoint.of("http://127.0.0.1:8545")
        Endpoint(host='127.0.0.1', port=8545, path='/')
        """
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "ws") or not parts.hostname:
            raise ValueError(f"load goes over plain http:// or ws://, not {url}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or 80, path)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# --- rendering ------------------------------------------------------------------------------------------------


def call(method: str, params: bytes, number: int = 1) -> bytes:
    """One JSON-RPC request; `params` is JSON."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}' % (number, method.encode(), params)


def send_raw(raw: bytes, number: int = 1, method: str = "eth_sendRawTransaction") -> bytes:
    """The request that sends a signed transaction.

    >>> send_raw(bytes([2]))
    b'{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x02"]}'
    """
    return call(method, b'["0x%b"]' % raw.hex().encode(), number)


def batch(calls: list[bytes]) -> bytes:
    """Several requests as one; a single one stays what it is."""
    return calls[0] if len(calls) == 1 else b"[%b]" % b",".join(calls)


def http_message(endpoint: Endpoint, body: bytes) -> bytes:
    """A body as a whole HTTP request."""
    return (
        b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (endpoint.path.encode(), endpoint.authority.encode(), len(body), body)
    )


def websocket_message(body: bytes) -> bytes:
    """A body as one text frame (RFC 6455 section 5.2).

    The mask is zero: it protects proxies from pages with bad intentions, and there is neither here.
    """
    return _frame(_FINAL_TEXT, body)


def websocket_handshake(endpoint: Endpoint) -> bytes:
    """The request that turns a connection into a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {endpoint.path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def _frame(first: int, body: bytes) -> bytes:
    length = len(body)
    if length < 126:
        head = bytes((first, _MASKED | length))
    elif length < 65_536:
        head = bytes((first, _MASKED | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, _MASKED | 127)) + length.to_bytes(8, "big")
    return head + _NO_MASK + body


# --- framing --------------------------------------------------------------------------------------------------


class Framing(Protocol):
    """Cuts one response after the other out of a stream of bytes."""

    owes: ClassVar[bool]
    """Whether `owed` has to be asked."""

    def take(self, data: bytes) -> bytes | None:
        """The body of the response that `data` completes, if it does."""
        ...

    def owed(self) -> bytes:
        """What must be sent besides requests."""
        ...


class HttpFraming:
    """HTTP/1.1 responses, one at a time."""

    owes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._head = b""
        self._length = 0
        """Of the newest response that came in one piece, and of all of it."""
        self._kept = b""
        self._expected = 0
        self._name = b""

    def take(self, data: bytes) -> bytes | None:
        """The body that is complete now."""
        # The same head again means the same length again: there is nothing to look for.
        if len(data) == self._length and not self._kept and data.startswith(self._head):
            return data[len(self._head) :]
        if self._kept:
            data = self._kept + data
            if len(data) < self._expected:
                self._kept = data
                return None
        end = data.find(HEAD_END)
        if end < 0:
            self._kept = data
            return None
        # Nodes write this header the same way every time: look for it as it was written the first time.
        at = data.find(self._name, 0, end) if self._name else -1
        if at < 0:
            at = self._learn(data, end)
        begin = end + 4
        if at < 0:
            return self._chunks(data, begin, end)
        start = at + len(LENGTH)
        stop = data.find(b"\r", start)
        self._expected = begin + int(data[start:stop])
        have = len(data)
        if have < self._expected:
            self._kept = data
            return None
        if have > self._expected:
            raise LoadError(f"more came than was asked for: {data[self._expected :][:100]!r}")
        self._kept = b""
        self._expected = 0
        self._head, self._length = data[:begin], have
        return data[begin:]

    def owed(self) -> bytes:
        """HTTP answers only."""
        return b""

    def _learn(self, data: bytes, end: int) -> int:
        at = data[:end].lower().find(LENGTH)
        self._name = data[at : at + len(LENGTH)] if at >= 0 else b""
        return at

    def _chunks(self, data: bytes, begin: int, end: int) -> bytes | None:
        if CHUNKED not in data[:end].lower():
            raise LoadError(f"a response without Content-Length: {data[:200]!r}")
        pieces: list[bytes] = []
        at = begin
        while (line := data.find(b"\r\n", at)) >= 0:
            size = int(data[at:line].split(b";")[0], 16)
            at = line + 2
            if len(data) < at + size + 2:
                break
            if size == 0:
                self._kept = b""
                return b"".join(pieces)
            pieces.append(data[at : at + size])
            at += size + 2
        self._kept = data
        self._expected = 0
        return None


class WebSocketFraming:
    """Unfragmented frames of a server, after its handshake."""

    owes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._kept = b""
        self._open = False
        self._owed = b""

    def take(self, data: bytes) -> bytes | None:
        """The message that is complete now; pings are answered through `owed`."""
        data = self._kept + data
        if not self._open:
            end = data.find(HEAD_END)
            if end < 0:
                self._kept = data
                return None
            if not data.startswith(b"HTTP/1.1 101"):
                raise LoadError(f"no WebSocket here: {data[:200]!r}")
            self._open = True
            self._kept = data[end + 4 :]
            return b""
        message = None
        while message is None and len(data) >= 2:
            length, begin = data[1], 2
            if length == 126:
                length, begin = int.from_bytes(data[2:4], "big"), 4
            elif length == 127:
                length, begin = int.from_bytes(data[2:10], "big"), 10
            if len(data) < begin + length:
                break
            body, first = data[begin : begin + length], data[0]
            data = data[begin + length :]
            if first == _FINAL_TEXT:
                message = body
            elif first == _FINAL_PING:
                self._owed += _frame(_FINAL_PONG, body)
            elif first == _FINAL_CLOSE:
                raise LoadError(f"the peer closed the WebSocket: {body[2:].decode(errors='replace')}")
            elif first != _FINAL_PONG:
                raise LoadError(f"an unexpected WebSocket frame: {first:#x}")
        self._kept = data
        return message

    def owed(self) -> bytes:
        """Pongs."""
        owed, self._owed = self._owed, b""
        return owed
