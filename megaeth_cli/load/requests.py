"""A connection's requests: signed and rendered before the clock starts, or by a child process ahead of it.

A long load doesn't fit into memory, and signing takes half as long as a node takes to recover the sender. So what is
beyond `MAX_HELD` comes from a child that signs on one thread, with less priority than the node, a little ahead of
what is sent; pipes hold it back. Everything it does is part of the generator's work and is counted as such.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import select
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection as PipeEnd
from typing import Final

import psutil

from megaeth_cli.load.connections import Transport
from megaeth_cli.load.senders import Sender, Terms, sign
from megaeth_cli.load.wire import Endpoint, batch, http_message, send_raw, websocket_message

MAX_HELD: Final = 200_000
"""Transactions that are signed before the clock starts; more are signed while it runs."""
PIECE: Final = 100
NICENESS: Final = 5
PIPE_BYTES: Final = 1 << 18
_F_SETPIPE_SZ: Final = 1031
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True)
class Calls:
    """What one connection sends: calls of its own senders, who take turns."""

    senders: Sequence[Sender]
    terms: Terms
    recipients: Sequence[bytes]
    data: Sequence[bytes] = ()
    """Calldata, which takes turns."""
    method: str = "eth_sendRawTransaction"

    def raws(self, count: int) -> list[bytes]:
        """`count` calls, signed now."""
        return sign(self.senders, count, self.terms, self.recipients, self.data, value=0 if self.data else 1)

    def bodies(self, count: int, size: int) -> Iterator[bytes]:
        """`count` calls, signed now, `size` of them to a request."""
        raws = self.raws(count)
        for at in range(0, count, size):
            piece = raws[at : at + size]
            yield batch([send_raw(raw, number, self.method) for number, raw in enumerate(piece)])


def ready(transport: Transport, calls: Calls, count: int, size: int) -> Iterator[bytes]:
    """Requests that lie there before the clock starts."""
    return iter([transport.message(body) for body in calls.bodies(count, size)])


class SigningChild:
    """A process that signs and renders a little ahead of the connections."""

    def __init__(
        self, endpoint: Endpoint, websocket: bool, connections: Sequence[Calls], count: int, size: int
    ) -> None:
        pipes = [Pipe(duplex=False) for _ in connections]
        self._pipes = [reader for reader, _ in pipes]
        writers = [writer for _, writer in pipes]
        for reader, writer in pipes:
            os.set_blocking(reader.fileno(), False)
            os.set_blocking(writer.fileno(), False)
            _enlarge(writer.fileno())
        # Not a fork: the engine's threads would not come along.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_sign_ahead,
            args=(endpoint, websocket, list(connections), writers, count, size),
            daemon=True,
        )
        self._process.start()
        for writer in writers:
            writer.close()
        self._cpu = psutil.Process(self._process.pid)

    def requests(self, connection: int) -> Iterator[bytes]:
        """A connection's requests; an empty one when none is there yet."""
        return _from_pipe(self._pipes[connection].fileno())

    def cpu_s(self) -> float:
        """CPU time that it has used."""
        try:
            times = self._cpu.cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(times.user + times.system)

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.join()
        for pipe in self._pipes:
            pipe.close()


def _from_pipe(reader: int) -> Iterator[bytes]:
    kept = b""
    while True:
        if len(kept) >= 4:
            (length,) = _LENGTH.unpack_from(kept)
            if len(kept) >= 4 + length:
                message, kept = kept[4 : 4 + length], kept[4 + length :]
                yield message
                continue
        try:
            data = os.read(reader, 1 << 16)
        except BlockingIOError:
            yield b""
            continue
        if not data:
            return
        kept += data


def _sign_ahead(
    endpoint: Endpoint, websocket: bool, connections: list[Calls], pipes: list[PipeEnd], count: int, size: int
) -> None:
    """The child: fills whatever pipe has room, until each connection has had its `count`."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.nice(NICENESS)
    render: Callable[[bytes], bytes] = (
        websocket_message if websocket else lambda body: http_message(endpoint, body)
    )
    calls = {pipe.fileno(): one for pipe, one in zip(pipes, connections, strict=True)}
    left = dict.fromkeys(calls, count)
    waiting = dict.fromkeys(calls, b"")
    while left:
        _, free, _ = select.select((), list(left), ())
        for pipe in free:
            if not waiting[pipe]:
                some = min(_step(size, len(calls[pipe].senders)), left[pipe])
                messages = [render(body) for body in calls[pipe].bodies(some, size)]
                waiting[pipe] = b"".join(_LENGTH.pack(len(one)) + one for one in messages)
                left[pipe] -= some
            try:
                waiting[pipe] = waiting[pipe][os.write(pipe, waiting[pipe]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return
            if not waiting[pipe] and not left[pipe]:
                os.close(pipe)
                del left[pipe]


def _step(size: int, senders: int) -> int:
    """Calls to sign at once: whole requests, and every sender as often as the others, so that turns go on."""
    whole = math.lcm(size, senders)
    return whole * -(-PIECE // whole)


def _enlarge(pipe: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        return  # the default holds less, and that is all
