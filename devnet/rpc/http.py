"""HTTP/1.1 on a socket: requests in, responses out in the order of the requests.

The way of a request through this file: `data_received` -> `_work` -> (httptools' callbacks) -> `on_message_complete`
-> `_post` -> `EngineBridge.submit` -> `_render`, or later `deliver`. A response that is ready when its request has been
read is written in the same turn of the loop, together with those of requests pipelined with it.

The short way, of nearly all requests: when nothing is half read and nothing in work, what arrives goes from
`data_received` to the engine as it is (`engine_bridge.Line`). If it is one whole request with a head that has been seen
before, its answer comes from there with the response's head, now or later, and is written as it is.

Errors that leave the stream readable answer that request only. Those that do not (a broken request line, a
body beyond the limit) answer, say `Connection: close`, and let the client finish its sentence for a moment:
closing a socket with unread data would destroy the answer on its way.

Not here: JSON-RPC (`dispatch.py`, the engine), WebSocket (`ws.py`), who may speak (`access.py`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Final, Literal

import httptools

from devnet.rpc import http_response
from devnet.rpc.context import ServerContext
from devnet.rpc.engine_rpc import Answer
from devnet.rpc.flow_control import FlowControlledConnection
from devnet.rpc.http_response import rpc_page, text_page
from devnet.rpc.routes import JSON, Page
from devnet.rpc.turns import Turn
from devnet.rpc.ws import WebSocketConnection

LINGER_S: Final = 2.0
SLICE: Final = 1_024
"""So many bytes the parser is given at a time, unless a body is due: it cannot be stopped within what it was given, and
these may be requests of their own."""
SHORT_SLICE: Final = 64
"""For a client whose requests are so much work that a slice of them is more than a turn."""
CHUNK_BYTES: Final = 8
"""What each byte of a chunked body may take for the head of its chunk. Beyond that, and the limit of a head, there are
only trailers and chunk extensions, which nobody reads."""
EOF_GRACE_S: Final = 1.0
"""For calls of a client that sends no more: nobody can tell whether it still reads. Transactions are answered later,
too."""
LARGE_BODY: Final = 64 * 1024
"""From here on a second buffer costs less than a copy."""
UPGRADE_HEADERS: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})
PARTICULAR_HEADERS: Final = frozenset({b"origin", b"expect", b"upgrade", b"transfer-encoding"})
"""A request with one of these is always read by the parser."""
RPC_PATHS: Final = frozenset({b"/", b"/rpc", b"/ws"})
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Slot:
    """A response's place in the order of its connection. `head` only if it is not that of a result."""

    __slots__ = ("head", "keep_alive", "origin", "response")

    def __init__(self, origin: bytes | None, keep_alive: bool) -> None:
        self.head: bytes | None = None
        self.response: Answer | None = None
        self.origin = origin
        self.keep_alive = keep_alive


class HttpConnection(FlowControlledConnection):
    """One client's socket until it closes or becomes a WebSocket."""

    notified = None
    user_agent = b""

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._submit = context.bridge.submit
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._short = _Slot(None, keep_alive=True)
        """Of the request that came the short way, while it waits. Its response has a head already."""
        self._line = context.bridge.line(self, self._short)
        self._lone: bytes | None = None
        """What the parser reads, if a request begins and perhaps ends with it."""
        self._out: list[Answer] = []
        self._deaf = False
        """Whatever arrives is not looked at any more; the last response closes the socket."""
        self._lingers = False
        self._message_since: float | None = None
        self._used_at = context.now
        self._slice = SLICE
        self._framing_size = 0
        """Bytes of the message that are not its body."""
        self._forget_message()

    def _forget_message(self) -> None:
        self._in_head = False
        self._in_message = False
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = b""
        self._body_size = 0
        self._body_due = 0
        """How much of a body of declared length is still to come."""
        self._refusal: Page | None = None
        self._upgrade: Literal["", "websocket", "declined", "complete"] = ""

    # --- the socket ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        super().connection_made(transport)
        self._context.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the socket. Responses still to come find nobody."""
        self._context.connections.discard(self)
        if self._slots:
            self._context.bridge.cancel(self)
        self._transport = None
        self._deaf = True
        self._slots.clear()
        self._out.clear()
        self._left = b""

    def data_received(self, data: bytes) -> None:
        """Read what arrived and write what it made ready."""
        if self._deaf or (self._is_free() and self._took_short_way(data)):
            return
        self._arrived(data)

    def _is_free(self) -> bool:
        return not self._slots and not self._in_message and not self._left

    def _took_short_way(self, data: bytes) -> bool:
        answer = self._line.submit(data)
        if answer is False or self._transport is None:
            return False
        self._used_at = self._context.now
        if answer is True:
            self._slots.append(self._short)
        else:
            self._transport.write(answer)
        return True

    @property
    def _in_work(self) -> int:
        return len(self._slots)

    def _work(self, data: bytes, turn: Turn) -> bytes:
        self._lone = None if self._in_message else data
        at = 0
        while at < len(data) and not self._deaf:
            if at and self._is_busy():
                break
            if at and turn.is_over():
                self._slice = SHORT_SLICE if at <= SLICE else SLICE
                break
            end = at + max(self._slice, self._body_due)
            rest = self._feed(data[at:end])
            at = end
            if rest:
                data, at = rest + data[end:], 0
            if self._upgrade == "complete":
                self._become_websocket(data[at:])
                return b""
            self._write_out()
        self._lone = None
        self._note_time()
        self._write_out()
        return b"" if self._deaf else data[at:]

    def _feed(self, data: bytes) -> bytes:
        """Parse; return what is still to be parsed, which is seldom anything."""
        if not self._in_message:
            self._framing_size = 0
        self._framing_size += len(data)
        rest = b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._upgrade == "websocket":
                self._upgrade = "complete"
            elif self._upgrade == "declined":
                rest = self._without_upgrade() + rest
        except httptools.HttpParserError:
            self._refuse(text_page(400, "this is not HTTP/1.1"))
        limit = self._settings.max_head_bytes
        if self._in_message and self._framing_size > limit + CHUNK_BYTES * self._body_size:
            what = "head exceeds" if self._in_head else "trailers and chunk extensions exceed"
            self._refuse(text_page(431, f"the request's {what} {limit} bytes"))
        return rest

    def _without_upgrade(self) -> bytes:
        """Write the request's head anew, for a parser that then reads the body.

        Java's client and `curl --http2` offer HTTP/2 with a first request; llhttp takes its body for HTTP/2.
        """
        lines = [b"%b %b HTTP/1.1" % (self._parser.get_method(), self._url)]
        lines += (b"%b: %b" % item for item in self._headers.items() if item[0] not in UPGRADE_HEADERS)
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def eof_received(self) -> bool:
        """Keep the socket open for responses that a client, having sent all it wants, still waits for."""
        self._deaf = True
        if self._slots:
            # Who has gone for good closes in the same way.
            asyncio.get_running_loop().call_later(EOF_GRACE_S, self._context.bridge.cancel, self)
        return bool(self._slots)

    def _note_time(self) -> None:
        self._used_at = self._context.now
        if not self._in_message or self._deaf:
            self._message_since = None
        elif self._message_since is None:
            self._message_since = self._context.now

    def sweep(self, now: float) -> None:
        """Part from a client that takes too long to send, to read, or to come again."""
        transport = self._transport
        if transport is None:
            return
        settings = self._settings
        if self._writing_paused and now - self._writing_paused_at > settings.write_timeout_s:
            transport.abort()
        elif self._message_since is not None and now - self._message_since > settings.request_timeout_s:
            self._refuse(text_page(408, "the request took too long to arrive"))
            self._write_out()
        elif self._is_free() and now - self._used_at > settings.keep_alive_s:
            transport.close()

    def shut(self) -> None:
        """Close the socket once what is answered has been written."""
        self._deaf = True
        self._slots.clear()
        self._write_out()

    def drop(self) -> None:
        """Close the socket whatever is unwritten."""
        if self._transport is not None:
            self._transport.abort()

    # --- the request, as httptools reads it ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start afresh, the connection's next request."""
        self._forget_message()
        self._in_head = True
        self._in_message = True

    def on_url(self, url: bytes) -> None:
        """Take the target, which may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; names are lower case from here on. Those behind the body say nothing."""
        if not self._in_head:
            return
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Decide by the head alone whether the body is wanted."""
        self._in_head = False
        if self._deaf:
            return
        headers = self._headers
        self._refusal = self._judge(headers)
        self.user_agent = headers.get(b"user-agent", b"")
        declared = headers.get(b"content-length")
        if declared is not None:
            self._body_due = int(declared)
        if self._body_due > self._settings.max_body_bytes:
            self._refuse(self._too_large())
        elif self._refusal is None:
            if b"upgrade" in headers and self._parser.should_upgrade():
                self._upgrade = "websocket" if headers[b"upgrade"].lower() == b"websocket" else "declined"
            elif b"expect" in headers and not self._slots:
                self._out.append(_CONTINUE)
                self._write_out()

    def on_body(self, body: bytes) -> None:
        """Collect the body up to the limit."""
        size = len(body)
        self._framing_size -= size
        self._body_size += size
        self._body_due -= min(size, self._body_due)
        if self._deaf or self._refusal is not None:
            return
        if self._body_size > self._settings.max_body_bytes:
            self._body = b""
            self._refuse(self._too_large())
        elif self._body:
            if isinstance(self._body, bytes):
                self._body = bytearray(
                    self._body
                )  # grows in place: a body may come in as many pieces as it has bytes
            self._body += body
        else:
            self._body = body

    def on_message_complete(self) -> None:
        """Answer the request."""
        self._in_message = False
        self._framing_size = 0
        if self._deaf or self._upgrade:
            return
        if self._refusal is not None:
            self._respond(self._refusal)
            return
        method = self._parser.get_method()
        if method == b"POST":
            self._post()
        elif method in (b"GET", b"HEAD"):
            page = self._context.routes.get(self._path(), self._headers.get(b"host"))
            self._respond(page, with_body=method == b"GET")
        elif method == b"OPTIONS":
            slot = self._new_slot()
            slot.head = http_response.preflight(slot.origin, self._headers, slot.keep_alive)
            slot.response = b""
            self._place(slot)
        else:
            self._respond(text_page(405, "JSON-RPC is POST; GET / tells more"))

    def _path(self) -> bytes:
        return self._url.partition(b"?")[0]

    def _judge(self, headers: dict[bytes, bytes]) -> Page | None:
        """Say why a request is not served, if so; it is read to its end all the same."""
        access = self._context.access
        host = headers.get(b"host")
        if host is not None and not access.host_allowed(host):
            name = host.decode("latin-1")
            return rpc_page(403, f"host name {name!r} is not served here; allow it with --allow-host")
        origin = headers.get(b"origin")
        if origin is not None and not access.origin_allowed(origin):
            name = origin.decode("latin-1")
            return rpc_page(403, f"pages of {name!r} may not use this node; allow them with --allow-origin")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            return rpc_page(415, "compressed request bodies are not supported")
        return None

    def _too_large(self) -> Page:
        if (gateway := self._context.gateway) is not None:
            return gateway.body_too_large()
        return rpc_page(413, f"request body exceeds {self._settings.max_body_bytes} bytes")

    def _post(self) -> None:
        if self._path() not in RPC_PATHS:
            self._respond(text_page(404, "JSON-RPC is answered on /"))
            return
        body = bytes(self._body)
        slot = self._new_slot()
        if self._lone is not None and slot.keep_alive and self._has_plain_head():
            self._context.bridge.learn_head(self._lone, len(body))
        slot.response = self._submit(body, self, slot)
        self._place(slot)

    def _has_plain_head(self) -> bool:
        """Whether the head says nothing that asks for more than an answer, and how long the body is."""
        headers = self._headers
        return b"content-length" in headers and not (headers.keys() & PARTICULAR_HEADERS)

    # --- the response -------------------------------------------------------------------------------------

    def _new_slot(self) -> _Slot:
        parser = self._parser
        keep_alive = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        if not keep_alive:
            self._deaf = True
        return _Slot(self._headers.get(b"origin"), keep_alive)

    def _place(self, slot: _Slot) -> None:
        if self._slots or slot.response is None:
            self._slots.append(slot)
        else:
            self._render(slot, slot.response)

    def _respond(self, page: Page, *, with_body: bool = True) -> None:
        slot = self._new_slot()
        slot.head = self._head_of(page, slot.keep_alive)
        slot.response = page.body if with_body else b""
        self._place(slot)

    def _refuse(self, page: Page) -> None:
        """Answer, after what is due before, that the connection cannot go on."""
        if self._deaf:
            return
        self._deaf = True
        self._lingers = True
        slot = _Slot(None, keep_alive=False)
        slot.head = self._head_of(page, keep_alive=False)
        slot.response = page.body
        self._place(slot)

    def _head_of(self, page: Page, keep_alive: bool) -> bytes:
        origin = self._headers.get(b"origin")
        if origin is not None and not self._context.access.origin_allowed(origin):
            origin = None
        return http_response.head(page.status, page.content_type, len(page.body), origin, keep_alive)

    def deliver(self, ticket: object, response: Answer, status: int = HTTPStatus.OK) -> None:
        """Put a response that had to be waited for in its place, write those whose turn has come, and read on."""
        slots = self._slots
        self._used_at = self._context.now
        if ticket is self._short and len(slots) == 1 and self._transport is not None and not self._deaf:
            slots.clear()
            self._transport.write(response)
        else:
            assert isinstance(ticket, _Slot)
            if status != HTTPStatus.OK:
                ticket.head = http_response.head(
                    status, JSON, len(response), ticket.origin, ticket.keep_alive
                )
            ticket.response = response
            while slots and (body := slots[0].response) is not None:
                self._render(slots.popleft(), body)
            self._write_out()
        self._keep_pace()

    def framed(self, ticket: object, response: bytes) -> bytes:
        """Give a response the head that one of the short way has."""
        if ticket is not self._short:
            return response
        return http_response.head(200, JSON, len(response), None, keep_alive=True) + response

    def _render(self, slot: _Slot, body: Answer) -> None:
        slot.response = None
        head = b"" if slot is self._short else slot.head
        if head is None:
            head = http_response.head(200 if body else 204, JSON, len(body), slot.origin, slot.keep_alive)
        if isinstance(body, bytes) and len(body) < LARGE_BODY:
            self._out.append(b"".join((head, body)))
        else:  # a copy of the engine's bytes wouldn't count as its memory
            self._out += (head, body)

    def _write_out(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._out:
            transport.writelines(self._out)
            self._out = []
        if self._deaf and not self._slots and not transport.is_closing():
            if not self._lingers:
                transport.close()
            elif transport.can_write_eof():
                self._lingers = False
                transport.write_eof()
                asyncio.get_running_loop().call_later(LINGER_S, transport.close)

    # --- the other protocol -------------------------------------------------------------------------------

    def _become_websocket(self, rest: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._slots or self._path() not in RPC_PATHS:
            self._refuse(text_page(400, "a WebSocket begins on a connection without open requests, on /"))
            return
        gateway = self._context.gateway
        if gateway is not None and (refusal := gateway.refusal_of_websocket(self.address)) is not None:
            self._refuse(refusal)
            self._write_out()
            return
        self._write_out()
        self._context.connections.discard(self)
        if self._reading_paused:
            transport.resume_reading()
        self._transport = None
        self._deaf = True
        websocket = WebSocketConnection(self._context, transport)
        transport.set_protocol(websocket)
        websocket.open(self._url, self._headers, rest)
