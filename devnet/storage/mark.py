"""Beside the database: how far its log had come, so that a log that is shorter now is noticed.

LevelDB takes a log file of its own that is cut short, or gone, for one that was never written. The mark is a promise:
at least so much was there. After a restart of the machine less may be there, since the operating system may have kept
it in memory (`docs/storage.md`); as long as the machine runs, less means that somebody removed it.
"""

from __future__ import annotations

import json
import logging
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

from devnet.files import write_atomically

log = logging.getLogger(__name__)

NAME: Final = "chain.mark"
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Mark:
    """What the log has at least."""

    mini: int
    block: int
    boot: str
    """Of the machine, when this was written; empty where the system has no name for that."""
    synced: bool
    """Whether the disk itself had confirmed it."""

    @property
    def must_be_there(self) -> bool:
        """Whether nothing excuses that less is there."""
        return self.synced or (self.boot != "" and self.boot == boot())

    def write(self, directory: Path) -> None:
        """In place of the one before. Not synced: it says no more than what it is about."""
        text = json.dumps(asdict(self))
        write_atomically(directory / NAME, f"{text}\n{zlib.crc32(text.encode()):08x}\n")


def read_mark(directory: Path) -> Mark | None:
    """The mark, if there is one that is whole."""
    try:
        text, checksum = (directory / NAME).read_text().splitlines()
        if int(checksum, 16) == zlib.crc32(text.encode()):
            return Mark(**json.loads(text))
        reason = "its checksum is wrong"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        reason = str(error)
    log.warning("%s can't be read, so that a log that is too short would go unnoticed: %s", NAME, reason)
    return None


def remove_mark(directory: Path) -> None:
    """Nothing is promised any more."""
    (directory / NAME).unlink(missing_ok=True)


@cache
def boot() -> str:
    """Which start of the machine this is."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
