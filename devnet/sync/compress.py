"""One zstd stream per direction of a connection: what one mini-block said shortens the next.

Every write is flushed, so that nothing waits for more to come. The decompressor hands its output on piece by piece
and stops when its taker raises: a bomb costs what the taker admits, never what it claims to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Final, cast

import zstandard

from devnet.sync.frames import Malformed

LEVEL: Final = 3
WINDOW_LOG: Final = 21
"""2 MiB of context: about a second of a busy chain's diffs. What a connection costs in memory follows from it."""
PIECE_BYTES: Final = 128 * 1024


class Compressor:
    """The sending end."""

    def __init__(self, level: int = LEVEL) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            level, window_log=WINDOW_LOG, write_content_size=False, write_checksum=False
        )
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    def compress(self, pieces: list[bytes]) -> bytes:
        """All of the pieces, in such a way that the other end can read them at once."""
        compressed = [self._stream.compress(piece) for piece in pieces]
        compressed.append(self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
        return b"".join(compressed)


class Decompressor:
    """The receiving end: `take` gets the content in pieces of at most PIECE_BYTES, and may raise."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._sink = _Sink(take)
        context = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG)
        self._stream = context.stream_writer(cast("IO[bytes]", self._sink), write_size=PIECE_BYTES)

    def feed(self, data: bytes) -> None:
        """The next bytes as they came."""
        try:
            self._stream.write(data)
        except zstandard.ZstdError as error:
            raise Malformed(f"not a zstd stream: {error}") from None


class _Sink:
    """What zstandard asks of a file."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def write(self, data: bytes) -> int:
        self._take(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass
