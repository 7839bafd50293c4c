"""Who hears of what is on disk: subscribers, the node's own books, the network. Called by the log's thread.

A devnet that nobody listens to should cost nothing: mini-blocks without transactions then wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devnet.roles.network_service import NetworkService
from devnet.roles.node_status import NodeStatus
from devnet.rpc.subscriptions import Hub

if TYPE_CHECKING:
    from devnet._engine import SealedBlock, SealedMini

    Sealed = list[SealedMini | SealedBlock]

UNHEARD_MS: Final = 200
"""Nobody would hear of an empty mini-block: an idle devnet wakes a few times a second instead of a hundred."""
FOLLOWED_MS: Final = 30
"""Other nodes follow, but an empty mini-block tells them nothing but the time."""


class Fanout:
    """Of one node with a chain (`chain_log.Publisher`)."""

    def __init__(self, hub: Hub, status: NodeStatus, network: NetworkService | None) -> None:
        self._hub = hub
        self._status = status
        self._network = network

    @property
    def linger_ms(self) -> int:
        """How long mini-blocks without transactions may wait for company."""
        if self._hub.hears_empty_minis:
            return 0
        return FOLLOWED_MS if self._network is not None and self._network.feeds_anybody else UNHEARD_MS

    def publish(self, sealed: Sealed) -> None:
        """These are on disk."""
        self._hub.publish(sealed)
        self._status.note(sealed)
        if self._network is not None:
            self._network.note(sealed)
            self._network.publish(sealed)
