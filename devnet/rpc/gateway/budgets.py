"""What each client has used: its reads in the present window, its WebSockets, and the messages of each.

Times are the server's coarse clock (`ServerContext.now`): a window begins with a look at it. A client is an address, so
that all programs of one machine are one client, as behind one public address.

Everything runs on the event loop's thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from devnet.rpc.engine_bridge import Client
from devnet.rpc.gateway import rules
from devnet.rpc.gateway.rules import Category


@dataclass(slots=True)
class _Socket:
    """One WebSocket."""

    heard_at: float
    messages: int = 0
    """Since the last look at the clock, about a second ago."""


class Budgets:
    """Of all clients of the gateway's address."""

    def __init__(self) -> None:
        self._now = 0.0
        self._window_began = 0.0
        self._reads: Counter[tuple[str, Category]] = Counter()
        self._sockets: dict[Client, _Socket] = {}

    def charge(self, address: str, charges: Mapping[Category, int]) -> None:
        """Take reads off a client's budgets, all or none. Raises `BrokenRuleError`."""
        for category, count in charges.items():
            if self._reads[address, category] + count > category.most:
                raise category.rule.broken()
        for category, count in charges.items():
            self._reads[address, category] += count

    def require_room(self, address: str) -> None:
        """Raises `BrokenRuleError` if a client has as many WebSockets as it may."""
        if sum(client.address == address for client in self._sockets) >= rules.MAX_SOCKETS:
            raise rules.SOCKETS.broken()

    def opened(self, client: Client) -> None:
        """Count a WebSocket until it closes."""
        assert client.notified is not None
        self._sockets[client] = _Socket(self._now)
        client.notified.on_close(lambda: self._closed(client))

    def _closed(self, client: Client) -> None:
        self._sockets.pop(client, None)

    def message(self, client: Client) -> None:
        """Count a message of a WebSocket. Raises `BrokenRuleError` for one too many."""
        socket = self._sockets[client]
        socket.heard_at = self._now
        if socket.messages >= rules.MAX_MESSAGES:
            raise rules.MESSAGES.broken()
        socket.messages += 1

    def sweep(self, now: float) -> None:
        """Look at the clock, about once a second: begin new windows, and part from who has been silent for too long."""
        self._now = now
        if now - self._window_began >= rules.WINDOW_S:
            self._window_began = now
            self._reads.clear()
        for client, socket in list(self._sockets.items()):
            socket.messages = 0
            if now - socket.heard_at > rules.IDLE_S and client.notified is not None:
                client.notified.close(rules.IDLE.code, rules.IDLE.text())
