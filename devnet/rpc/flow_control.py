"""How fast a connection is read: no faster than it is answered, not at all while its client reads nothing, and for no
longer than a turn of the event loop.

    what arrived --_work--> in work --> answered --_keep_pace--> read on
                   |                                  ^
                   +-- what is left over waits here --+   until the connection has its next turn, and is not busy

Not here: what is read and written (`http.py`, `ws.py`).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import cast

from devnet.rpc.context import ServerContext
from devnet.rpc.turns import SMALL, Turn


class FlowControlledConnection(asyncio.Protocol, ABC):
    """A socket that is left unread, and so its client waiting, while there is enough to do.

    Whoever inherits gives what arrives to `_arrived`, counts what is in work in `_in_work`, and calls `_keep_pace` when
    that has shrunk.
    """

    def __init__(self, context: ServerContext, transport: asyncio.Transport | None = None) -> None:
        self._context = context
        self.number = context.bridge.connection()
        """The engine's name for what is its own in work."""
        self._settings = context.settings
        self._transport = transport
        self._left = b""
        """What has arrived and has not been looked at."""
        self._waits_for_turn = False
        self._writing_paused = False
        self._writing_paused_at = 0.0
        self._reading_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast(asyncio.Transport, transport)

    @property
    def address(self) -> str:
        """The client's host."""
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(peer[0]) if peer else ""

    @property
    @abstractmethod
    def _in_work(self) -> int:
        """How many requests have no answer yet."""

    @abstractmethod
    def _work(self, data: bytes, turn: Turn) -> bytes:
        """Do some of what has arrived, until the turn is over or the connection is busy; return what is left of it."""

    def work_on(self) -> None:
        """Take a turn."""
        self._waits_for_turn = False
        if self._transport is None or self._is_busy():
            return
        data, self._left = self._left, b""
        self._left = self._work(data, Turn())
        self._keep_pace()

    def pause_writing(self) -> None:
        """Read no further requests from a client that does not read its responses."""
        self._writing_paused = True
        self._writing_paused_at = self._context.now
        self._keep_pace()

    def resume_writing(self) -> None:
        """Read on."""
        self._writing_paused = False
        self._keep_pace()

    def _arrived(self, data: bytes) -> None:
        if self._left:
            self._left += data
        elif len(data) > SMALL and self._context.turns.are_wanted:
            self._left = data
        else:
            self._left = self._work(data, Turn())
        self._keep_pace()

    def _is_busy(self) -> bool:
        return self._writing_paused or self._in_work >= self._settings.max_pipelined

    def _keep_pace(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        is_busy = self._is_busy()
        if self._left and not is_busy and not self._waits_for_turn:
            self._waits_for_turn = True
            self._context.turns.put_off(self)
        reads = not self._left and not is_busy
        if reads and self._reading_paused:
            transport.resume_reading()
        elif not reads and not self._reading_paused:
            transport.pause_reading()
        self._reading_paused = not reads
