"""What disks do to files: bits that flip, ends that are missing, files that are gone. The node is down meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from devnet.storage.identity import CARD
from devnet.storage.mark import NAME as MARK
from tests.torture.crash.clients import RECIPIENT

Find = Callable[[Path, Random], Path]
Harm = Callable[[Path, Random], str]
"""Says what it has done."""
NEAR: Final = 24
"""Bytes after a row's key within which its value lies."""


class NoSuchFile(Exception):
    """There is nothing yet that could be damaged like that."""


def _one(pattern: str) -> Find:
    def find(data: Path, chance: Random) -> Path:
        if found := sorted(path for path in data.glob(pattern) if path.stat().st_size):
            return chance.choice(found)
        raise NoSuchFile(pattern)

    return find


FILES: Final[dict[str, Find]] = {
    "a table of LevelDB": _one("chain/*.ldb"),
    "LevelDB's log": _one("chain/*.log"),
    "MANIFEST": _one("chain/MANIFEST-*"),
    "CURRENT": _one("chain/CURRENT"),
    CARD: _one(CARD),
    MARK: _one(MARK),
}


def flip(path: Path, chance: Random) -> str:
    """One bit."""
    content = bytearray(path.read_bytes())
    return _flip_at(path, content, chance.randrange(len(content)), chance)


def cut(path: Path, chance: Random) -> str:
    """An end of any length is missing."""
    size = path.stat().st_size
    left = chance.randrange(size)
    with path.open("r+b") as file:
        file.truncate(left)
    return f"{path.name} cut from {size} to {left} bytes"


def remove(path: Path, _: Random) -> str:
    """It is gone."""
    path.unlink()
    return f"{path.name} removed"


def flip_row(data: Path, chance: Random) -> str:
    """A bit of the recipient's account, in one of the rows that tell of it: in the snapshot, or of its past."""
    places = []
    for path in sorted(data.glob("chain/*.ldb")) + sorted(data.glob("chain/*.log")):
        content = path.read_bytes()
        at = content.find(RECIPIENT)
        while at >= 0:
            places.append((path, at + len(RECIPIENT)))
            at = content.find(RECIPIENT, at + 1)
    if not places:
        raise NoSuchFile("a row of the recipient's")
    path, at = chance.choice(places)
    content = bytearray(path.read_bytes())
    return _flip_at(path, content, min(at + chance.randrange(NEAR), len(content) - 1), chance)


def _flip_at(path: Path, content: bytearray, at: int, chance: Random) -> str:
    bit = chance.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return f"bit {bit} of byte {at} of {path.name}, which has {len(content)}"


HARMS: Final[dict[str, Harm]] = {"flip": flip, "cut": cut, "remove": remove}
