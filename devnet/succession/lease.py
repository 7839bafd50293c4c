"""The right to lead, held by one node at a time and for a while only: whoever gives it out sees to that.

A node that holds it renews it. When it is no longer renewed, is given back, or its holder is known to be gone, another
may acquire it, with a higher term. What gives it out is something that exists: on one machine the supervisor
(`control_lease.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

TTL_S: Final = 0.6
"""A lease that was not renewed for so long is free."""
RENEW_S: Final = 0.15
"""How often its holder renews it."""


@dataclass(frozen=True)
class LeaseState:
    """What is known of the lease."""

    term: int
    """The newest that was given out, 0 before the first."""
    holder: str
    """The node that it was given to; empty before the first."""
    is_free: bool
    """Whether the node that asks may acquire it now."""
    value: bytes
    """The holder's leadership as it stands in the log (`sync/chain_rollback.py`); empty until it has written it."""
    in_sync: tuple[str, ...] = ()
    """The nodes that have all that was shown, by the holder's word: no other is given it. Empty: every candidate."""


class LeaseUnavailable(Exception):
    """Whoever gives the lease out can't be asked."""


class Lease(Protocol):
    """One node's end of it. All of them raise `LeaseUnavailable`."""

    async def acquire(self, node: str, above: int = 0) -> int | None:
        """A new term, if it is free for this node: above all that were given out, and above that one, the newest that
        the node knows of."""

    async def renew(self, node: str, term: int, value: bytes, in_sync: tuple[str, ...] = ()) -> bool:
        """For another `TTL_S`, counted from before the call; false: it is no longer this node's. True also means that
        nobody but those `in_sync` is given it from now on, whatever happens to who gives it out; this node is always
        one of them, and none at all stands for every candidate."""

    async def release(self, node: str, term: int, to: str = "") -> bool:
        """Gives it back; to that node, if it is named, which alone may acquire it for a while."""

    async def watch(self, term: int) -> LeaseState:
        """Waits until it is free for this node, its term is another one than that, or its value changes; some seconds
        at most."""
