"""What is to happen to a role's process from inside: told by its supervisor, read by `doomed`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

BEFORE, AFTER, TORN = "before", "after", "torn"
"""The process ends before a write; after it, before anybody is told; amid it, with a part of it in the file."""


@dataclass(frozen=True)
class Plan:
    """Of one life of a process."""

    point: str = ""
    """A name in `doomed.POINTS`; empty: it is left to live."""
    when: str = BEFORE
    count: int = 1
    """The how-manieth time that it comes there."""
    spare: int = 0
    """Bytes of a torn write that still reach the file."""
    clock_s: float = 0.0
    """So much ahead is the clock that its Python sees; negative: behind."""
    limits: dict[str, int] = field(default_factory=dict)
    """From the beginning, by the name that `resource` knows them by after RLIMIT_."""
    preload: str = ""
    """A library of `power.build`, which notes what the disk confirms."""
    journal: str = ""
    """Where."""

    def encode(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Plan:
        """The opposite."""
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return f"{self.when} {self.point}, {self.count}." if self.point else "no fault point"
