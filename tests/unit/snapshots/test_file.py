"""A snapshot's file: what went in comes out, and nothing else is ever taken for a snapshot."""

import io
import json
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from devnet.snapshots import file as snapshot_file
from devnet.snapshots.counts import Counts
from devnet.snapshots.file import Frame, SnapshotFile, write
from devnet.snapshots.installing import install
from devnet.snapshots.manifest import Manifest, Place, SnapshotError
from devnet.storage import Store, tables

PLACE = Place(
    chain_id=6343,
    spec="rex6",
    genesis_hash="0x" + "11" * 32,
    settings={"chain_id": 6343, "spec": "rex6", "bucket_capacity": {}},
    block=7,
    mini_block=20,
    block_hash="0x" + "22" * 32,
    state_root="0x" + "33" * 32,
    timestamp=1_700_000_000,
    rollbacks=0,
    history=False,
    log_begins_after=(20, 7),
)
GENESIS = b'{"timestamp":1,"alloc":{}}'
ROWS = [[(tables.META_GENESIS, GENESIS)], [(b"s" + bytes(20), b"value"), (b"c" + bytes(32), b"code")]]


def made(parts, place=PLACE):
    """A file with these rows."""

    def manifest(entries):
        return Manifest(place, 1, 0, 1, sum(map(len, parts)), 1_700_000_001, "0.1.0", entries)

    return b"".join(write(map(Frame.of, parts), manifest))


def read(path, data):
    """All rows of a file with these bytes."""
    path.write_bytes(data)
    with SnapshotFile(path) as file:
        return list(file.parts()), file.manifest


keys = st.binary(min_size=1, max_size=60)
rows = st.lists(st.lists(st.tuples(keys, st.binary(max_size=200)), max_size=20), min_size=1, max_size=5)


@given(rows)
def test_what_went_in_comes_out(tmp_path_factory, parts):
    path = tmp_path_factory.getbasetemp() / "round.megasnap"

    found, manifest = read(path, made(parts))

    assert found == parts
    assert manifest.place == PLACE
    assert (manifest.rows, len(manifest.parts)) == (sum(map(len, parts)), len(parts))


def test_every_truncation_is_refused(tmp_path):
    path, data = tmp_path / "cut.megasnap", made(ROWS)
    for size in range(len(data)):
        with pytest.raises(SnapshotError):
            read(path, data[:size])


def test_every_flipped_bit_is_refused(tmp_path):
    path, data = tmp_path / "flipped.megasnap", made(ROWS)
    for at in range(len(data)):
        for bit in (0, 3, 7):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            with pytest.raises(SnapshotError):
                read(path, changed)


def test_what_follows_the_end_is_refused(tmp_path):
    with pytest.raises(SnapshotError, match="not whole"):
        read(tmp_path / "longer.megasnap", made(ROWS) + b"x")


def test_a_later_format_is_refused_with_words(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_file, "FORMAT", 2)
    later = made(ROWS)
    monkeypatch.undo()
    for data in (later, later[:64]):
        with pytest.raises(SnapshotError, match="format 2, and this version of megaeth reads format 1"):
            read(tmp_path / "later.megasnap", data)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", zstandard.compress(b"megaeth-state 1\n")])
def test_other_files_are_refused(tmp_path, data):
    with pytest.raises(SnapshotError, match="does not begin as a snapshot"):
        read(tmp_path / "other", data)


def test_a_manifest_that_no_chain_has_is_refused(tmp_path):
    wrong = [
        {"block": -1}, {"block": 7.5}, {"block": 0}, {"state_root": "0x12"}, {"block_hash": "zz"},
        {"history": 1}, {"settings": None}, {"log_begins_after": (1,)}, {"spec": 5},
        {"chain_id": 1}, {"spec": "rex5"},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(SnapshotError, match="manifest"):
            read(tmp_path / "wrong.megasnap", made(ROWS, replace(PLACE, **change)))


def test_a_store_takes_no_file_that_holds_something_else_than_it_says(tmp_path):
    """`made` says that there is one account, and there is none."""
    path = tmp_path / "counted.megasnap"
    path.write_bytes(made([[(tables.META_GENESIS, GENESIS)], [(b"c" + bytes(32), b"code")]]))
    with SnapshotFile(path) as file, Store.open(tmp_path / "store", 1.0, fsync=False) as store:
        with pytest.raises(SnapshotError, match="it holds 1 accounts, but it holds 0"):
            install(file, store)
        assert store.tip is None


def test_zstd_itself_unpacks_it():
    with zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(made(ROWS)), read_across_frames=True
    ) as stream:
        assert GENESIS in stream.read()


def test_a_part_that_would_become_larger_than_it_says_is_refused():
    frame = Frame.of([(b"s" + bytes(20), bytes(100_000))])

    with pytest.raises(SnapshotError, match="another size"):
        Frame(frame.data, frame.content_bytes - 1).rows()


def test_rows_stand_over_the_genesis_when_they_are_counted():
    there, gone, new, slot = (bytes([byte]) * 20 for byte in (1, 2, 3, 4))
    genesis = {
        "timestamp": 1,
        "alloc": {
            f"0x{there.hex()}": {"balance": "0x1"},
            f"0x{gone.hex()}": {"balance": "0x1", "storage": {"0x1": "0x5", "0x2": "0x0"}},
            f"0x{slot.hex()}": {"balance": "0x0", "nonce": "0x1"},
        },
    }
    counts = Counts()

    counts.add([(tables.META_GENESIS, json.dumps(genesis).encode())])
    before = (counts.accounts, counts.slots)
    counts.add(
        [
            (b"s" + there, b"changed"),
            (b"s" + gone, b""),
            (b"s" + gone + (1).to_bytes(32, "big"), b""),
            (b"s" + new, b"new"),
            (b"s" + new + bytes(32), b"slot"),
            (b"s" + bytes(4), b"bucket"),
            (b"c" + bytes(32), b"code"),
        ]
    )

    manifest = Manifest(PLACE, 3, 1, 1, 8, 1_700_000_001, "0.1.0", ())
    counts.require(manifest)
    with pytest.raises(SnapshotError, match="it holds 999 accounts, but it holds 3"):
        counts.require(replace(manifest, accounts=999))
    assert before == (3, 1)
    assert (counts.accounts, counts.slots, counts.codes, counts.rows) == (3, 1, 1, 8)
