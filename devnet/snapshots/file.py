"""The file: zstd frames, so that `zstd -t` and `zstd -d` take it, between two frames that zstd skips.

    file  = head | part* | tail
    head  = skippable frame: "megaeth-snapshot " format LF
    part  = zstd frame: rows of the store's tables (`storage/rows.py`)
    tail  = skippable frame: manifest as JSON | its sha256 | its length u32 | "megaeth-snapshot"

The tail is written last and found from the end, so that a file is written in one go, and what is cut short has none.
The manifest has length and sha256 of each part. Every byte is covered: what differs anywhere is refused.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

import zstandard

from devnet.snapshots.manifest import FORMAT, Manifest, Part, SnapshotError
from devnet.storage.rows import BadRows, Row, decode_rows, encode_rows

NAME: Final = b"megaeth-snapshot"
PART_BYTES: Final = 1 << 20
"""Of rows in one part, about."""
MOST_PART_BYTES: Final = 1 << 30
"""Of one part's content: a genesis document is in one."""
MOST_MANIFEST_BYTES: Final = 64 << 20
LEVEL: Final = 1
"""Addresses, balances and hashes don't compress better for more work."""
_SKIPPABLE: Final = struct.Struct("<II")
_SKIPPABLE_MAGIC: Final = 0x184D2A50
_LENGTH: Final = struct.Struct(">I")
_SHA256_BYTES: Final = 32
_END_BYTES: Final = _SHA256_BYTES + _LENGTH.size + len(NAME)
_HEAD_BYTES: Final = 32
"""More than the head of any format takes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A part on its way."""

    data: bytes
    content_bytes: int

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Any thread; the GIL is free while it is packed."""
        content = encode_rows(rows)
        packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(content)
        return cls(packed, len(content))

    def rows(self) -> list[Row]:
        """What is in it. Raises `SnapshotError`."""
        if self.content_bytes > MOST_PART_BYTES:
            raise SnapshotError(f"it has a part of {self.content_bytes} bytes")
        try:
            if zstandard.frame_content_size(self.data) != self.content_bytes:
                raise SnapshotError("a part has another size than it says")
            content = zstandard.ZstdDecompressor().decompress(self.data, self.content_bytes)
            return decode_rows(content)
        except (zstandard.ZstdError, BadRows) as error:
            raise SnapshotError(f"a part is damaged: {error}") from None


def _skippable(content: bytes) -> bytes:
    return _SKIPPABLE.pack(_SKIPPABLE_MAGIC, len(content)) + content


def _head(version: int) -> bytes:
    return _skippable(b"%b %d\n" % (NAME, version))


def _tail(manifest: bytes) -> bytes:
    return _skippable(manifest + hashlib.sha256(manifest).digest() + _LENGTH.pack(len(manifest)) + NAME)


def write(frames: Iterable[Frame], manifest: Callable[[tuple[Part, ...]], Manifest]) -> Iterator[bytes]:
    """A file, piece by piece. `manifest` is asked when all frames have been taken."""
    yield _head(FORMAT)
    parts: list[Part] = []
    for frame in frames:
        parts.append(Part(len(frame.data), frame.content_bytes, hashlib.sha256(frame.data).hexdigest()))
        yield frame.data
    yield _tail(manifest(tuple(parts)).encode())


class SnapshotFile:
    """A file that is open. Raises `SnapshotError`, or `OSError`."""

    def __init__(self, path: Path) -> None:
        """Reads what it says of itself; nothing of its parts."""
        self.path = path
        self._file: BinaryIO = path.open("rb")
        try:
            self.bytes = os.fstat(self._file.fileno()).st_size
            self._require_head()
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise

    def _require_head(self) -> None:
        found, expected = self._file.read(_HEAD_BYTES), _head(FORMAT)
        if found.startswith(expected):
            return
        begin = found[_SKIPPABLE.size :]
        if not begin.startswith(NAME + b" ") or found[:4] != expected[:4]:
            raise SnapshotError("it does not begin as a snapshot of megaeth does")
        version = begin[len(NAME) + 1 :].partition(b"\n")[0]
        if version.isdigit() and int(version) != FORMAT:
            raise SnapshotError(
                f"it has format {int(version)}, and this version of megaeth reads format {FORMAT}: "
                "a later version made it"
            )
        raise SnapshotError("its beginning is damaged")

    def _read_manifest(self) -> Manifest:
        head = len(_head(FORMAT))
        if self.bytes < head + _SKIPPABLE.size + _END_BYTES:
            raise SnapshotError(f"it ends too early, after {self.bytes} bytes")
        self._file.seek(self.bytes - _END_BYTES)
        end = self._file.read(_END_BYTES)
        if not end.endswith(NAME):
            raise SnapshotError(f"it is not whole: {self.bytes} bytes, and no manifest at its end")
        (size,) = _LENGTH.unpack_from(end, _SHA256_BYTES)
        begin = self.bytes - _END_BYTES - size - _SKIPPABLE.size
        if size > MOST_MANIFEST_BYTES or begin < head:
            raise SnapshotError("its manifest is damaged: it can't have the length that it says")
        self._file.seek(begin)
        tail = self._file.read()
        encoded = tail[_SKIPPABLE.size : _SKIPPABLE.size + size]
        if tail != _tail(encoded):
            raise SnapshotError("its manifest is damaged: the checksum is another one")
        manifest = Manifest.decode(encoded)
        if head + sum(part.bytes for part in manifest.parts) != begin:
            raise SnapshotError("its parts have other lengths than the manifest says")
        return manifest

    def parts(self) -> Iterator[list[Row]]:
        """The rows, part by part, each checked before it is given."""
        self._file.seek(len(_head(FORMAT)))
        for number, part in enumerate(self.manifest.parts, 1):
            data = self._file.read(part.bytes)
            if hashlib.sha256(data).hexdigest() != part.sha256:
                raise SnapshotError(
                    f"part {number} of {len(self.manifest.parts)} is damaged: its checksum is another one"
                )
            yield Frame(data, part.content_bytes).rows()

    def check(self) -> None:
        """Reads all of it: nothing of it is damaged when this returns."""
        for _ in self.parts():
            pass

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
