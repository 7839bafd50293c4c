"""One process per data directory: an advisory lock that dies with its holder and names it.

The lock is the kernel's (`flock`), so that a `kill -9` leaves nothing behind; the pid in the file only serves
the error message.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from devnet.errors import UnavailableError

LOCK_NAME = "lock"
RETRY_S = 0.02


class Locked(UnavailableError):
    """Another process holds the directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        super().__init__(
            "a devnet is already running on this data directory",
            f"{data_dir} is held by pid {pid or 'unknown'}",
            "megaeth devnet down, or another --data-dir (and --name) for a second devnet",
        )
        self.pid = pid


class DataDirLock:
    """Held from construction to `release`, or until every process that was given `handle` is dead.

    `patience_s` waits for a predecessor that is just dying.
    """

    def __init__(self, data_dir: Path, patience_s: float = 0.0) -> None:
        path = data_dir / LOCK_NAME
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"cannot use the data directory {data_dir}",
                error.strerror or str(error),
                "choose another with --data-dir, or --ephemeral for none",
            ) from error
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() < deadline:
                    time.sleep(RETRY_S)
                    continue
                holder = os.pread(self.handle, 32, 0).decode(errors="replace").strip()
                os.close(self.handle)
                raise Locked(data_dir, int(holder) if holder.isdigit() else None) from error
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would race with whoever opens it now."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
