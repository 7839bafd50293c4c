"""One devnet per data directory: an advisory lock that dies with its holder and names it.

The lock is the kernel's (`flock`), so that a `kill -9` leaves nothing behind; the pid in the file only serves
the error message.
"""

import fcntl
import os
from pathlib import Path

from devnet.errors import UnavailableError

LOCK_NAME = "lock"


class DataDirLock:
    """Held from construction to `release` or the death of the process. Not inherited by children."""

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / LOCK_NAME
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"cannot use the data directory {data_dir}",
                error.strerror or str(error),
                "choose another with --data-dir, or --ephemeral for none",
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._handle, 32).decode(errors="replace").strip()
            os.close(self._handle)
            raise UnavailableError(
                "a devnet is already running on this data directory",
                f"{data_dir} is held by pid {holder or 'unknown'}",
                "megaeth devnet down, or another --data-dir (and --name) for a second devnet",
            ) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._handle)
