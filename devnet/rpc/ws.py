"""WebSocket on the socket of an HTTP connection that asked for it.

The protocol itself (handshake, control frames, messages in parts, whatever is out of order) is that of the
`websockets` library, without its I/O. Nearly all of the traffic takes shorter ways: what arrives goes to the engine as
it is, and if it is one whole message, its answer comes back in a frame; of several at once each whole frame is
unmasked here; and one rendered notification serves any number of subscribers without a copy.

A client that does not read what it subscribed to is cut off with close code 1008 and a reason when more
than `max_outgoing_bytes` wait for it. A client that only waits is pinged and kept, however long it is
silent otherwise.

Not here: what a message means (`engine_bridge.py`), who gets which notification (`subscriptions.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol

from devnet.rpc.context import ServerContext
from devnet.rpc.engine_rpc import Answer
from devnet.rpc.flow_control import FlowControlledConnection
from devnet.rpc.turns import Turn

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

CLOSE_GRACE_S: Final = 5.0
LARGE_RESPONSE: Final = 64 * 1024
"""From here on a second buffer costs less than a copy."""
WRITTEN_TOGETHER: Final = 16
"""Answers; then it is seen whether the client reads them."""
FRAMED: Final = object()
"""The ticket of a request whose answer comes in a frame."""
_TEXT: Final = 0x81
_SHORT, _MEDIUM = 126, 65_536
_LONE_DATA: Final = frozenset({0x81, 0x82})
"""First bytes of a frame that is a whole message."""
_MASKED: Final = 0x80
_DATA_OPCODES: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class WebSocketConnection(FlowControlledConnection):
    """One client's WebSocket, from the handshake on."""

    user_agent = b""

    def __init__(self, context: ServerContext, transport: asyncio.Transport) -> None:
        super().__init__(context, transport)
        self._submit_ws = context.bridge.submit_ws
        self._protocol = Protocol(
            Side.SERVER, max_size=context.settings.max_message_bytes, logger=logging.getLogger(__name__)
        )
        self._unread = bytearray()
        self._needed = 0
        """How much of what is unread makes a whole frame."""
        self._too_long = False
        """A frame beyond the limit has begun: its end is the protocol's to see."""
        self._message = bytearray()
        """What there is of a message in parts."""
        self._in_message = False
        self._out: list[Answer] = []
        self._requests = 0
        """How many are in work."""
        self._closing = False
        self._heard_at = context.now
        self._pinged_at = context.now
        self._at_close: list[Callable[[], None]] = []

    # --- the socket ---------------------------------------------------------------------------------------

    def open(self, target: bytes, headers: Mapping[bytes, bytes], rest: bytes) -> None:
        """Answer the handshake; `rest` is what the client sent after it."""
        request = Request(
            target.decode("latin-1"),
            Headers({name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}),
        )
        response = ServerProtocol().accept(request)
        if self._transport is None:
            return
        self._transport.write(response.serialize())
        if response.status_code != 101:
            self._transport.close()
            return
        self._context.connections.add(self)
        if (gateway := self._context.gateway) is not None:
            gateway.opened(self)
        if rest:
            self.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the socket and all that hung on it."""
        self._context.connections.discard(self)
        if self._requests:
            self._context.bridge.cancel(self)
        self._transport = None
        self._out.clear()
        self._left = b""
        for action in self._at_close:
            action()
        self._at_close.clear()

    def data_received(self, data: bytes) -> None:
        """Read frames and answer them."""
        self._heard_at = self._context.now
        is_whole = not self._unread and not self._left and self._may_begin()
        if is_whole and self._took_short_way(data):
            return
        self._arrived(data)

    def _may_begin(self) -> bool:
        """Whether a data frame that is a whole message may come now."""
        return not self._in_message and not self._too_long and self._protocol.state is State.OPEN

    def _took_short_way(self, data: bytes) -> bool:
        answer = self._submit_ws(data, self, FRAMED)
        if answer is False:
            return False
        if answer is True:
            self._requests += 1
            self._keep_pace()
        else:
            self._send(answer)
        return True

    @property
    def _in_work(self) -> int:
        return self._requests

    def _work(self, data: bytes, turn: Turn) -> bytes:
        """Take whole frames; the beginning of one that is still to come is kept apart."""
        if self._unread:
            self._unread += data
            if len(self._unread) < self._needed:
                return b""
            data = bytes(self._unread)
            self._unread.clear()
        begin, size = 0, len(data)
        while begin < size and not self._too_long:
            if begin and (turn.is_over() or self._is_busy()):
                break
            payload_at, end = _extent(data, begin)
            if end - payload_at > self._settings.max_message_bytes:
                self._refuse_message()
                self._receive(data[begin:])
                begin = size
            elif end > size:
                self._unread += data[begin:]
                self._needed = end - begin
                begin = size
            elif self._is_request(data, begin):
                self._ask(apply_mask(data[payload_at:end], data[payload_at - 4 : payload_at]))
                begin = end
            else:
                self._receive(data[begin:end])
                begin = end
            if len(self._out) >= WRITTEN_TOGETHER:
                self._write_out()
        if self._too_long and begin < size:
            self._receive(data[begin:])
            begin = size
        self._write_out()
        return data[begin:]

    def _refuse_message(self) -> None:
        """The frame that begins is beyond the limit."""
        self._too_long = True
        gateway = self._context.gateway
        if gateway is not None and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.MESSAGE_TOO_BIG, gateway.message_too_large)

    def _is_request(self, data: bytes, begin: int) -> bool:
        """Whether a frame is a whole message, at a time for one."""
        return data[begin] in _LONE_DATA and data[begin + 1] & _MASKED != 0 and self._may_begin()

    def _receive(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _DATA_OPCODES:
                self._take(event)

    def eof_received(self) -> bool:
        """A WebSocket has no half-closed state."""
        self._protocol.receive_eof()
        return False

    def sweep(self, now: float) -> None:
        """Ask a silent client whether it is there, and part from one that is not."""
        if self._closing or self._transport is None:
            return
        silent_s = now - self._heard_at
        if silent_s > self._settings.pong_timeout_s:
            self.close(CloseCode.INTERNAL_ERROR, "no answer to pings")
        elif min(silent_s, now - self._pinged_at) >= self._settings.ping_interval_s:
            self._pinged_at = now
            self._protocol.send_ping(b"")
            self._write_out()

    def shut(self) -> None:
        """Say goodbye: the server stops."""
        self.close(CloseCode.GOING_AWAY, "the node is stopping")

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; a client that does not end it in time is dropped."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
        self._write_out()
        asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.drop)

    def drop(self) -> None:
        """Close the socket without a word."""
        if self._transport is not None:
            self._transport.abort()

    # --- requests and responses ---------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if frame.fin and not self._in_message:
            self._ask(bytes(frame.data))
            return
        self._message += frame.data
        self._in_message = not frame.fin
        if frame.fin:
            body = bytes(self._message)
            self._message.clear()
            self._ask(body)

    def _ask(self, body: bytes) -> None:
        response = self._context.bridge.submit(body, self, None)
        if response is None:
            self._requests += 1
        else:
            self._queue(response)

    @property
    def notified(self) -> WebSocketConnection:
        """Notifications go the same way as responses."""
        return self

    def deliver(self, ticket: object, response: Answer, status: int = HTTPStatus.OK) -> None:
        """Send a response that had to be waited for, and read on."""
        self._requests -= 1
        if ticket is FRAMED:
            self._send(response)
        else:
            self._queue(response)
            self._write_out()
        self._keep_pace()

    def framed(self, ticket: object, response: bytes) -> bytes:
        """Give a response the head that one of the short way has."""
        return _frame_head(len(response)) + response if ticket is FRAMED else response

    def _send(self, answer: Answer) -> None:
        if answer and self._transport is not None and not self._protocol.close_sent:
            self._transport.write(answer)

    def _queue(self, response: Answer) -> None:
        if not response:
            return
        if isinstance(response, bytes) and len(response) < LARGE_RESPONSE:
            self._out.append(b"".join((_frame_head(len(response)), response)))
        else:  # a copy of the engine's bytes wouldn't count as its memory
            self._out += (_frame_head(len(response)), response)

    def notify(self, *pieces: bytes) -> None:
        """Send one notification, or part from a client that has let too many pile up."""
        transport = self._transport
        if transport is None or self._closing or self._protocol.state is not State.OPEN:
            return
        waiting = transport.get_write_buffer_size()
        if waiting > self._settings.max_outgoing_bytes:
            self.close(CloseCode.POLICY_VIOLATION, f"too slow: {waiting} bytes were not read")
            return
        transport.writelines((_frame_head(sum(map(len, pieces))), *pieces))

    def on_close(self, action: Callable[[], None]) -> None:
        """Run `action` once the socket is gone."""
        self._at_close.append(action)

    def _write_out(self) -> None:
        """Write responses, then whatever the protocol has to say (pongs, close frames)."""
        transport = self._transport
        if transport is None:
            return
        if self._out:
            if not self._protocol.close_sent:
                transport.writelines(self._out)
            self._out = []
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif not transport.is_closing():
                transport.close()


def _extent(data: bytes, begin: int) -> tuple[int, int]:
    """Where the payload of a frame begins and where the frame ends; what is not known yet counts as the least."""
    if len(data) - begin < 2:
        return begin + 2, begin + 2
    second = data[begin + 1]
    length, payload_at = second & 0x7F, begin + 2
    if length >= _SHORT:
        wide = 2 if length == _SHORT else 8
        payload_at += wide
        length = int.from_bytes(data[begin + 2 : payload_at], "big") if len(data) >= payload_at else 0
    if second & _MASKED:
        payload_at += 4
    return payload_at, payload_at + length


def _frame_head(length: int) -> bytes:
    """Write the head of an unmasked, unfragmented text frame (RFC 6455 section 5.2)."""
    if length < _SHORT:
        return bytes((_TEXT, length))
    if length < _MEDIUM:
        return bytes((_TEXT, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + length.to_bytes(8, "big")
