"""Whose files may be run as code: the user's own, where nobody else can put others in their place.

Of a path every level counts, since whoever may rename one of them decides what lies below. Being root is no reason to
believe other users: it is the reason not to.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

ROOT: Final = 0
SHARED: Final = stat.S_IWGRP | stat.S_IWOTH
HINT: Final = "use a --data-dir of your own, below directories that only you and root can write to"


class Untrusted(OSError):
    """Somebody else could have put there what is there."""


def require_trusted(directory: Path) -> None:
    """Raises Untrusted unless only this user (and root) decides what is in a directory."""
    if directory.stat().st_uid != os.geteuid():
        raise Untrusted(f"{directory} belongs to {_name(directory.stat().st_uid)}, not to you; {HINT}")
    # Symbolic links are as good as what they stand in, and as what they lead to.
    for path in (directory.absolute(), directory.resolve()):
        for level in (path, *path.parents):
            if reason := _objection(level):
                raise Untrusted(f"{directory} is not safe: {reason}; {HINT}")


def read_trusted(path: Path, secret: bool = False) -> bytes:
    """A regular file of this user's, which nobody else can write to, nor read if it is secret. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Untrusted(f"{path} is no file")
        if found.st_uid != os.geteuid():
            raise Untrusted(f"{path} belongs to {_name(found.st_uid)}")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO if secret else SHARED):
            raise Untrusted(f"others can {'read' if secret else 'write to'} {path}")
        return file.read()


def _objection(level: Path) -> str:
    """Why somebody else may decide what lies below."""
    found = level.lstat()
    if found.st_uid not in (ROOT, os.geteuid()):
        return f"{level} belongs to {_name(found.st_uid)}"
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & SHARED:
        return ""
    if found.st_mode & stat.S_ISVTX:
        return ""  # as /tmp: what is ours there, nobody else can replace
    if found.st_mode & stat.S_IWOTH or not _is_private(found.st_gid, found.st_uid):
        return f"others can write to {level}"
    return ""


def _is_private(group: int, user: int) -> bool:
    """Whether a group is one user's own, as many systems give to each."""
    try:
        members, person = grp.getgrgid(group), pwd.getpwuid(user)
    except KeyError:
        return False
    return members.gr_name == person.pw_name and set(members.gr_mem) <= {person.pw_name}


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
