"""Tracebacks that are kept for bug reports: in the user's own directory, as they may show what is nobody else's."""

import os
import time
from pathlib import Path
from typing import Final

MAX_KEPT: Final = 20
"""The oldest are removed."""


def keep_fault(directory: Path, trace: str) -> Path:
    """Write a traceback to a file that only this user can read; raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    path = directory / f"{stamp}-{os.getpid()}.txt"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(trace)
    for old in sorted(directory.glob("*.txt"))[:-MAX_KEPT]:
        old.unlink(missing_ok=True)
    return path
