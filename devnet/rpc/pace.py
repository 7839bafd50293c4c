"""How fast a connection is read: no faster than it is answered, and not at all while its client reads nothing.

Not here: what is read and written (`http.py`, `ws.py`).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import cast

from devnet.rpc.front import Front


class PacedConnection(asyncio.Protocol, ABC):
    """A socket that is left unread, and so its client waiting, while there is enough to do.

    Whoever inherits counts what is in work in `_in_work`, calls `_pause_if_busy` when that has grown and `_read_on`
    when it has shrunk.
    """

    def __init__(self, front: Front, transport: asyncio.Transport | None = None) -> None:
        self._front = front
        self._settings = front.settings
        self._transport = transport
        self._writing_paused = False
        self._writing_paused_at = 0.0
        self._reading_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast(asyncio.Transport, transport)

    @property
    @abstractmethod
    def _in_work(self) -> int:
        """How many requests have no answer yet."""

    def pause_writing(self) -> None:
        """Read no further requests from a client that does not read its responses."""
        self._writing_paused = True
        self._writing_paused_at = self._front.now
        self._pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self._writing_paused = False
        self._read_on()

    def _pause_if_busy(self) -> None:
        if self._in_work >= self._settings.max_pipelined:
            self._pause_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _read_on(self) -> None:
        transport = self._transport
        if not self._reading_paused or self._writing_paused or transport is None or transport.is_closing():
            return
        if self._in_work < self._settings.max_pipelined:
            self._reading_paused = False
            transport.resume_reading()
