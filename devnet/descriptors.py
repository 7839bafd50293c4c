"""How many files and sockets a node may have open, and who of those in it may have how many.

The operating system counts both alike. LevelDB fails, and with it the node, when it is refused a file; a connection
that is refused is only a client that has to come again. So the store has its share before connections get theirs.

Not here: who opens what (`storage/store.py`, `rpc/listener.py`).
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass
from typing import Final

STORE: Final = 1_000
"""LevelDB's own number of tables that it keeps open."""
OTHERS: Final = 256
"""What is neither: peers, pipes, libraries, and what LevelDB writes."""
LEAST: Final = 16
"""The store and the clients get no less, however little there is."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many descriptors each may hold."""

    store: int
    connections: int
    limit: int
    """Of the process."""


def share_out(connections: int) -> Shares:
    """Raise this process's limit to what it needs for so many connections, and divide what it got."""
    limit = _raise_limit(connections + STORE + OTHERS)
    return divide(limit, connections)


def divide(limit: int, connections: int) -> Shares:
    """Divide a limit. Where it is short, the store gives up to half of what is left, and clients the rest."""
    free = max(limit - OTHERS, 2 * LEAST)
    store = min(STORE, max(free - connections, free // 2))
    return Shares(store, min(connections, free - store), limit)


def _raise_limit(wanted: int) -> int:
    """Raise the soft limit up to the hard one, if the system lets it; return what holds now, `wanted` at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):  # a system with yet another limit keeps what it has
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
