"""State files: what a chain's accounts look like outside it, in two forms.

| form      | what it is                                                                                     |
|-----------|------------------------------------------------------------------------------------------------|
| `anvil`   | anvil's JSON, plain or gzipped; of what it may hold besides the accounts, nothing is taken over |
| `megaeth` | one zstd frame with a checksum, below                                                           |

    frame   = "megaeth-state 1" LF | manifest LF | (length u32 | piece)* | 0 u32 | trailer LF
    piece   = accounts for one intervention (`engine/checker/src/evm/intervention/accounts.rs`)

Manifest and trailer are JSON: where the state comes from, and how many pieces there are.

Not here: whose accounts they are to become (`rpc/state_files.py`).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import zstandard

from devnet._engine import StateContents, StateDump
from devnet.errors import ConfigError

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
MAGIC: Final = b"megaeth-state 1\n"
MAX_BYTES: Final = 1 << 30
"""Of a file's content, however much smaller it is when it is compressed."""
MAX_WINDOW: Final = 1 << 27
"""Memory that a zstd frame may ask for."""
_ZSTD_SLICE: Final = 4096
"""So much is unpacked at a time: what it can become at most is bounded, too."""
_LEVEL: Final = 1
"""Addresses, balances and hashes don't compress better for more work."""
_GZIP_WINDOW: Final = 31
_COUNT = struct.Struct(">I")
_ANVIL_BEGIN: Final = b'{"block":null,"accounts":{'
_ANVIL_END: Final = b'},"best_block_number":null,"blocks":[],"transactions":[],"historical_states":null}'
"""Anvil takes no block number without that block."""


class StateFileError(ConfigError):
    """The file can't be used: what is wrong with it, and where."""

    def __init__(self, why: str) -> None:
        super().__init__("this is no state file", why)


class Form(StrEnum):
    """How a state is written."""

    ANVIL = "anvil"
    MEGAETH = "megaeth"

    @classmethod
    def of(cls, path: Path) -> Form:
        """The form that a file's name asks for: ours if it ends in `.zst`."""
        return cls.MEGAETH if path.suffix == ".zst" else cls.ANVIL


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def write(dump: StateDump, form: Form, manifest: dict[str, Any], *, gzip: bool) -> Iterator[bytes]:
    """The file, piece by piece. `gzip`: of anvil's form. Any thread; the GIL is free while it works."""
    if form is Form.MEGAETH:
        return write_pieces(_parts(dump), manifest)
    return _compressed(_anvil(dump), zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW) if gzip else _Plain())


def _parts(dump: StateDump) -> Iterator[list[bytes]]:
    while (part := dump.pieces()) is not None:
        yield part


def _anvil(dump: StateDump) -> Iterator[bytes]:
    yield _ANVIL_BEGIN
    is_first = True
    while (part := dump.json(is_first)) is not None:
        yield part
        is_first = False
    yield _ANVIL_END


def write_pieces(parts: Iterable[list[bytes]], manifest: dict[str, Any]) -> Iterator[bytes]:
    """A file in our form."""
    compressor: _Compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
    return _compressed(_framed(parts, manifest), compressor)


def _framed(parts: Iterable[list[bytes]], manifest: dict[str, Any]) -> Iterator[bytes]:
    yield MAGIC + orjson.dumps(manifest, option=orjson.OPT_APPEND_NEWLINE)
    pieces = 0
    for part in parts:
        pieces += len(part)
        yield b"".join(_COUNT.pack(len(piece)) + piece for piece in part)
    yield _COUNT.pack(0) + orjson.dumps({"pieces": pieces}, option=orjson.OPT_APPEND_NEWLINE)


def _compressed(parts: Iterator[bytes], compressor: _Compressor) -> Iterator[bytes]:
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    if rest := compressor.flush():
        yield rest


def read_file(path: Path) -> StateContents:
    """A file's accounts, checked as a whole. Raises `ConfigError`."""
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the state file {path}", error.strerror or str(error)) from None
    except StateFileError as error:
        raise ConfigError(f"{path} is no state file", error.why) from None


def read(data: bytes) -> StateContents:
    """The accounts in a file of any form, checked as a whole. Raises `StateFileError`."""
    try:
        if data.startswith(ZSTD):
            return StateContents.from_pieces(_pieces(_unzstd(data)))
        return StateContents.from_json(gunzip(data) if data.startswith(GZIP) else data)
    except ValueError as error:
        raise StateFileError(str(error)) from None


def gunzip(data: bytes) -> bytes:
    """What was gzipped, if it is whole and not too large. Raises `StateFileError`."""
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = stream.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise StateFileError(f"the gzip data is damaged: {error}") from None
    if stream.unconsumed_tail:
        raise _too_large()
    if not stream.eof:
        raise StateFileError(f"the gzip data ends too early, after {len(data)} bytes")
    if stream.unused_data:
        raise StateFileError(f"{len(stream.unused_data)} bytes follow the gzip data")
    return content


class _Bounded(io.BytesIO):
    """Takes so much and no more."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 whatever is a buffer
        if self.tell() + len(data) > MAX_BYTES:
            raise _too_large()
        return super().write(data)


def _unzstd(data: bytes) -> bytes:
    stream = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    content = _Bounded()
    try:
        for at in range(0, len(data), _ZSTD_SLICE):
            content.write(stream.decompress(data[at : at + _ZSTD_SLICE]))
            if stream.eof:
                _require_end(len(stream.unused_data) + max(0, len(data) - at - _ZSTD_SLICE))
                return content.getvalue()
    except zstandard.ZstdError as error:
        raise StateFileError(f"the zstd data is damaged: {error}") from None
    raise StateFileError(f"the zstd data ends too early, after {len(data)} bytes: the file is not whole")


def _require_end(more: int) -> None:
    if more:
        raise StateFileError(f"{more} bytes follow the zstd data")


def _too_large() -> StateFileError:
    return StateFileError(f"it holds more than {MAX_BYTES} bytes")


def _pieces(content: bytes) -> list[bytes]:
    if MAGIC.startswith(content):
        raise StateFileError("the zstd data ends too early")
    if not content.startswith(MAGIC):
        raise StateFileError(f"the zstd data does not begin with {MAGIC.decode().strip()!r}")
    at = content.find(b"\n", len(MAGIC)) + 1
    pieces: list[bytes] = []
    while at and at + _COUNT.size <= len(content):
        (size,) = _COUNT.unpack_from(content, at)
        at += _COUNT.size
        if not size:
            _check_trailer(content[at:], len(pieces))
            return pieces
        pieces.append(content[at : at + size])
        at += size
    raise StateFileError(f"its content ends too early, within piece {len(pieces) + 1}")


def _check_trailer(trailer: bytes, pieces: int) -> None:
    said = orjson.loads(trailer) if trailer else None
    if said != {"pieces": pieces}:
        raise StateFileError(f"it ends too early: it says {said}, but there are {pieces} pieces")
