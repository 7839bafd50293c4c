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
    """The receiving end."""

    def __init__(self) -> None:
        self._sink = _Sink()
        context = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG)
        self._stream = context.stream_writer(cast("IO[bytes]", self._sink), write_size=PIECE_BYTES)

    def feed(self, data: bytes, take: Callable[[bytes], None]) -> None:
        """The next bytes as they came: `take` gets the content in pieces of at most PIECE_BYTES, and may raise."""
        # Only for this call: the garbage collector can't look into the stream's object, so that whoever is referred
        # to from there, and refers to us, is never freed.
        self._sink.take = take
        try:
            self._stream.write(data)
        except zstandard.ZstdError as error:
            raise Malformed(f"not a zstd stream: {error}") from None
        finally:
            self._sink.take = None


class _Sink:
    """What zstandard asks of a file."""

    take: Callable[[bytes], None] | None = None

    def write(self, data: bytes) -> int:
        assert self.take is not None
        self.take(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass
