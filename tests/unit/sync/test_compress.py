"""The stream that frames travel in."""

import contextlib
import os

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from devnet.sync.compress import PIECE_BYTES, WINDOW_LOG, Compressor, Decompressor
from devnet.sync.frames import Malformed


@given(st.lists(st.lists(st.binary(max_size=300), max_size=4), max_size=6))
def test_every_write_can_be_read_at_once(writes):
    heard = bytearray()
    compressor, decompressor = Compressor(), Decompressor()
    sent = b""
    for pieces in writes:
        decompressor.feed(compressor.compress(pieces), heard.extend)
        sent += b"".join(pieces)
        assert heard == sent


def test_what_was_said_before_shortens_what_comes():
    compressor = Compressor()
    record = os.urandom(5000)
    first = len(compressor.compress([record]))
    assert len(compressor.compress([record])) < first / 50


@given(st.binary(max_size=500))
def test_rubbish_is_refused_or_waited_out(data):
    with contextlib.suppress(Malformed):
        Decompressor().feed(data, lambda piece: None)


def test_a_bomb_costs_what_its_taker_admits():
    taken = 0

    def take(piece):
        nonlocal taken
        taken += len(piece)
        if taken > 1_000_000:
            raise Malformed("enough")

    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=WINDOW_LOG)
    bomb = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(bytes(1 << 29))
    assert len(bomb) < 64 * 1024
    with pytest.raises(Malformed, match="enough"):
        Decompressor().feed(bomb, take)
    assert taken <= 1_000_000 + PIECE_BYTES


def test_a_stream_that_wants_more_memory_than_agreed_is_refused():
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = stream.compress(bytes(100)) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    with pytest.raises(Malformed, match="memory"):
        Decompressor().feed(data, lambda piece: None)
