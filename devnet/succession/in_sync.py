"""Which candidates have everything that was shown, so that one of them may lead next; and on whose disks that must be.

By default what is shown is on as many disks as are *in sync*, two at most. A standby that does not come up is left
out, so that the others go on without it, and may lead again only when it has everything. With an explicit
`--durable-on` all candidates are in sync, always: then nothing is shown while too few of them answer.

The lease keeps the set, as who may acquire it. It is replaced by a renewal; until that is answered either set may be
the one that counts, and what is shown must be on enough disks of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from devnet.sync import LogOffset


@dataclass(frozen=True)
class Candidates:
    """Who may lead, and how many of their disks have what is shown."""

    node: str
    """This one."""
    names: tuple[str, ...]
    disks: int
    is_strict: bool = True
    """Whether it is never shown on fewer."""

    def members(self, in_sync: Iterable[str]) -> frozenset[str]:
        """Who counts, where the lease says that these are in sync; nobody: it does not say."""
        told = frozenset(in_sync)
        return frozenset(self.names) if self.is_strict or not told else told

    def disks_of(self, members: frozenset[str]) -> int:
        """So many disks of theirs have what is shown."""
        return self.disks if self.is_strict else min(self.disks, len(members))

    def to_ask(self, members: frozenset[str]) -> int:
        """So many other members must say where they stand, so that one of them or this node has all that was shown."""
        return len(members) - self.disks_of(members)

    def requirement(self, members: frozenset[str]) -> Requirement:
        """What must hold of what this node shows, as who leads."""
        return Requirement(members - {self.node}, self.disks_of(members) - 1)


@dataclass(frozen=True)
class Requirement:
    """So many of these must have it."""

    of: frozenset[str]
    count: int

    def missing(self, stored: dict[str, LogOffset], position: LogOffset) -> int:
        """How many more, where these have the log up to there."""
        have = sum(node in self.of and stored[node].sequence >= position.sequence for node in stored)
        return max(0, self.count - have)
