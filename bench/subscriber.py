"""A client that hears of every mini-block, in a process of its own: the generator of a load has other things to do."""

from __future__ import annotations

import multiprocessing
import re
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Final, Self

from websockets.sync.client import connect

from bench.targets import HOST, LogSink
from megaeth_cli.load.outcome import Latency
from megaeth_cli.load.wire import LoadError

SEALED: Final = re.compile(rb'"mini_block_timestamp":"0x([0-9a-f]+)"')
HOLDS: Final = re.compile(rb'"transactions":\[\{')
US_PER_S: Final = 1_000_000
TIMEOUT_S: Final = 30.0


class Subscriber:
    """Notes how old the news were, of mini-blocks with transactions. A context manager: subscribed on entry."""

    def __init__(self, target: LogSink) -> None:
        # Not a fork: the engine's threads would not come along.
        spawn = multiprocessing.get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_listen, args=(target.port, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        self._hear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._line.close()

    def heard(self) -> Latency:
        """How old the news were; it listens no longer."""
        self._line.send(None)
        found = Latency.of_seconds(self._hear())
        if found is None:
            raise LoadError("the subscriber heard nothing")
        return found

    def _hear(self) -> list[float]:
        try:
            if not self._line.poll(TIMEOUT_S):
                raise LoadError("the subscriber says nothing")
            delays_s: list[float] = self._line.recv()
        except (EOFError, OSError):
            raise LoadError("the subscriber died") from None
        return delays_s


def _listen(port: int, line: Connection) -> None:
    """In a child: until told to stop, which it looks for at every mini-block."""
    delays_s: list[float] = []
    with connect(f"ws://{HOST}:{port}", proxy=None, compression=None, max_size=None) as socket:
        socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["miniBlocks"]}')
        socket.recv()
        line.send(delays_s)
        while not line.poll():
            news = socket.recv(decode=False)
            now = time.time()
            sealed = SEALED.search(news)
            if sealed is not None and HOLDS.search(news) is not None:
                delays_s.append(now - int(sealed[1], 16) / US_PER_S)
        line.send(delays_s)
