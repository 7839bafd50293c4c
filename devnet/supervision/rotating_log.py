"""A log file that rotates, and that nobody has to fear: writing to it never fails.

What the disk does not take is dropped and counted, and the log says so itself as soon as there is space again.
"""

import os
from pathlib import Path
from typing import BinaryIO

from devnet.stalls import watched

LOG_BYTES = 8 * 1024 * 1024
LOG_FILES = 3


class RotatingLog:
    """A log file that is never larger than LOG_BYTES, with LOG_FILES - 1 older ones beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._size = 0
        self._is_cut = False
        """What stands there ends within a line."""
        self.lost = 0
        """Lines that were dropped since the last one that was written."""
        self.reason = ""
        """Why."""

    def write(self, line: bytes) -> None:
        """Append one line, or count it as lost."""
        text = self._confession() + line
        try:
            with watched(f"writing {self._path}"):
                written = self._with_room_for(len(text)).write(text)
        except OSError as error:
            written, self.reason = 0, os.strerror(error.errno) if error.errno else str(error)
        self._size += written
        if written == len(text):
            self.lost, self._is_cut, self.reason = 0, False, ""
        else:
            self.lost += 1
            self._is_cut |= written > 0
            self.reason = self.reason or "the disk takes no more"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _confession(self) -> bytes:
        if not self.lost:
            return b""
        lines = "1 line is" if self.lost == 1 else f"{self.lost} lines are"
        return b"\n" * self._is_cut + f"... {lines} missing here: {self.reason}\n".encode()

    def _with_room_for(self, size: int) -> BinaryIO:
        file = self._open()
        if self._size + size <= LOG_BYTES or not self._size:
            return file
        self.close()
        self._rotate()
        return self._open()

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
            self._size = self._file.tell()
        return self._file

    def _rotate(self) -> None:
        for age in range(LOG_FILES - 1, 0, -1):
            younger = self._path.with_name(f"{self._path.name}.{age - 1}") if age > 1 else self._path
            if younger.exists():
                younger.replace(self._path.with_name(f"{self._path.name}.{age}"))
