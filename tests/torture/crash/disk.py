"""Disks that are small, full or read-only, where this process may mount some: in a mount namespace of its own."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CLONE_NEWNS: Final = 0x00020000
ROOM: Final = 48 << 20
BALLOON: Final = "balloon"
PIECE: Final = 1 << 16
NO_MOUNTS: Final = "this user may not mount anything here"


def own_mounts() -> bool:
    """From here on this process and its children see mounts that nobody else does, and that end with them; False where
    that is forbidden. Before there are any threads."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare") or libc.unshare(CLONE_NEWNS) != 0:
        return False
    return _mount("--make-rprivate", "/")


def own_disk(data: Path, most_bytes: int) -> bool:
    """From here on a directory stands on a disk of its own, of so many bytes, which ends with this process; whether
    that is possible."""
    return _mount("-t", "tmpfs", "-o", f"size={most_bytes}", "tmpfs", str(data))


@contextmanager
def small(data: Path) -> Iterator[None]:
    """What is in a directory stands on a disk of its own meanwhile. Its node is down before and after."""
    used = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    aside = data.with_name("data.aside")
    data.rename(aside)
    data.mkdir()
    assert _mount("-t", "tmpfs", "-o", f"size={used + ROOM}", "tmpfs", str(data))
    try:
        shutil.copytree(aside, data, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(data, aside, ignore=shutil.ignore_patterns(BALLOON))
    finally:
        _unmount(data)
        data.rmdir()
        aside.rename(data)


def fill(data: Path, spare: int) -> None:
    """Leaves so many bytes of the disk free."""
    balloon = data / BALLOON
    with balloon.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PIECE))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    os.truncate(balloon, max(balloon.stat().st_size - spare, 0))


@contextmanager
def read_only(data: Path) -> Iterator[None]:
    """Nothing new can be opened for writing there; what is open stays so."""
    assert _mount("--bind", str(data), str(data))
    try:
        assert _mount("-o", "remount,bind,ro", str(data))
        yield
    finally:
        _unmount(data)


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


def _unmount(data: Path) -> None:
    subprocess.run(["umount", "--lazy", str(data)], check=True, capture_output=True)
