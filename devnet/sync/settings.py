"""The numbers that rule peers, in one place, with their units. The defaults suit a devnet on one machine and links
of up to about half a second.
"""

from __future__ import annotations

from dataclasses import dataclass

from devnet.sync.frames import KIB, MIB, Endpoint


@dataclass(frozen=True)
class SyncSettings:
    """How one node deals with its peers."""

    host: str = "127.0.0.1"
    port: int = 0
    """Where it listens; 0: any free port."""
    advertised: tuple[str, int] | None = None
    """Where peers reach it, if not there: behind a forwarded port, for example."""
    bootstrap: tuple[Endpoint, ...] = ()
    """Peers to begin with; more become known by them."""
    max_children: int = 4
    """Nodes that it feeds; further ones are sent to those."""
    sessions: int = 3
    """Connections it tries to have, so that another upstream is at hand when its own dies; 0: it waits to be dialed."""
    standbys: frozenset[str] = frozenset()
    """Names of the nodes that may lead: while they follow they are given the log before it is confirmed, and feed
    nobody. Empty: the chain has no standbys."""
    max_sessions: int = 12
    """Connections it has at most; a further peer is told of others and sent away."""

    ping_s: float = 0.25
    suspect_s: float = 0.5
    """Silence after which another upstream is preferred (plus some round trips)."""
    dead_s: float = 0.85
    """Silence after which a connection is given up (plus some round trips)."""
    stall_s: float = 1.0
    """An upstream that is alive, but brings nothing while others are ahead, is left after this."""
    stuck_s: float = 10.0
    """A peer that takes nothing for so long, though there is something for it, is disconnected."""
    handshake_s: float = 3.0
    retry_s: float = 0.1
    """Between attempts to reach a peer; doubled with each failure, up to `retry_max_s`."""
    retry_max_s: float = 1.0

    backlog_bytes: int = 16 * MIB
    """The newest records, kept in memory for all peers together; who is further behind is served from the log."""
    backlog_entries: int = 4096
    batch_bytes: int = 64 * KIB
    """Sent to a peer in one go."""
    range_bytes: int = 512 * KIB
    """Read from the log in one go for a peer that catches up."""
    apply_bytes: int = 1 * MIB
    """Applied in one go."""
    lag_s: float = 0.0
    """How long what arrived is kept back before it is applied: a replica that is behind."""
    snapshot_behind: int = 200_000
    """Mini-blocks from which on a snapshot is quicker than the log."""

    def __post_init__(self) -> None:
        """Refuses what can't work."""
        if self.max_children < 1 or self.sessions < 0 or self.max_sessions < self.sessions:
            raise ValueError("max_children >= 1, sessions >= 0 and max_sessions >= sessions are needed")
        if not 0 < self.ping_s < self.suspect_s <= self.dead_s:
            raise ValueError("0 < ping_s < suspect_s <= dead_s is needed")
