"""Objects on disk, so that a restarted devnet is warm at once; and what turned out not to be compilable.

One file per contract, private to the user: a digest over everything else, then what the object was made for (contract,
spec, compiler, processor), then the object. The digest is keyed with a secret next to the files, and checked before
anything is used: a file that was damaged, or came from elsewhere, is removed. The files used longest ago make room.
Whoever could write to the directory could run code as this user: one that others can write to is not used (`trust.py`).

Several processes may share a directory: files appear whole, and any may be gone at any time. Within a process, one
thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import platform
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

from devnet.files import UNFINISHED, write_aside, write_atomically
from devnet.jit.abi import COMPILER_VERSION
from devnet.jit.selection import Part
from devnet.jit.trust import read_trusted, require_trusted

log = logging.getLogger(__name__)

MAGIC: Final = b"megaeth native 1\n"
SECRET: Final = "secret"
SUFFIX: Final = ".native"
DIGEST_BYTES: Final = 32
LENGTH_BYTES: Final = 4
MAX_BYTES: Final = 256 * 1024 * 1024
EVERY_PART: Final = Part()


@dataclass(frozen=True, slots=True)
class Made:
    """What a file says of itself."""

    code_hash: str
    spec: str
    compiler: int
    processor: str
    code_size: int
    """Bytes of bytecode."""
    size: int = 0
    """Bytes of native code."""
    seconds: float = 0.0
    """That it took to compile."""
    part: Part = EVERY_PART
    """What of the contract was compiled."""
    refused: str = ""
    """Why there is no object, and never will be."""

    @classmethod
    def read(cls, text: bytes) -> Made:
        """From a file."""
        said = json.loads(text)
        part = said.pop("part")
        return cls(**said, part=Part(**part | {"kept": tuple(part["kept"])}))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that proved good."""

    made: Made
    body: bytes


@cache
def processor() -> str:
    """This processor's abilities, in short: objects are for one kind only."""
    abilities = platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features", "model name")):
                abilities += "\n" + line
            if not line:
                break
    return hashlib.blake2b(abilities.encode(), digest_size=16).hexdigest()


class Cache:
    """A directory of objects for one spec, this compiler and this processor. Raises OSError if it is no good."""

    def __init__(self, directory: Path, spec: str, most_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._spec = spec
        self._most_bytes = most_bytes
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_trusted(directory)
        directory.chmod(0o700)
        self._secret = self._read_secret()

    def entries(self) -> Iterator[Entry]:
        """Everything that may be used here, what was used last first. Files that are no good are removed."""
        for path in sorted(self._files(SUFFIX), key=_last_use, reverse=True):
            entry = self._read(path)
            if entry is not None:
                yield entry

    def find(self, code_hash: bytes) -> Entry | None:
        """What is kept for a contract, perhaps by another process; it is in use from now on."""
        path = self._path(code_hash.hex())
        if not path.exists():
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return self._read(path)

    def store(
        self,
        code_hash: bytes,
        code_size: int,
        body: bytes,
        *,
        size: int,
        seconds: float,
        part: Part = EVERY_PART,
    ) -> None:
        """Keeps an object, in the place of one that is another part of the contract."""
        made = Made(
            code_hash.hex(), self._spec, COMPILER_VERSION, processor(), code_size, size, seconds, part
        )
        self._write(made, body)
        self._make_room()

    def refuse(self, code_hash: bytes, code_size: int, reason: str) -> None:
        """Remembers that a contract is never to be compiled again."""
        made = Made(code_hash.hex(), self._spec, COMPILER_VERSION, processor(), code_size, refused=reason)
        self._write(made, b"")

    def remove(self, code_hash: bytes) -> None:
        """Forgets a contract."""
        self._path(code_hash.hex()).unlink(missing_ok=True)

    def _files(self, *suffixes: str) -> list[Path]:
        return [path for path in self._directory.iterdir() if path.suffix in suffixes]

    def _path(self, code_hash: str) -> Path:
        made_for = f"{code_hash} {self._spec} {COMPILER_VERSION} {processor()}"
        return self._directory / (hashlib.blake2b(made_for.encode(), digest_size=20).hexdigest() + SUFFIX)

    def _digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, digest_size=DIGEST_BYTES).digest()

    def _write(self, made: Made, body: bytes) -> None:
        head = json.dumps(asdict(made)).encode()
        rest = len(head).to_bytes(LENGTH_BYTES) + head + body
        path = self._path(made.code_hash)
        write_atomically(path, MAGIC + self._digest(rest) + rest, private=True)

    def _read(self, path: Path) -> Entry | None:
        try:
            data = read_trusted(path)
        except OSError as error:
            log.warning("no native code from %s: %s", path.name, error)
            return None
        digest, rest = data[len(MAGIC) :][:DIGEST_BYTES], data[len(MAGIC) + DIGEST_BYTES :]
        if not data.startswith(MAGIC) or not hmac.compare_digest(digest, self._digest(rest)):
            log.warning("%s is not what was written here: removed", path)
            path.unlink(missing_ok=True)
            return None
        length = int.from_bytes(rest[:LENGTH_BYTES])
        made = Made.read(rest[LENGTH_BYTES : LENGTH_BYTES + length])
        if path != self._path(made.code_hash):
            # For another spec, compiler or processor, or under a wrong name.
            return None
        return Entry(made, rest[LENGTH_BYTES + length :])

    def _make_room(self) -> None:
        # Those that a killed process left unfinished too.
        files = sorted(self._files(SUFFIX, UNFINISHED), key=_last_use)
        total = sum(map(_size, files))
        for path in files:
            if total <= self._most_bytes:
                return
            total -= _size(path)
            path.unlink(missing_ok=True)

    def _read_secret(self) -> bytes:
        """Whoever comes first makes it."""
        path = self._directory / SECRET
        if not path.exists():
            unfinished = write_aside(path, secrets.token_bytes(32), private=True)
            with contextlib.suppress(FileExistsError):
                os.link(unfinished, path)
            unfinished.unlink()
        return read_trusted(path, secret=True)[:64]


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
