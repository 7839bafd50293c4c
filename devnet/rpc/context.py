"""What all connections of one server share.

Not here: anything that acts; each part is a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from devnet.rpc.access import AccessPolicy
from devnet.rpc.engine_bridge import Bridge
from devnet.rpc.gateway.bridge import GatewayBridge
from devnet.rpc.routes import Routes
from devnet.rpc.settings import ServerSettings
from devnet.rpc.turns import Turns


class Connection(Protocol):
    """An open socket, as far as the server looks after it."""

    def sweep(self, now: float) -> None:
        """Look at the clock; called about once a second."""

    def shut(self) -> None:
        """Say goodbye: the server stops."""

    def drop(self) -> None:
        """Close at once."""


@dataclass(slots=True)
class ServerContext:
    """The parts a connection works with."""

    settings: ServerSettings
    access: AccessPolicy
    bridge: Bridge
    routes: Routes
    turns: Turns = field(default_factory=Turns)
    connections: set[Connection] = field(default_factory=set)
    now: float = 0.0
    """The loop's clock at the last sweep: coarse, and free to read."""

    @property
    def gateway(self) -> GatewayBridge | None:
        """What stands in front of the node for these connections; None: nothing does."""
        return self.bridge if isinstance(self.bridge, GatewayBridge) else None
