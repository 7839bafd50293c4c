"""A machine that loses its power: what a killed node had not had confirmed by the disk is taken from its files.

    process --fsync--> synced.c, preloaded --> journal of what is on the disk
    killed  --> `lose`: of what is not, an end by chance is gone

A file's name counts as on the disk as soon as its content is, a rename at once, and a file's end moves when what is
before it is written: as journaling file systems have it (ext4 with data=ordered, XFS).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Final

from devnet.storage.identity import CARD
from devnet.storage.mark import NAME as MARK

SOURCE: Final = Path(__file__).with_name("synced.c")
PRELOAD, JOURNAL = "LD_PRELOAD", "SYNCED_JOURNAL"


class NoCompiler(Exception):
    """Nothing can be preloaded here."""


def build(directory: Path) -> Path:
    """What is preloaded; NoCompiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    library = directory / "synced.so"
    if compiler is None:
        raise NoCompiler("there is no C compiler here")
    if not library.exists():
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
    return library


def preloaded(library: Path, journal: Path) -> dict[str, str]:
    """The environment of a process that is watched."""
    return {PRELOAD: str(library), JOURNAL: str(journal)}


class Disk:
    """What the disk has of a node's data, from now on: all that is there, and what it confirms later."""

    def __init__(self, data: Path, journal: Path) -> None:
        """While the node is down."""
        self._data = data
        self.journal = journal
        journal.write_text("")
        self._held = {str(path): path.stat().st_size for path in self._files()}

    def _files(self) -> list[Path]:
        chain = sorted(path for path in (self._data / "chain").glob("*") if path.is_file())
        return chain + [path for name in (CARD, MARK) if (path := self._data / name).exists()]

    def _confirmed(self) -> dict[str, int]:
        held = dict(self._held)
        for line in self.journal.read_text().splitlines():
            kind, _, rest = line.partition(" ")
            first, _, second = rest.partition("\t")
            if kind == "s":
                held[second] = max(held.get(second, 0), int(first))
            else:
                held[second] = held.pop(first, 0)
        return held

    def lose(self, chance: Random) -> tuple[int, int]:
        """Of who was killed: takes what the disk never had; how many bytes of how many that it could take."""
        held, lost, open_to = self._confirmed(), 0, 0
        for path in self._files():
            size, safe = path.stat().st_size, held.get(str(path), 0)
            if safe >= size:
                continue
            left = chance.randint(safe, size)
            open_to += size - safe
            lost += size - left
            if left == 0 and chance.random() < 0.5:
                path.unlink()
                continue
            os.truncate(path, left)
        return lost, open_to
