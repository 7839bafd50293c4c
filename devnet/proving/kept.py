"""Evidence on disk, bounded: a directory of JSON files, of which the newest and the first of each kind are kept.

A flood of faults must not fill the disk, and must not wash away how it began. What is removed is counted, in a file
beside the others, so that the count outlives the process. Any thread may add.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devnet.files import write_atomically
from devnet.timestamps import timestamp

INCIDENTS: Final = "evidence"
"""The directory of a node's incidents, in its data directory."""
REPRODUCTIONS: Final = "reproductions"
"""Likewise, of what its checks failed on."""
COUNT: Final = "dropped"
"""The file with the count."""
_NAME: Final = re.compile(r"\d{8}T\d+\.\d+Z-(?P<kind>.+?)-block-\d+")


@dataclass(frozen=True)
class Bounds:
    """How much a node keeps in one directory."""

    files: int
    """At least 1."""
    bytes: int
    """The newest file stays, however large it is."""


@dataclass(frozen=True)
class _File:
    path: Path
    kind: str
    size: int


class KeptFiles:
    """Of one directory."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        self._directory = directory
        self._bounds = bounds
        self._lock = threading.Lock()
        self._files = [_found(path) for path in sorted(directory.glob("*.json"), key=_age)]
        self._dropped = _read_count(directory / COUNT)
        with self._lock:
            self._make_room()

    @property
    def dropped(self) -> int:
        """Files that were removed to make room, since the directory is there."""
        return self._dropped

    def paths(self) -> list[Path]:
        """What is there, oldest first."""
        with self._lock:
            return [file.path for file in self._files]

    def add(self, kind: str, block: int, text: Callable[[Path], str], suffix: str = "") -> Path:
        """Write a new file, whose text may name its place, and make room for it. Returns where it is."""
        stamp, slug = re.sub(r"[-:]", "", timestamp()), _slug(kind)
        name = f"{stamp}-{slug}-block-{block}{suffix}"
        with self._lock:
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._directory / f"{name}.json"
            while path.exists():
                path = path.with_name(f"{path.stem}+.json")
            size = _replace(path, text(path))
            self._files.append(_File(path, slug, size))
            self._make_room()
        return path

    def _make_room(self) -> None:
        removed = _superfluous(self._files, self._bounds)
        if not removed:
            return
        # Counted first: a file that is counted and still there is removed at the next start.
        self._dropped += len(removed)
        _replace(self._directory / COUNT, str(self._dropped))
        for file in removed:
            file.path.unlink(missing_ok=True)
        gone = {file.path for file in removed}
        self._files = [file for file in self._files if file.path not in gone]


def _superfluous(files: list[_File], bounds: Bounds) -> list[_File]:
    """What has to go, of files in the order of their age: the oldest, but not the first of a kind while others can."""
    firsts = {file.kind: file.path for file in reversed(files)}
    older = files[:-1]
    others = [file for file in older if firsts[file.kind] != file.path]
    first = [file for file in older if firsts[file.kind] == file.path]
    number, size = len(files), sum(file.size for file in files)
    removed = []
    # The firsts go last, and the earliest of all last of them: it tells what came before everything else.
    for file in [*others, *reversed(first)]:
        if number <= bounds.files and size <= bounds.bytes:
            break
        removed.append(file)
        number, size = number - 1, size - file.size
    return removed


def _found(path: Path) -> _File:
    match = _NAME.match(path.name)
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return _File(path, match["kind"] if match else "", size)


def _age(path: Path) -> tuple[str, int]:
    """By the moment in the name; of one moment, as they were written."""
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        written = 0
    return path.name.partition("-")[0], written


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower())


def _replace(path: Path, text: str) -> int:
    """Writes a file as a whole; its size."""
    data = text.encode()
    write_atomically(path, data)
    return len(data)


def _read_count(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
