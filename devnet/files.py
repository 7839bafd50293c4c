"""Files that are there as a whole or not at all: written aside, then put in the place of what was there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

UNFINISHED: Final = ".tmp"
"""Suffix of what is being written, or was when its process was killed."""
_SHOWN: Final = 40


Data = bytes | str | Iterable[bytes]
"""A file's content, or the pieces that it is put together from while it is written."""


def write_atomically(path: Path, data: Data, *, fsync: bool = False, private: bool = False) -> None:
    """Replace a file; raises OSError, and then the one that was there is still whole.

    `fsync`: on return it is on the disk itself, and outlives a loss of power. `private`: only its owner can read it.
    Several may write the same file at once: one of them is the last.
    """
    aside = write_aside(path, data, fsync=fsync, private=private)
    try:
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    if fsync:
        _sync_directory(path.parent)


def write_aside(path: Path, data: Data, *, fsync: bool = False, private: bool = False) -> Path:
    """A file of its own beside another, whose place it can take; raises OSError, and then it has left nothing."""
    aside = path.with_name(f".{path.stem[:_SHOWN]}-{secrets.token_hex(8)}{UNFINISHED}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            content = data.encode() if isinstance(data, str) else data
            file.writelines([content] if isinstance(content, bytes) else content)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return aside


def _sync_directory(directory: Path) -> None:
    """A new name is on the disk only when its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
