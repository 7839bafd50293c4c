"""What a rule says of a program: where, how bad, and the numbers. No rule, no rendering."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path


class Level(enum.StrEnum):
    """How bad; SARIF's words."""

    NOTE = "note"
    """It costs more than on Ethereum, or may surprise."""
    WARNING = "warning"
    """It fails, or opens a hole, under conditions that others may bring about."""
    ERROR = "error"
    """It cannot work."""

    @property
    def rank(self) -> int:
        """From 0, the least bad."""
        return list(Level).index(self)


@dataclass(frozen=True)
class Place:
    """A stretch of a source. Lines and columns begin with 1, and count characters; `end` is the first one behind."""

    path: Path
    begin: tuple[int, int]
    end: tuple[int, int]
    line: str
    """The text of its first line."""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule has found."""

    rule: str
    level: Level
    message: str
    place: Place
    related: tuple[tuple[str, Place], ...] = ()
    """Other places that belong to it, each with what is there."""
    measured: dict[str, int] = field(default_factory=dict)
    """The numbers in the message, by name; gas, bytes or counts, as the names say."""
    suppressed: str | None = None
    """Why a comment in the source says that it may stand."""


@dataclass(frozen=True)
class Deployment:
    """What it takes to bring a contract onto the chain."""

    contract: str
    place: Place
    runtime_bytes: int
    creation_bytes: int
    compute_gas: int
    storage_gas: int
    ethereum_gas: int

    @property
    def gas(self) -> int:
        """What is paid for; the constructor's work comes on top."""
        return self.compute_gas + self.storage_gas
