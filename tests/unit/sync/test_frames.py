"""Frames: what is written is read again, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.sync.frames import (
    HEADER,
    MAX_ENDPOINTS,
    MAX_PATH,
    TYPES,
    Accepted,
    Bye,
    Chunk,
    ChunkRequest,
    Credit,
    Declined,
    Endpoint,
    EntryFrame,
    Fence,
    Fenced,
    FrameReader,
    Genesis,
    GenesisRequest,
    Gossip,
    Hello,
    Malformed,
    Manifest,
    ManifestRequest,
    Peers,
    Ping,
    Pong,
    Status,
    Stored,
    Subscribe,
    Unsubscribe,
    decode,
)
from devnet.sync.log_offset import EntryKind, LogEntry, LogOffset

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
names = st.text(max_size=60)
hashes = st.binary(min_size=32, max_size=32)
positions = st.builds(LogOffset, u64, u64, u64)
endpoints = st.lists(st.builds(Endpoint, names, names, u16), max_size=MAX_ENDPOINTS).map(tuple)
statuses = st.builds(Status, positions, positions, st.lists(names, max_size=MAX_PATH).map(tuple), u8)
later = st.builds(LogOffset, *[st.integers(1, 2**64 - 1)] * 3)
entries = st.builds(LogEntry, st.sampled_from(EntryKind), later, st.binary(max_size=500))
frames = st.one_of(
    st.builds(Hello, u64, hashes, names, names, names, u16, statuses),
    st.builds(Ping, u64, statuses),
    st.builds(Pong, u64),
    st.builds(Credit, u8, u32),
    st.builds(Subscribe, u32, positions),
    st.builds(Accepted, u32),
    st.builds(Declined, u32, names, endpoints),
    st.builds(Unsubscribe),
    st.builds(EntryFrame, entries),
    st.builds(Gossip, u8, st.binary(max_size=500)),
    st.builds(Peers, endpoints),
    st.builds(Bye, names),
    st.builds(GenesisRequest),
    st.builds(Genesis, st.binary(max_size=500), st.binary(max_size=500)),
    st.builds(ManifestRequest),
    st.builds(Manifest, positions, st.binary(max_size=500), st.lists(hashes, max_size=5).map(tuple)),
    st.builds(ChunkRequest, positions, u32),
    st.builds(Chunk, u32, st.binary(max_size=500)),
    st.builds(Stored, positions),
    st.builds(Fence, u64),
    st.builds(Fenced, u64, positions),
)


def admit_all(cls, size):
    pass


def cut(data, sizes):
    """The data in pieces of these sizes, over and over."""
    at = index = 0
    while at < len(data):
        size = sizes[index % len(sizes)]
        yield data[at : at + size]
        at += size
        index += 1


def test_every_type_is_among_those_tried_here():
    assert len(TYPES) == 21


@given(frames)
def test_what_is_written_is_read_again(frame):
    data = frame.encode()
    type_, size = HEADER.unpack(data[: HEADER.size])
    assert size == len(data) - HEADER.size
    assert decode(type_, data[HEADER.size :]) == frame


@given(frames, st.binary(min_size=1, max_size=3))
def test_a_fixed_frame_with_something_after_its_end_is_refused(frame, more):
    data = frame.encode()[HEADER.size :] + more
    try:
        other = decode(frame.TYPE, data)
    except Malformed:
        return
    assert isinstance(other, (EntryFrame, Gossip, Genesis, Chunk)), "those end with the frame"


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_a_stream_may_be_cut_anywhere(sent, sizes):
    heard = []
    reader = FrameReader(admit_all)
    for piece in cut(b"".join(frame.encode() for frame in sent), sizes):
        reader.feed(piece, heard.append)
    assert heard == sent
    assert reader.partial_bytes == 0


@given(u8, st.binary(max_size=300))
def test_rubbish_is_a_frame_or_malformed_and_never_anything_worse(type_, payload):
    try:
        frame = decode(type_, payload)
    except Malformed:
        return
    assert frame.encode() == HEADER.pack(type_, len(payload)) + payload


@given(st.binary(max_size=2000), st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_a_stream_of_rubbish_ends_in_malformed_or_is_held_within_the_caps(data, sizes):
    reader = FrameReader(admit_all)
    try:
        for piece in cut(data, sizes):
            reader.feed(piece, lambda frame: None)
    except Malformed:
        pass
    assert reader.partial_bytes <= len(data)


def test_what_is_here_of_a_payload_is_known():
    reader = FrameReader(admit_all)
    data = EntryFrame(LogEntry(EntryKind.MINI, LogOffset(1, 0), bytes(100))).encode()
    reader.feed(data[:50], lambda frame: None)
    assert reader.partial_bytes == 50 - HEADER.size
    reader.feed(data[50:], lambda frame: None)
    assert reader.partial_bytes == 0


@pytest.mark.parametrize("cls", TYPES.values())
def test_a_length_over_the_cap_is_refused_before_a_byte_is_kept(cls):
    reader = FrameReader(admit_all)
    with pytest.raises(Malformed, match="cap"):
        reader.feed(HEADER.pack(cls.TYPE, cls.CAP + 1) + bytes(100), lambda frame: None)


def test_a_length_is_asked_for_before_a_byte_is_kept():
    asked = []

    def refuse(cls, size):
        asked.append((cls, size))
        raise Malformed("no")

    with pytest.raises(Malformed, match="no"):
        FrameReader(refuse).feed(HEADER.pack(EntryFrame.TYPE, 1000), lambda frame: None)
    assert asked == [(EntryFrame, 1000)]


def test_what_is_too_long_is_not_sent():
    with pytest.raises(ValueError, match="cap"):
        Gossip(1, bytes(300_000)).encode()
    with pytest.raises(ValueError, match="bytes"):
        Bye("x" * 300).encode()
