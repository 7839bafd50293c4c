"""One authenticated connection: greeting, frames both ways, credit, liveness, counters. What frames mean is decided
elsewhere (`SessionOwner`).

    socket -- TLS 1.3 -- preamble -- zstd -- frames -- hello -- `ready` -- `heard` ... -- `lost`

Everything happens on the event loop. Credit: each channel but control begins with a window of bytes in either
direction; the receiver gives credit back when it has done with what came, not when it came. A frame may be sent while
any credit is left, so that one frame of any size always fits; what a peer can make us hold is therefore one window and
one frame per channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any, Final, Protocol, cast

from devnet.sync.compress import Compressor, Decompressor
from devnet.sync.frames import (
    HEADER,
    KIB,
    MIB,
    PREAMBLE,
    Bye,
    Channel,
    Credit,
    Endpoint,
    Frame,
    FrameReader,
    Hello,
    Malformed,
    Ping,
    Pong,
    Status,
)
from devnet.sync.identity import PeerName, peer_name
from devnet.sync.settings import SyncSettings

log = logging.getLogger(__name__)

WINDOWS: Final = {Channel.DATA: 4 * MIB, Channel.NEWS: 512 * KIB}
"""Part of the protocol: both ends begin with these."""
CONTROL_BYTES: Final = 256 * KIB
"""Control frames that may come with one read of the socket; a well-behaved peer sends a few hundred bytes."""
WRITE_BUFFER_BYTES: Final = 64 * KIB
"""Beyond this, data waits in our hands, where newer things can still overtake it."""
WRITE_BUFFER_LIMIT: Final = 2 * MIB
NOT_SENT_BYTES: Final = 64 * KIB
ANY_ADDRESS: Final = ("0.0.0.0", "::")
FAREWELL_S: Final = 0.5
PING_AT_LEAST_S: Final = 1.0
RTT_WEIGHT: Final = 0.25
MAX_PATIENCE_S: Final = 3.0
UNKNOWN_RTT_S: Final = 0.25
PINGS_UNDER_WAY: Final = 32
TCP_NOTSENT_LOWAT: Final = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
TCP_CONGESTION: Final = getattr(socket, "TCP_CONGESTION", 13)
CONGESTION_NAME_BYTES: Final = 16


class SessionClosed(ConnectionError):
    """The connection has ended."""


class Rejected(Exception):
    """This peer is not wanted; the message tells it why."""


class SessionOwner(Protocol):
    """Who decides what frames mean. May raise `Rejected` or `Malformed`: the connection ends."""

    def connected(self, session: Session) -> None:
        """The TLS handshake is done. For one that fails nothing here is called."""

    def hello(self) -> Hello:
        """What we say of ourselves."""

    def ready(self, session: Session) -> None:
        """The peer has said who it is, and its certificate agrees."""

    def heard(self, session: Session, frame: Frame) -> None:
        """A frame that is not the connection's own business."""

    def lost(self, session: Session) -> None:
        """Called once after `connected`, whether it was ready or not."""


class Session(asyncio.Protocol):
    """A connection to one peer. `name`, `hello` and `status` are there from `ready` on."""

    name: PeerName
    hello: Hello
    status: Status
    listens: Endpoint | None
    """Where it can be reached."""

    def __init__(self, owner: SessionOwner, settings: SyncSettings, dialed: bool) -> None:
        self.dialed = dialed
        self.is_ready = False
        self.closed = False
        self.reason = ""
        """Why it ended, in words."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.content_in = 0
        """Before compression."""
        self.content_out = 0
        self.rtt_s: float | None = None
        self.congestion_control = ""
        """The kernel's way of sending, as far as it tells."""
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when ready; fails when the connection ended before."""
        self.greeted.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._owner = owner
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._preamble = b""
        self._compressor: Compressor
        self._decompressor: Decompressor
        self._reader = FrameReader(self._admit)
        self._granted = dict(WINDOWS)
        self._consumed = dict.fromkeys(WINDOWS, 0)
        self._credit = dict(WINDOWS)
        self._control_left = CONTROL_BYTES
        self._paused = False
        self._waiting: set[asyncio.Future[None]] = set()
        self._progress: tuple[int, ...] = ()
        self._progress_at = self._last_heard = self._last_sent = self._last_ping = self._loop.time()
        self._ping_token = 0
        self._pings: dict[int, float] = {}

    def __str__(self) -> str:
        return self.name.node if hasattr(self, "name") else "a peer"

    # -- the socket ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TLS handshake is done, and the other end's certificate is of our authority."""
        self._compressor, self._decompressor = Compressor(), Decompressor()
        self._transport = cast(asyncio.Transport, transport)
        if self.closed:  # given up during the handshake
            self._transport.abort()
            return
        self._owner.connected(self)
        self._last_heard = self._loop.time()
        self.congestion_control = self._tune(transport.get_extra_info("socket"))
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        try:
            certificate: dict[str, Any] = transport.get_extra_info("peercert") or {}
            self.name = peer_name(certificate)
        except ValueError as error:
            self.abort(str(error))
            return
        self._transport.write(PREAMBLE)
        self.bytes_out += len(PREAMBLE)
        self.send(self._owner.hello())

    @staticmethod
    def _tune(sock: socket.socket) -> str:
        """Little in the kernel's hands, and no slowing down because of single lost packets, where that is offered.

        What the kernel chose in the end.
        """
        for option, value in ((TCP_NOTSENT_LOWAT, NOT_SENT_BYTES), (TCP_CONGESTION, b"bbr")):
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        try:
            name = sock.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, CONGESTION_NAME_BYTES)
        except OSError:
            return ""
        return name.rstrip(b"\0").decode(errors="replace")

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer."""
        self.bytes_in += len(data)
        self._last_heard = self._loop.time()
        if self.closed:
            return
        self._control_left = CONTROL_BYTES
        try:
            if len(self._preamble) < len(PREAMBLE):
                data = self._greet(data)
            if data:
                self._decompressor.feed(data, self._content)
        except SessionClosed:
            pass  # what comes after the end is nobody's
        except Malformed as error:
            log.warning("%s breaks the protocol: %s", self, error)
            self.close(f"you break the protocol: {error}")
        except Rejected as error:
            log.info("%s is not wanted: %s", self, error)
            self.close(str(error))
        except Exception:
            log.exception("an error while listening to %s", self)
            self.abort("internal error")

    def _greet(self, data: bytes) -> bytes:
        missing = len(PREAMBLE) - len(self._preamble)
        self._preamble += data[:missing]
        if not PREAMBLE.startswith(self._preamble):
            raise Malformed(f"it speaks another protocol or version ({self._preamble.hex()})")
        return data[missing:]

    def _content(self, data: bytes) -> None:
        if self.closed:
            raise SessionClosed(self.reason)
        self.content_in += len(data)
        self._reader.feed(data, self._deliver)

    def _admit(self, cls: type[Frame], size: int) -> None:
        size += HEADER.size
        if not self.is_ready and cls is not Hello and cls is not Bye:
            raise Malformed(f"{cls.__name__} before Hello")
        if cls.CHANNEL is Channel.CONTROL:
            self._control_left -= size
            if self._control_left < 0:
                raise Malformed("a flood of control frames")
        else:
            if self._granted[cls.CHANNEL] <= 0:
                raise Malformed(f"{cls.__name__} beyond its credit")
            self._granted[cls.CHANNEL] -= size

    def _deliver(self, frame: Frame) -> None:
        if self.closed:
            raise SessionClosed(self.reason)
        match frame:
            case Hello():
                self._welcome(frame)
            case Bye():
                self.abort(f"it said: {frame.reason}")
            case Ping():
                self.status = frame.status
                self.send(Pong(frame.token))
                self._owner.heard(self, frame)
            case Pong():
                self._pong(frame.token)
            case Credit():
                self._more(frame)
            case _:
                self._owner.heard(self, frame)

    def _welcome(self, hello: Hello) -> None:
        if self.is_ready:
            raise Malformed("a second Hello")
        if (hello.node, hello.role) != (self.name.node, self.name.role):
            raise Malformed(f"it calls itself {hello.node} ({hello.role}), unlike its certificate")
        self.hello = hello
        self.status = hello.status
        self.listens = self._where(hello)
        self.is_ready = True
        self._owner.ready(self)
        if not self.closed and not self.greeted.done():
            self.greeted.set_result(None)

    def _where(self, hello: Hello) -> Endpoint | None:
        assert self._transport is not None
        host = hello.host
        if host in ANY_ADDRESS:  # what it listens on says nothing of where it is; the socket does
            host = str(self._transport.get_extra_info("peername")[0])
        return Endpoint(hello.node, host, hello.port) if host and hello.port else None

    def _pong(self, token: int) -> None:
        sent_at = self._pings.pop(token, None)
        if sent_at is not None:
            sample = self._loop.time() - sent_at
            self.rtt_s = sample if self.rtt_s is None else self.rtt_s + RTT_WEIGHT * (sample - self.rtt_s)

    def _more(self, frame: Credit) -> None:
        if frame.channel not in self._credit:
            raise Malformed(f"credit for channel {frame.channel}")
        channel = Channel(frame.channel)
        self._credit[channel] += frame.amount
        if self._credit[channel] > WINDOWS[channel]:
            raise Malformed("more credit than the window")
        self._wake()

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._paused = False
        self._wake()

    def eof_received(self) -> None:
        """The peer has closed its end: so do we."""

    def connection_lost(self, error: Exception | None) -> None:
        """The end."""
        self.closed = True
        self.reason = self.reason or (str(error) if error else "it closed the connection")
        if not self.greeted.done():
            self.greeted.set_exception(SessionClosed(self.reason))
        self._wake()
        self._owner.lost(self)
        # A megabyte, and a circle with the transport: nodes seldom look for garbage.
        del self._compressor, self._decompressor
        self._transport = None

    # -- sending ---------------------------------------------------------------------------------------------

    def send(self, frame: Frame) -> None:
        """A control frame: at once, if the connection is still there."""
        assert frame.CHANNEL is Channel.CONTROL
        if not self.closed:
            self._write([frame.encode()])

    async def stream(self, channel: Channel, frames: list[bytes]) -> None:
        """Encoded frames of a channel, when its credit and the socket allow. Raises `SessionClosed`."""
        at = 0
        while at < len(frames):
            while not self.closed and (self._paused or self._credit[channel] <= 0):
                waiting = self._loop.create_future()
                self._waiting.add(waiting)
                try:
                    await waiting
                finally:
                    self._waiting.discard(waiting)
            if self.closed:
                raise SessionClosed(self.reason)
            begin = at
            while at < len(frames) and self._credit[channel] > 0:
                self._credit[channel] -= len(frames[at])
                at += 1
            self._write(frames[begin:at])

    def consumed(self, frame_size: int, channel: Channel) -> None:
        """We have done with so many bytes of frames: the peer may send as many again."""
        self._consumed[channel] += frame_size
        if self._consumed[channel] >= WINDOWS[channel] // 4 and not self.closed:
            amount, self._consumed[channel] = self._consumed[channel], 0
            self._granted[channel] += amount
            self.send(Credit(channel, amount))

    def _write(self, frames: list[bytes]) -> None:
        assert self._transport is not None
        data = self._compressor.compress(frames)
        self.content_out += sum(map(len, frames))
        self.bytes_out += len(data)
        self._last_sent = self._loop.time()
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > WRITE_BUFFER_LIMIT + sum(map(len, frames)):
            self.abort("it takes nothing")

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    # -- life ------------------------------------------------------------------------------------------------

    @property
    def partial_bytes(self) -> int:
        """What is here of a payload that is not complete yet."""
        return self._reader.partial_bytes

    def patience_s(self, base_s: float) -> float:
        """How much silence is within reason, seeing how far away the peer is."""
        return base_s + min(6 * (UNKNOWN_RTT_S if self.rtt_s is None else self.rtt_s), MAX_PATIENCE_S)

    def silent_s(self, now: float) -> float:
        """Since when nothing came."""
        return now - self._last_heard

    def suspect(self, now: float) -> bool:
        """It may be dead."""
        return self.closed or self.silent_s(now) > self.patience_s(self._settings.suspect_s)

    def forgive(self, late_s: float) -> None:
        """We were asleep: what the peer did meanwhile can't be held against it."""
        self._last_heard += late_s
        self._progress_at += late_s

    def tick(self, now: float, status: Status) -> None:
        """Several times a second: pings, and gives up what is dead or stuck."""
        if self.closed or self._transport is None:
            return
        if self.silent_s(now) > self.patience_s(self._settings.dead_s):
            self.abort(f"silent for {self.silent_s(now):.2f} s")
        elif self._is_stuck(now):
            self.close("you take nothing")
        elif self.is_ready and (
            now - self._last_sent >= self._settings.ping_s or now - self._last_ping >= PING_AT_LEAST_S
        ):
            self.ping(status)

    def ping(self, status: Status) -> None:
        """Says where we stand, and asks for a sign of life."""
        self._last_ping = self._loop.time()
        self._ping_token += 1
        self._pings[self._ping_token] = self._last_ping
        self._pings.pop(self._ping_token - PINGS_UNDER_WAY, None)
        self.send(Ping(self._ping_token, status))

    def _is_stuck(self, now: float) -> bool:
        assert self._transport is not None
        progress = (*self._credit.values(), self._transport.get_write_buffer_size())
        if progress != self._progress or not self._waiting:
            self._progress, self._progress_at = progress, now
        return now - self._progress_at > self._settings.stuck_s

    def close(self, reason: str) -> None:
        """Says goodbye and ends."""
        if self.closed or self._transport is None:
            return
        with contextlib.suppress(ValueError):
            self.send(Bye(reason[:200]))
        if not self.closed:
            self.closed = True
            self.reason = reason
            self._transport.close()
            self._loop.call_later(FAREWELL_S, self._transport.abort)
            self._wake()

    def abort(self, reason: str) -> None:
        """Ends without a word."""
        if not self.closed:
            self.closed = True
            self.reason = reason
            if self._transport is not None:
                self._transport.abort()
            self._wake()
